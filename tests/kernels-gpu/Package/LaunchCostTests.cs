using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Device;
using SharpSeg.Kernels.Gpu.Variants;
using Xunit;

namespace SharpSeg.Kernels.Gpu.Tests;

/// <summary>
/// What the launches of a step move by their own account: never less than what the operations themselves say they must, and of
/// the 128³ plan with 16 bits at most twice what docs/gpu/roofline.md wants.
/// </summary>
public sealed class LaunchCostTests
{
    private const double Giga = 1e9;

    /// <summary>Of a step of two patches, GB: convolutions, norms, and what convolutions ask the caches for.</summary>
    private const double WantedConvolutions = 12.2, WantedNorms = 10, WantedAsked = 20, Most = 2;

    [Fact]
    public void Every_kernel_says_what_its_launches_cost_in_terms_of_its_own_parameters()
    {
        var list = Gpu.ListKernels();
        Assert.All(list.Portable.Concat(list.OnTensorCores), kernel =>
        {
            var parameters = kernel.Method.GetParameters().ToDictionary(p => p.Name!, p => p.ParameterType);
            var cost = list.CostOf(kernel.Method).Method;
            Assert.Equal(typeof(KernelCost), cost.ReturnType);
            Assert.NotEmpty(cost.GetParameters());
            Assert.All(cost.GetParameters(), p => Assert.True(
                parameters.GetValueOrDefault(p.Name!) == p.ParameterType,
                $"{KernelList.NameOf(kernel.Method)} has no parameter {p.ParameterType.Name} {p.Name}"));
        });
    }

    [Fact]
    public void A_step_of_the_128_plan_moves_at_most_twice_what_is_wanted()
    {
        using var step = PlainUNet.Step(
            KernelChoice.Bricks, GpuPrecision.Bf16Activations, new(128, 128, 128), PlainUNet.LargestFeatures,
            recomputeActivations: false);
        step.Run();
        var (convolutions, norms) = (default(KernelCost), default(KernelCost));
        step.Kernels.Launched = (kernel, cost) =>
        {
            if (kernel.Contains("Norm", StringComparison.Ordinal))
            {
                norms += cost;
            }
            else if (cost.Flops > 0)
            {
                convolutions += cost;
            }
        };
        step.Run();
        Assert.InRange(convolutions.Flops / 1e12, 5.7, 5.8);
        Assert.InRange(convolutions.Bytes / Giga, WantedConvolutions, Most * WantedConvolutions);
        Assert.InRange(norms.Bytes / Giga, WantedNorms, Most * WantedNorms);
        Assert.InRange(convolutions.Asked / Giga, WantedAsked / 2, Most * WantedAsked);
    }

    /// <summary>Bricks with and without halo, of several pieces and blocks; phases; tiles.</summary>
    [Theory]
    [InlineData(8, 0, 8, 3, 1)]
    [InlineData(32, 8, 40, 3, 1)]
    [InlineData(16, 0, 8, 1, 1)]
    [InlineData(8, 8, 40, 3, 2)]
    [InlineData(3, 2, 5, 3, 1)]
    [InlineData(3, 0, 5, 3, 2)]
    public void A_convolution_moves_no_less_than_it_must_and_multiplies_what_it_must(
        int cin, int cin2, int cout, int kernel, int stride)
    {
        var p = new ConvProblem(2, new(5, 9, 17), cin, cin2, cout, new(kernel, kernel, kernel), new(stride, stride, stride));
        foreach (var choice in new[] { KernelChoice.Bricks, KernelChoice.Fast, KernelChoice.Plain })
        {
            var (gpu, kernels) = IdleKernels.Open(choice, GpuPrecision.Bf16);
            using var owned = gpu;
            var (x, x2, w, y) = (
                New(gpu, p.InputShape), cin2 > 0 ? New(gpu, p.Input2Shape) : null, New(gpu, p.WeightShape),
                New(gpu, p.OutputShape));
            Check(() => gpu.ConvForward(p, x, x2, w, null, y));
            Check(() => gpu.ConvBackwardData(p, y, w, x, false, x2, false));
            Check(() => gpu.ConvBackwardWeights(p, x, x2, y, w, null, false));

            void Check(Action run) => CheckCost(kernels, choice, p.MinimumWork, run);
        }
    }

    /// <summary>Rows that a group holds with all channels, and such as have too many.</summary>
    [Theory]
    [InlineData(16, 8, 2, 2)]
    [InlineData(264, 40, 2, 2)]
    [InlineData(72, 136, 1, 2)]
    [InlineData(3, 5, 2, 2)]
    public void A_transposed_convolution_moves_no_less_than_it_must_and_multiplies_what_it_must(
        int cin, int cout, int strideZ, int stride)
    {
        var p = new TransposedConvProblem(2, new(5, 9, 17), cin, cout, new(strideZ, stride, stride));
        foreach (var choice in new[] { KernelChoice.Bricks, KernelChoice.Fast, KernelChoice.Plain })
        {
            var (gpu, kernels) = IdleKernels.Open(choice, GpuPrecision.Bf16);
            using var owned = gpu;
            var (x, w, y) = (New(gpu, p.InputShape), New(gpu, p.WeightShape), New(gpu, p.OutputShape));
            Check(() => gpu.TransposedConvForward(p, x, w, null, y));
            Check(() => gpu.TransposedConvBackwardData(p, y, w, x, false));
            Check(() => gpu.TransposedConvBackwardWeights(p, x, y, w, null, false));
            void Check(Action run) => CheckCost(kernels, choice, p.MinimumWork, run);
        }
    }

    /// <summary>Where no block of columns has some of both.</summary>
    [Theory]
    [InlineData(32, 8, 1)]
    [InlineData(8, 32, 2)]
    public void Gradients_by_the_data_of_both_inputs_are_one_launch_by_bricks(int cin, int cin2, int launches)
    {
        var p = new ConvProblem(1, new(5, 9, 17), cin, cin2, 16, new(3, 3, 3), Extent.One);
        var (gpu, kernels) = IdleKernels.Open(KernelChoice.Bricks, GpuPrecision.Bf16);
        using var owned = gpu;
        var (dx, dx2) = (New(gpu, p.InputShape), New(gpu, p.Input2Shape));
        var (w, dy) = (New(gpu, p.WeightShape), New(gpu, p.OutputShape));
        var convolutions = 0;
        kernels.Launched = (kernel, _) => convolutions += kernel.StartsWith("BrickConvolution", StringComparison.Ordinal) ? 1 : 0;
        gpu.ConvBackwardData(p, dy, w, dx, accumulate: false, dx2, accumulate2: true);
        Assert.Equal(launches, convolutions);
    }

    private static Tensor New(GpuBackend gpu, Shape shape) => new(gpu.Allocate(shape.Length), 0, shape);

    // The data gradient may be a pass for each input; weights are packed first, or summed up afterwards.
    private static void CheckCost(IdleKernels kernels, KernelChoice choice, Work least, Action run)
    {
        var sum = default(KernelCost);
        kernels.Launched = (_, cost) => sum += cost;
        run();
        Assert.Equal(least.Flops, sum.Flops);
        Assert.True(sum.Bytes >= least.Bytes, $"{choice}: {sum} for {least}");
        Assert.True(sum.Asked >= sum.Read);
    }
}
