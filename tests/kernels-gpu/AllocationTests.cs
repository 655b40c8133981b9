using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Device;
using SharpSeg.Kernels.Gpu.Variants;
using Xunit;

namespace SharpSeg.Kernels.Gpu.Tests;

/// <summary>
/// An operation that has run once allocates nothing on the heap when it runs again: finding variant and kernel costs a look into
/// a table. Kernels are replaced by methods that do nothing, so that only our own allocations count, not those of the device that
/// stands in. Left out: what copies between host and device, because ILGPU's copies allocate.
/// </summary>
public sealed class AllocationTests
{
    private const int N = 2, C = 8;
    private static readonly Extent Size = new(2, 4, 6);

    public static TheoryData<string> Operations => [.. Calls.Keys];

    private static Dictionary<string, Action<GpuBackend, Func<Shape, Tensor>>> Calls { get; } = new()
    {
        ["convolution"] = (gpu, t) =>
        {
            var p = new ConvProblem(N, Size, C, C, C, new(3, 3, 3), new(1, 2, 2));
            gpu.ConvForward(p, t(p.InputShape), t(p.Input2Shape), t(p.WeightShape), t(Shape.Vector(C)), t(p.OutputShape));
            gpu.ConvForwardMeasured(
                p, t(p.InputShape), t(p.Input2Shape), t(p.WeightShape), t(Shape.Vector(C)), t(p.OutputShape), 1e-5f,
                t(Shape.PerChannel(N, C)), t(Shape.PerChannel(N, C)));
            gpu.ConvBackwardData(p, t(p.OutputShape), t(p.WeightShape), t(p.InputShape), false, t(p.Input2Shape), true);
            gpu.ConvBackwardWeights(
                p, t(p.InputShape), t(p.Input2Shape), t(p.OutputShape), t(p.WeightShape), t(Shape.Vector(C)), accumulate: true);
        },
        ["transposed convolution"] = (gpu, t) =>
        {
            var p = new TransposedConvProblem(N, Size, C, C, new(1, 2, 2));
            gpu.TransposedConvForward(p, t(p.InputShape), t(p.WeightShape), t(Shape.Vector(C)), t(p.OutputShape));
            gpu.TransposedConvBackwardData(p, t(p.OutputShape), t(p.WeightShape), t(p.InputShape), false);
            gpu.TransposedConvBackwardWeights(p, t(p.InputShape), t(p.OutputShape), t(p.WeightShape), t(Shape.Vector(C)), false);
        },
        ["instance norm"] = (gpu, t) =>
        {
            var p = new InstanceNormProblem(N, Size, C, 0.01f);
            Tensor x = t(p.ActivationShape), mean = t(p.StatisticsShape), gamma = t(p.ParameterShape);
            gpu.InstanceNormStatistics(p, x, mean, t(p.StatisticsShape));
            gpu.InstanceNormApply(p, x, mean, mean, gamma, gamma, t(p.ActivationShape));
            gpu.InstanceNormBackward(
                p, t(p.ActivationShape), x, mean, mean, gamma, gamma, t(p.ActivationShape), t(p.ParameterShape),
                t(p.ParameterShape), false);
        },
        ["loss"] = (gpu, t) =>
        {
            var p = new LossProblem(N, Size, C, Regions: false, BatchDice: true);
            gpu.SegmentationLossForward(p, t(p.LogitsShape), t(p.TargetShape), t(p.SumsShape));
            gpu.SegmentationLossBackward(p, t(p.LogitsShape), t(p.TargetShape), t(p.SumsShape), 1f, t(p.LogitsShape));
        },
        ["pointwise"] = (gpu, t) =>
        {
            Shape shape = Shape.Activation(N, Size, C), coarse = Shape.Activation(N, new(1, 2, 3), C);
            gpu.Axpby(1f, t(shape), 2f, t(shape));
            gpu.AddLeakyReluForward(t(shape), t(shape), 0.01f, t(shape));
            gpu.AddLeakyReluBackward(t(shape), t(shape), 0.01f, t(shape));
            gpu.BlockSum(t(shape), new(2, 2, 2), 1f, t(coarse), accumulate: false);
            gpu.BlockRepeat(t(coarse), new(2, 2, 2), 1f, t(shape), accumulate: true);
            gpu.Flip(t(shape), true, false, true, t(shape));
            gpu.Copy(t(shape), t(shape));
            gpu.Fill(t(shape), 0f);
        },
        ["optimiser steps"] = (gpu, t) =>
        {
            var vector = Shape.Vector(C);
            gpu.SgdStep(new SgdStep(0.1f, 0.9f, 0f), t(vector), t(vector), t(vector));
            gpu.AdamStep(new AdamStep(0.1f, 1, 0f, AmsGrad: false), t(vector), t(vector), t(vector), t(vector), null);
        },
        ["inference"] = (gpu, t) =>
        {
            Shape maps = Shape.Activation(1, Size, C), one = Shape.Activation(1, Size, 1);
            gpu.BlendAdd(t(maps), 0, t(one), default, t(maps), t(one));
            gpu.DivideByWeights(t(maps), t(one));
            gpu.ArgMax(t(maps), t(one));
            gpu.Probabilities(t(maps), false, t(maps));
        },
    };

    [Theory]
    [MemberData(nameof(Operations))]
    public void Operation_allocates_nothing_once_it_has_run(string operation) => Assert.Equal((0, 0), (
        BytesOf(Calls[operation], KernelChoice.Fast), BytesOf(Calls[operation], KernelChoice.Checked)));

    private static long BytesOf(Action<GpuBackend, Func<Shape, Tensor>> call, KernelChoice choice)
    {
        var (gpu, _) = IdleKernels.Open(choice);
        using var owned = gpu;
        var buffers = new List<DeviceBuffer>();
        var tensors = new Queue<Tensor>();
        call(gpu, shape =>                                // decides, compiles, makes scratch memory
        {
            buffers.Add(gpu.Allocate(shape.Length));
            var tensor = new Tensor(buffers[^1], 0, shape);
            tensors.Enqueue(tensor);
            return tensor;
        });
        Func<Shape, Tensor> again = _ =>
        {
            var next = tensors.Dequeue();
            tensors.Enqueue(next);
            return next;
        };
        call(gpu, again);
        var before = GC.GetAllocatedBytesForCurrentThread();
        call(gpu, again);
        var bytes = GC.GetAllocatedBytesForCurrentThread() - before;
        buffers.ForEach(gpu.Free);
        return bytes;
    }
}
