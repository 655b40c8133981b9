using SharpSeg.Conformance;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Variants;
using Xunit;

namespace SharpSeg.Kernels.Gpu.Tests;

/// <summary>
/// What reads or writes activations, where these are kept in 16 bits: on tensor cores against copies in float32 on the plain
/// kernels, and element-wise operations to the bit. Bricks: <see cref="TensorCoreTests"/>.
/// </summary>
public sealed class HalfActivationTests
{
    [TensorCoreTheory]
    [InlineData(GpuPrecision.Bf16Activations)]
    [InlineData(GpuPrecision.Fp16Activations)]
    public void Copies_round_to_the_nearest_and_foreign_elements_are_refused(GpuPrecision precision)
    {
        using var backend = DeviceUnderTest.Open(KernelChoice.Fast, precision);
        var suite = new MemoryConformance(new ConformanceTarget(backend, TinyShapesOnly: true));
        suite.Copy_between_elements_rounds_to_the_nearest();
        suite.Fill_sets_every_element_and_no_other();
        suite.Elements_that_do_not_fit_are_refused();
    }

    [TensorCoreFact]
    public void Products_by_tiles_agree_with_the_plain_kernels()
    {
        using var backend = DeviceUnderTest.Open(KernelChoice.Fast, GpuPrecision.Bf16Activations);
        Assert.All(
            new[]
            {
                Operation.ConvForward, Operation.ConvBackwardData, Operation.ConvBackwardWeights, Operation.TransposedConvForward,
                Operation.TransposedConvBackwardData, Operation.TransposedConvBackwardWeights,
            },
            operation => Assert.True(VariantSelfCheck.Agrees(backend, operation, Variant.TensorCores), operation.Name()));
    }

    [TensorCoreFact]
    public void Norms_and_bias_gradients_agree_with_the_plain_kernels()
    {
        using var backend = DeviceUnderTest.Open(KernelChoice.Fast, GpuPrecision.Bf16Activations);
        Assert.True(VariantSelfCheck.Agrees(backend, Operation.InstanceNorm, Variant.Fast));
        Assert.True(VariantSelfCheck.Agrees(backend, Operation.BiasGradient, Variant.Fast));
    }

    /// <summary>They compute what the float32 kernels do and round it: the same bits.</summary>
    [TensorCoreTheory]
    [InlineData(GpuPrecision.Bf16Activations, 4)]
    [InlineData(GpuPrecision.Bf16Activations, 3)]
    [InlineData(GpuPrecision.Fp16Activations, 6)]
    public void Pointwise_operations_are_those_of_float32_rounded(GpuPrecision precision, int channels)
    {
        using var backend = DeviceUnderTest.Open(KernelChoice.Fast, precision);
        Shape fine = Shape.Activation(1, new(2, 2, 4), channels), coarse = Shape.Activation(1, new(1, 1, 2), channels);
        var odd = Shape.Vector(17);
        Check(odd, odd, (x, y) => backend.Axpby(0.3f, x, -1.7f, y));
        Check(odd, odd, (x, y) => backend.Axpby(0.3f, x, 0f, y));
        Check(fine, fine, (x, y) => backend.AddLeakyReluForward(x, y, 0.01f, y));
        Check(odd, odd, (x, y) => backend.AddLeakyReluBackward(y, x, 0.01f, y));
        Check(fine, coarse, (x, y) => backend.BlockSum(x, new(2, 2, 2), 0.125f, y, accumulate: true));
        Check(fine, coarse, (x, y) => backend.BlockSum(x, new(2, 2, 2), 1f, y, accumulate: false));
        Check(coarse, fine, (x, y) => backend.BlockRepeat(x, new(2, 2, 2), 0.125f, y, accumulate: true));

        void Check(Shape from, Shape to, Action<Tensor, Tensor> operation)
        {
            using var tensors = new SelfCheckTensors(backend);
            var (x, y) = (tensors.Activation(from), tensors.Activation(to));
            var (wideX, wideY) = (tensors.Output(from), tensors.Output(to));
            var result = tensors.Output(to);
            backend.Copy(x, wideX);
            backend.Copy(y, wideY);
            operation(x, y);
            operation(wideX, wideY);
            backend.Copy(y, result);
            var read = tensors.ReadOutputs();
            Assert.Equal(read[1].Select(value => backend.Activations.Rounded(value)), read[2]);
        }
    }
}
