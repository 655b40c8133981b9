using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Variants;
using Xunit;

namespace SharpSeg.Kernels.Gpu.Tests;

/// <summary>The tensor-core variants against the plain float32 kernel, to what their precision allows.</summary>
public sealed class TensorCoreTests
{
    /// <summary>
    /// Factors are rounded to 2⁻¹¹ (tf32, float16) or 2⁻⁸ (bfloat16); the errors of many products mostly cancel.
    /// </summary>
    public static TheoryData<GpuPrecision> Precisions => [GpuPrecision.Tf32, GpuPrecision.Bf16, GpuPrecision.Fp16];

    [TensorCoreTheory]
    [MemberData(nameof(Precisions))]
    public void Convolution_on_tensor_cores_agrees_with_the_plain_kernel(GpuPrecision precision)
    {
        using var backend = DeviceUnderTest.Open(KernelChoice.Fast, precision);
        Assert.True(VariantSelfCheck.Agrees(backend, Operation.ConvForward, Variant.TensorCores));
        Assert.True(VariantSelfCheck.Agrees(backend, Operation.ConvBackwardData, Variant.TensorCores));
    }

    [TensorCoreTheory]
    [MemberData(nameof(Precisions))]
    public void Weight_gradient_on_tensor_cores_agrees_with_the_plain_kernel(GpuPrecision precision)
    {
        using var backend = DeviceUnderTest.Open(KernelChoice.Fast, precision);
        Assert.True(VariantSelfCheck.Agrees(backend, Operation.ConvBackwardWeights, Variant.TensorCores));
        Assert.True(VariantSelfCheck.Agrees(backend, Operation.TransposedConvBackwardWeights, Variant.TensorCores));
    }

    [TensorCoreTheory]
    [MemberData(nameof(Precisions))]
    public void Transposed_convolution_on_tensor_cores_agrees_with_the_plain_kernel(GpuPrecision precision)
    {
        using var backend = DeviceUnderTest.Open(KernelChoice.Fast, precision);
        Assert.True(VariantSelfCheck.Agrees(backend, Operation.TransposedConvForward, Variant.TensorCores));
        Assert.True(VariantSelfCheck.Agrees(backend, Operation.TransposedConvBackwardData, Variant.TensorCores));
    }

    [TensorCoreTheory]
    [MemberData(nameof(Precisions))]
    [InlineData(GpuPrecision.Bf16Activations)]
    [InlineData(GpuPrecision.Fp16Activations)]
    public void Convolution_by_bricks_agrees_with_the_plain_kernel(GpuPrecision precision)
    {
        using var backend = DeviceUnderTest.Open(KernelChoice.Bricks, precision);
        Assert.True(VariantSelfCheck.Agrees(backend, Operation.ConvForward, Variant.Bricks));
        Assert.True(VariantSelfCheck.Agrees(backend, Operation.ConvBackwardData, Variant.Bricks));
    }

    [TensorCoreTheory]
    [MemberData(nameof(Precisions))]
    [InlineData(GpuPrecision.Bf16Activations)]
    [InlineData(GpuPrecision.Fp16Activations)]
    public void Statistics_that_bricks_leave_are_those_of_their_results(GpuPrecision precision)
    {
        using var backend = DeviceUnderTest.Open(KernelChoice.Bricks, precision);
        Assert.True(VariantSelfCheck.Agrees(backend, Operation.InstanceNorm, Variant.Bricks));
    }

    [TensorCoreTheory]
    [InlineData(GpuPrecision.Bf16)]
    [InlineData(GpuPrecision.Fp16)]
    [InlineData(GpuPrecision.Bf16Activations)]
    [InlineData(GpuPrecision.Fp16Activations)]
    public void Weight_gradient_by_bricks_agrees_with_the_plain_kernel(GpuPrecision precision)
    {
        using var backend = DeviceUnderTest.Open(KernelChoice.Bricks, precision);
        Assert.True(VariantSelfCheck.Agrees(backend, Operation.ConvBackwardWeights, Variant.Bricks));
    }

    [TensorCoreTheory]
    [MemberData(nameof(Precisions))]
    [InlineData(GpuPrecision.Bf16Activations)]
    [InlineData(GpuPrecision.Fp16Activations)]
    public void Transposed_convolution_by_bricks_agrees_with_the_plain_kernel(GpuPrecision precision)
    {
        using var backend = DeviceUnderTest.Open(KernelChoice.Bricks, precision);
        Assert.True(VariantSelfCheck.Agrees(backend, Operation.TransposedConvForward, Variant.Bricks));
        Assert.True(VariantSelfCheck.Agrees(backend, Operation.TransposedConvBackwardData, Variant.Bricks));
    }

    [TensorCoreTheory]
    [InlineData(GpuPrecision.Bf16)]
    [InlineData(GpuPrecision.Fp16)]
    [InlineData(GpuPrecision.Bf16Activations)]
    [InlineData(GpuPrecision.Fp16Activations)]
    public void Weight_gradient_of_a_transposed_convolution_by_bricks_agrees_with_the_plain_kernel(GpuPrecision precision)
    {
        using var backend = DeviceUnderTest.Open(KernelChoice.Bricks, precision);
        Assert.True(VariantSelfCheck.Agrees(backend, Operation.TransposedConvBackwardWeights, Variant.Bricks));
    }

    [TensorCoreTheory]
    [InlineData(GpuPrecision.Tf32, 4.8828125e-4f)]
    [InlineData(GpuPrecision.Fp16, 4.8828125e-4f)]
    [InlineData(GpuPrecision.Bf16, 3.90625e-3f)]
    public void Factors_are_rounded_as_the_precision_says(GpuPrecision precision, float step)
    {
        // One product, one channel: 1 + step is the midpoint between 1 and the next number of the format (2⁻¹⁰ or 2⁻⁷ higher).
        using var backend = DeviceUnderTest.Open(KernelChoice.Fast, precision);
        var p = new ConvProblem(1, Extent.One, 1, 0, 1, Extent.One, Extent.One);
        Assert.Equal(1f + (2f * step), Product(backend, p, 1f + (1.01f * step)));
        Assert.Equal(1f, Product(backend, p, 1f + (0.99f * step)));
    }

    private static float Product(GpuBackend backend, in ConvProblem p, float value)
    {
        var buffer = backend.Allocate(64);
        var x = new Tensor(buffer, 0, p.InputShape);
        var w = new Tensor(buffer, 16, p.WeightShape);
        var y = new Tensor(buffer, 32, p.OutputShape);
        backend.Upload([value], x);
        backend.Upload([1f], w);
        backend.ConvForward(p, x, null, w, null, y);
        var result = new float[1];
        backend.Download(y, result);
        backend.Free(buffer);
        return result[0];
    }
}
