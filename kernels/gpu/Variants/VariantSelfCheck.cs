using ILGPU.Runtime;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Kernels.Gpu.Variants;

/// <summary>
/// Runs one operation on small random inputs by a fast variant and by the plain kernel on the same device, and compares. Two
/// shapes: one whose channels fill vectors and one whose sizes divide nothing evenly.
/// </summary>
internal static class VariantSelfCheck
{
    /// <summary>
    /// Relative to the largest value: float32 differs by rounding order only (10⁻⁴ leaves room); tf32 and float16 round each
    /// factor to 2⁻¹¹, bfloat16 to 2⁻⁸, and errors of many products mostly cancel.
    /// </summary>
    private static double ToleranceOf(string variant, GpuPrecision precision) => variant != GpuBackend.TensorVariant
        ? 1e-4
        : precision == GpuPrecision.Bf16 ? 2e-2 : 3e-3;

    private static readonly ConvProblem[] Convolutions =
    [
        new(1, new(2, 4, 5), 8, 4, 36, new(1, 3, 3), new(1, 2, 2)),
        new(2, new(3, 2, 4), 3, 0, 5, new(3, 1, 3), Extent.One),
    ];

    private static readonly TransposedConvProblem[] Transposed = [new(1, new(2, 3, 4), 8, 4, new(1, 2, 2)), new(2, new(2, 1, 3), 3, 5, new(2, 2, 2))];

    private static readonly InstanceNormProblem[] Norms =
        [new(2, new(3, 5, 7), 5, 0.01f), new(1, new(2, 3, 4), 33, 0.01f), new(2, new(3, 5, 7), 36, 0.01f)];

    /// <summary>Operations that have tensor-core variants.</summary>
    public static IReadOnlyList<string> TensorOperations { get; } =
    [
        "conv forward", "conv backward data", "conv backward weights", "transposed conv forward", "transposed conv backward data",
        "transposed conv backward weights",
    ];

    /// <summary>Operations that have fast variants.</summary>
    public static IReadOnlyList<string> Operations { get; } = [.. TensorOperations, "bias gradient", "instance norm", "loss sums"];

    /// <summary>Every check that the backend's precision allows.</summary>
    public static IReadOnlyList<GpuCheckResult> All(GpuBackend backend) =>
    [
        .. Operations.Select(o => new GpuCheckResult(o, GpuBackend.FastVariant, Agrees(backend, o, GpuBackend.FastVariant))),
        .. TensorOperations.Where(_ => backend.Precision != GpuPrecision.Fp32)
            .Select(o => new GpuCheckResult(o, GpuBackend.TensorVariant, Agrees(backend, o, GpuBackend.TensorVariant))),
    ];

    /// <summary>Whether the variant agrees on all shapes; null if the device refuses to run it at the moment.</summary>
    public static bool? Compare(GpuBackend backend, string operation, string variant)
    {
        try
        {
            return CasesOf(operation).All(run =>
            {
                var expected = Results(backend, GpuBackend.PlainVariant, run);
                var actual = Results(backend, variant, run);
                return IsClose(expected, actual, ToleranceOf(variant, backend.Precision));
            });
        }
        catch (Exception e) when (e is AcceleratorException or NotSupportedException)
        {
            return null;
        }
    }

    /// <summary>Whether the variant runs and agrees on all shapes.</summary>
    public static bool Agrees(GpuBackend backend, string operation, string variant) => Compare(backend, operation, variant) ?? false;

    private static IEnumerable<Action<SelfCheckTensors>> CasesOf(string operation) => operation switch
    {
        "conv forward" => Convolutions.Select<ConvProblem, Action<SelfCheckTensors>>(p => t => t.Backend.ConvForward(
            p, t.Input(p.InputShape), p.Cin2 > 0 ? t.Input(p.Input2Shape) : null, t.Input(p.WeightShape), t.Input(Shape.Vector(p.Cout)),
            t.Output(p.OutputShape))),
        "conv backward data" => Convolutions.Select<ConvProblem, Action<SelfCheckTensors>>(p => t => t.Backend.ConvBackwardData(
            p, t.Input(p.OutputShape), t.Input(p.WeightShape), t.Output(p.InputShape), false, p.Cin2 > 0 ? t.Output(p.Input2Shape) : null)),
        "conv backward weights" => Convolutions.Select<ConvProblem, Action<SelfCheckTensors>>(p => t => t.Backend.ConvBackwardWeights(
            p, t.Input(p.InputShape), p.Cin2 > 0 ? t.Input(p.Input2Shape) : null, t.Input(p.OutputShape), t.Output(p.WeightShape), null, false)),
        "transposed conv forward" => Transposed.Select<TransposedConvProblem, Action<SelfCheckTensors>>(p => t => t.Backend.TransposedConvForward(
            p, t.Input(p.InputShape), t.Input(p.WeightShape), t.Input(Shape.Vector(p.Cout)), t.Output(p.OutputShape))),
        "transposed conv backward data" => Transposed.Select<TransposedConvProblem, Action<SelfCheckTensors>>(p => t =>
            t.Backend.TransposedConvBackwardData(p, t.Input(p.OutputShape), t.Input(p.WeightShape), t.Output(p.InputShape), false)),
        "transposed conv backward weights" => Transposed.Select<TransposedConvProblem, Action<SelfCheckTensors>>(p => t =>
            t.Backend.TransposedConvBackwardWeights(
                p, t.Input(p.InputShape), t.Input(p.OutputShape), t.Output(p.WeightShape), null, false)),
        "bias gradient" => Convolutions.Select<ConvProblem, Action<SelfCheckTensors>>(p => t => t.Backend.ConvBackwardWeights(
            p, t.Input(p.InputShape), p.Cin2 > 0 ? t.Input(p.Input2Shape) : null, t.Input(p.OutputShape), t.Output(p.WeightShape),
            t.Output(Shape.Vector(p.Cout)), false)),
        "instance norm" => Norms.Select(Norm),
        "loss sums" => [Loss(new(2, new(3, 5, 7), 3, false, true)), Loss(new(1, new(2, 3, 4), 2, true, false))],
        _ => throw new ArgumentOutOfRangeException(nameof(operation), operation, "no self-check is known for this operation"),
    };

    private static Action<SelfCheckTensors> Norm(InstanceNormProblem p) => t =>
    {
        var (x, mean, rstd) = (t.Input(p.ActivationShape), t.Output(p.StatisticsShape), t.Output(p.StatisticsShape));
        var (gamma, beta) = (t.Input(p.ParameterShape), t.Input(p.ParameterShape));
        t.Backend.InstanceNormStatistics(p, x, mean, rstd);
        t.Backend.InstanceNormApply(p, x, mean, rstd, gamma, beta, t.Output(p.ActivationShape));
        t.Backend.InstanceNormBackward(
            p, t.Input(p.ActivationShape), x, mean, rstd, gamma, beta, t.Output(p.ActivationShape), t.Output(p.ParameterShape),
            t.Output(p.ParameterShape), false);
    };

    private static Action<SelfCheckTensors> Loss(LossProblem p) => t => t.Backend.SegmentationLossForward(
        p, t.Input(p.LogitsShape), t.Labels(p.TargetShape, p.Regions ? 2 : p.C), t.Output(p.SumsShape));

    private static List<float[]> Results(GpuBackend backend, string variant, Action<SelfCheckTensors> run)
    {
        using var tensors = new SelfCheckTensors(backend);
        backend.WithVariant(variant, () => run(tensors));
        return tensors.ReadOutputs();
    }

    private static bool IsClose(List<float[]> expected, List<float[]> actual, double tolerance)
    {
        for (var i = 0; i < expected.Count; i++)
        {
            var largest = expected[i].Max(Math.Abs);
            for (var e = 0; e < expected[i].Length; e++)
            {
                if (!(Math.Abs(expected[i][e] - actual[i][e]) <= (tolerance * largest) + 1e-6))
                {
                    return false;
                }
            }
        }

        return true;
    }
}
