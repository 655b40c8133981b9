using System.Globalization;
using System.Text.RegularExpressions;
using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;
using SharpSeg.Engine.Training;
using SharpSeg.Perf.Benches;

namespace SharpSeg.Perf;

/// <summary>
/// <c>bench roofline</c>: what a training step of the 128³ plan costs at least, layer by layer, and whether multiply-adds or
/// bytes bind on which card. Work is what the operations' own problems say (<see cref="ConvProblem.MinimumWork"/>, …): every
/// input read once, every output written once, in each of the passes. Needs no device.
/// </summary>
internal static partial class Roofline
{
    /// <summary>Published limits, of NVIDIA's data sheets: FLOP/s of dense products, and bytes/s.</summary>
    private static readonly (string Name, double Bf16, double Tf32, double Bytes)[] Cards =
        [("A100", 312e12, 156e12, 2.0e12), ("H100 SXM", 989e12, 495e12, 3.35e12)];

    /// <summary>Prints the table, as docs/gpu/roofline.md shows it.</summary>
    public static int Print(TextWriter output)
    {
        var plan = BenchPlan.All[^1];
        output.WriteLine(
            "| layer | output voxels | channels | kernel | TFLOP | GB, 32 bits | 16 bits | FLOP/byte | "
                + string.Join(" | ", Cards.Select(card => $"{card.Name} tf32 | bf16")) + " |");
        output.WriteLine("|---|---|---|---|---|---|---|---|" + string.Concat(Cards.Select(_ => "---|---|")));
        var (work, norms) = (new Work(0, 0), 0L);
        var times = new double[2 * Cards.Length];
        foreach (var layer in Layers(plan))
        {
            Row(
                output, $"| {layer.Name} | {layer.Output} | {layer.Channels} | {layer.Kernel} ", layer.Work, 1, times);
            work = new Work(work.Flops + layer.Work.Flops, work.Bytes + layer.Work.Bytes);
            norms += layer.Normalised ? layer.OutputLength : 0;
        }

        // Statistics and application read x and write y; backward reads x and dy twice and writes dx.
        var normWork = new Work(30 * norms, 8 * sizeof(float) * norms);
        Row(output, "| all norms with leaky ReLU | | | ", normWork, 0, times);
        output.WriteLine(
            $"| **the step** | | | | {Number(work.Flops / 1e12, "F2")} | {Number((work.Bytes + normWork.Bytes) / 1e9, "F1")} | "
                + $"{Number((work.Bytes + normWork.Bytes) / 2e9, "F1")} | | "
                + $"{string.Join(" | ", times.Select(t => $"**{Number(1e3 * t, "F1")} ms**"))} |");
        return 0;
    }

    private static void Row(TextWriter output, string begin, Work work, int products, double[] times)
    {
        var cells = new List<string>();
        for (var card = 0; card < Cards.Length; card++)
        {
            var (_, bf16, tf32, bytes) = Cards[card];
            foreach (var (column, peak, share) in new[] { (2 * card, tf32, 1.0), ((2 * card) + 1, bf16, 0.5) })
            {
                var (multiplies, moves) = (products * work.Flops / peak, share * work.Bytes / bytes);
                times[column] += Math.Max(multiplies, moves);
                cells.Add($"{Number(1e3 * Math.Max(multiplies, moves), "F2")} {(multiplies > moves ? "×" : "B")}");
            }
        }

        output.WriteLine(
            $"{begin}| {(products > 0 ? Number(work.Flops / 1e12, "F3") : "")} | {Number(work.Bytes / 1e9, "F2")} | "
                + $"{Number(work.Bytes / 2e9, "F2")} | {Number(2.0 * work.Flops / work.Bytes, "F0")} | "
                + $"{string.Join(" | ", cells)} |");
    }

    /// <summary>
    /// Every convolution of the network under the reference's name, with its passes: the image needs no gradient.
    /// </summary>
    public static IEnumerable<Layer> Layers(BenchPlan plan)
    {
        var (network, n) = (plan.Network, plan.BatchSize);
        var sizes = new Extent[network.Features.Count];
        for (var level = 0; level < sizes.Length; level++)
        {
            var (above, stride) = (level == 0 ? plan.Patch : sizes[level - 1], network.Strides[level]);
            sizes[level] = new(above.Z / stride.Z, above.Y / stride.Y, above.X / stride.X);
        }

        var weights = StepMemory.ParametersOf(network)
            .Where(p => p.Kind is ParameterKind.ConvolutionWeight or ParameterKind.TransposedConvolutionWeight);
        foreach (var parameter in weights)
        {
            var weight = parameter.Shape;
            var (kernel, cin, cout) = (new Extent(weight.D0, weight.D1, weight.D2), weight.D3, weight.D4);
            var name = Suffix().Replace(parameter.Name, "");
            int Number(Regex pattern) => int.Parse(pattern.Match(name).Groups[1].Value, CultureInfo.InvariantCulture);
            if (parameter.Kind == ParameterKind.TransposedConvolutionWeight)
            {
                var below = sizes.Length - 1 - Number(AfterTransposed());
                var p = new TransposedConvProblem(n, sizes[below], cin, cout, network.Strides[below]);
                yield return new(
                    name, p.MinimumWork.Times(3), p.OutputShape.Length, sizes[below - 1], $"{cin}→{cout}", kernel, false,
                    Transposed: p);
                continue;
            }

            var isHead = name.Contains("seg_layers", StringComparison.Ordinal);
            var level = name.StartsWith("encoder", StringComparison.Ordinal)
                ? Number(AfterStages())
                : sizes.Length - 2 - Number(isHead ? AfterHeads() : AfterStages());
            var strided = level > 0 && name.StartsWith("encoder", StringComparison.Ordinal)
                && name.EndsWith("convs.0", StringComparison.Ordinal);
            var skip = name.StartsWith("decoder.stages", StringComparison.Ordinal)
                && name.EndsWith("convs.0", StringComparison.Ordinal);
            var problem = new ConvProblem(
                n, strided ? sizes[level - 1] : sizes[level], skip ? cin / 2 : cin, skip ? cin / 2 : 0, cout, kernel,
                strided ? network.Strides[level] : Extent.One);
            yield return new(
                name, problem.MinimumWork.Times(cin == network.InputChannels ? 2 : 3), problem.OutputShape.Length, sizes[level],
                $"{cin}→{cout}", kernel, !isHead, problem, ReadsImage: cin == network.InputChannels);
        }
    }

    private static Work Times(this Work work, int passes) => new(passes * work.Flops, passes * work.Bytes);

    private static string Number(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"(\.conv)?\.weight$")]
    private static partial Regex Suffix();

    [GeneratedRegex(@"stages\.(\d+)")]
    private static partial Regex AfterStages();

    [GeneratedRegex(@"transpconvs\.(\d+)")]
    private static partial Regex AfterTransposed();

    [GeneratedRegex(@"seg_layers\.(\d+)")]
    private static partial Regex AfterHeads();

    /// <summary>A layer with the work of its passes; exactly one of the two problems is there.</summary>
    /// <param name="Name">The reference's.</param>
    /// <param name="Work">Of all passes, in float32.</param>
    /// <param name="OutputLength">Elements of the result.</param>
    /// <param name="Output">Voxels of the result.</param>
    /// <param name="Channels">From which number of channels to which.</param>
    /// <param name="Kernel">Taps.</param>
    /// <param name="Normalised">A norm follows.</param>
    /// <param name="Convolution">A convolution.</param>
    /// <param name="Transposed">A transposed convolution.</param>
    /// <param name="ReadsImage">Its input is the image, which needs no gradient.</param>
    internal sealed record Layer(
        string Name, Work Work, long OutputLength, Extent Output, string Channels, Extent Kernel, bool Normalised,
        ConvProblem? Convolution = null, TransposedConvProblem? Transposed = null, bool ReadsImage = false);
}
