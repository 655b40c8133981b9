using System.Globalization;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu;
using SharpSeg.Kernels.Gpu.Device;
using SharpSeg.Kernels.Gpu.Variants;
using SharpSeg.Perf.Benches;

namespace SharpSeg.Perf;

/// <summary>
/// <c>bench traffic</c>: what the GPU kernels of a training step of the 128³ plan move, by their own account
/// (<see cref="KernelCost"/>), beside what the operations must move (<see cref="Roofline"/>): activations of 16 bits, bricks
/// where there are some, all activations kept. The step runs on kernels that compute nothing, and needs no device.
/// </summary>
internal static class Traffic
{
    // H100 SXM: published limits, and what its second-level cache was measured to deliver elsewhere (docs/gpu/predictions.md).
    private const double Flops = 989e12, Memory = 3.35e12, Cache = 5.5e12;

    /// <summary>Prints both tables, as docs/gpu/roofline.md shows them.</summary>
    public static int Print(TextWriter output)
    {
        var plan = BenchPlan.All[^1];
        output.WriteLine("| layer | TFLOP | must move, GB | moved | asked of the caches | least ms | ms | share |");
        output.WriteLine("|---|---|---|---|---|---|---|---|");
        foreach (var layer in Roofline.Layers(plan))
        {
            var (gpu, kernels) = Open();
            using var owned = gpu;
            var cost = default(KernelCost);
            kernels.Launched = (_, one) => cost += one;
            Run(gpu, layer);
            var must = layer.Work.Bytes / 2;
            var (least, ours) = (Time(layer.Work.Flops, must, 0), Time(cost.Flops, cost.Bytes, cost.Asked));
            output.WriteLine(
                $"| {layer.Name} | {Number(layer.Work.Flops / 1e12, "F3")} | {Gigabytes(must)} | {Gigabytes(cost.Bytes)} | "
                    + $"{Gigabytes(cost.Asked)} | {Number(least, "F2")} | {Number(ours, "F2")} | {100 * least / ours:F0} % |");
        }

        output.WriteLine();
        output.WriteLine("| kernels of a step | launches | read, GB | written | asked of the caches | TFLOP |");
        output.WriteLine("|---|---|---|---|---|---|");
        var (classes, memory) = Step(plan);
        foreach (var (name, (launches, cost)) in classes)
        {
            Row(output, name, launches, cost);
        }

        Row(
            output, "**all**", classes.Values.Sum(one => one.Launches),
            classes.Values.Aggregate(default(KernelCost), (sum, one) => sum + one.Cost));
        output.WriteLine();
        output.WriteLine($"Memory of the device: {Number(memory / (double)(1 << 20), "F0")} MiB.");
        return 0;
    }

    private static void Row(TextWriter output, string name, int launches, KernelCost cost) => output.WriteLine(
        $"| {name} | {launches} | {Gigabytes(cost.Read)} | {Gigabytes(cost.Written)} | {Gigabytes(cost.Asked)} | "
            + $"{(cost.Flops > 0 ? Number(cost.Flops / 1e12, "F3") : "")} |");

    private static (GpuBackend Gpu, IdleKernels Kernels) Open() =>
        IdleKernels.Open(KernelChoice.Bricks, GpuPrecision.Bf16Activations);

    /// <summary>The passes of a layer: the image needs no gradient. Images and logits are float32.</summary>
    private static void Run(GpuBackend gpu, Roofline.Layer layer)
    {
        var weights = layer.Convolution?.WeightShape ?? layer.Transposed!.Value.WeightShape;
        var w = Tensor(gpu, weights, ElementType.Fp32);
        if (layer.Transposed is { } up)
        {
            var (from, to) = (Tensor(gpu, up.InputShape, gpu.Activations), Tensor(gpu, up.OutputShape, gpu.Activations));
            gpu.TransposedConvForward(up, from, w, null, to);
            gpu.TransposedConvBackwardData(up, to, w, from, accumulate: false);
            gpu.TransposedConvBackwardWeights(up, from, to, w, null, accumulate: false);
            return;
        }

        var p = layer.Convolution!.Value;
        var x = Tensor(gpu, p.InputShape, layer.ReadsImage ? ElementType.Fp32 : gpu.Activations);
        var x2 = p.Cin2 > 0 ? Tensor(gpu, p.Input2Shape, gpu.Activations) : null;
        var y = Tensor(gpu, p.OutputShape, layer.Normalised ? gpu.Activations : ElementType.Fp32);
        gpu.ConvForward(p, x, x2, w, null, y);
        if (!layer.ReadsImage)
        {
            gpu.ConvBackwardData(p, y, w, x, false, x2, false);
        }

        gpu.ConvBackwardWeights(p, x, x2, y, w, null, accumulate: false);
    }

    private static Tensor Tensor(GpuBackend gpu, Shape shape, ElementType element) =>
        new(gpu.Allocate(element.Words(shape.Length)), 0, shape, element);

    /// <summary>A step's launches by the class of their kernels, and bytes of the device's memory.</summary>
    private static (SortedDictionary<string, (int Launches, KernelCost Cost)> Classes, long Memory) Step(BenchPlan plan)
    {
        using var step = new IdleStep(
            KernelChoice.Bricks, GpuPrecision.Bf16Activations, plan.Network, plan.Patch, plan.BatchSize,
            recomputeActivations: false);
        var classes = new SortedDictionary<string, (int Launches, KernelCost Cost)>(StringComparer.Ordinal);
        step.Kernels.Launched = (kernel, cost) =>
        {
            var name = kernel[..kernel.IndexOf('.', StringComparison.Ordinal)];
            var (launches, sum) = classes.GetValueOrDefault(name);
            classes[name] = (launches + 1, sum + cost);
        };
        step.Run();
        return (classes, step.Backend.PeakBytes);
    }

    // ms on a card that reaches the limit which binds.
    private static double Time(long flops, long bytes, long asked) =>
        1e3 * Math.Max(flops / Flops, Math.Max(bytes / Memory, asked / Cache));

    private static string Gigabytes(long bytes) => Number(bytes / 1e9, "F2");

    private static string Number(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
