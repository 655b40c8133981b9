using ILGPU.Runtime;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Convolution;

namespace SharpSeg.Kernels.Gpu.Variants;

/// <summary>Outcome of one self-check.</summary>
/// <param name="Operation">The operation.</param>
/// <param name="Variant">The variant that was compared with the plain one.</param>
/// <param name="Agrees">Whether it ran and agreed.</param>
internal readonly record struct SelfCheckResult(Operation Operation, Variant Variant, bool Agrees);

/// <summary>
/// Runs one operation on small random inputs by a faster variant and by the plain one on the same device, and compares. Shapes:
/// some whose channels fill vectors and some whose sizes divide nothing evenly.
/// </summary>
internal static class VariantSelfCheck
{
    private delegate void Run(GpuBackend gpu, Variant variant, SelfCheckTensors t);

    private static readonly ConvProblem[] Convolutions =
    [
        new(1, new(2, 4, 5), 8, 4, 36, new(1, 3, 3), new(1, 2, 2)),
        new(2, new(3, 2, 4), 3, 0, 5, new(3, 1, 3), Extent.One),
    ];

    // Bricks that end where the volume does not, on top of each other and one behind the other; two inputs, two pieces of
    // channels, and two blocks of columns, of which the second is nearly empty. With stride 2 the same along all axes, and
    // along two with three taps along the third.
    private static readonly ConvProblem[] BrickConvolutions =
    [
        new(1, new(9, 3, 9), 20, 0, 8, new(3, 3, 3), Extent.One),
        new(1, new(1, 2, 3), 32, 4, 36, new(1, 3, 3), Extent.One),
        new(1, new(5, 1, 2), 4, 0, 4, new(1, 3, 3), Extent.One),
        new(2, new(1, 9, 2), 8, 0, 4, Extent.One, Extent.One),
        new(1, new(5, 4, 17), 8, 4, 36, new(3, 3, 3), new(2, 2, 2)),
        new(1, new(2, 3, 2), 32, 4, 8, new(3, 3, 3), new(1, 2, 2)),
        new(1, new(1, 19, 4), 4, 0, 4, new(1, 3, 3), new(1, 2, 2)),
    ];

    // The same where channels come in eights, as they must of 16 bits.
    private static readonly ConvProblem[] HalfBrickConvolutions =
    [
        new(1, new(9, 3, 9), 24, 0, 8, new(3, 3, 3), Extent.One),
        new(1, new(1, 2, 3), 32, 8, 40, new(1, 3, 3), Extent.One),
        new(1, new(5, 1, 2), 8, 0, 8, new(1, 3, 3), Extent.One),
        new(2, new(1, 9, 2), 8, 0, 8, Extent.One, Extent.One),
        new(1, new(5, 4, 17), 8, 8, 40, new(3, 3, 3), new(2, 2, 2)),
        new(1, new(2, 3, 2), 32, 8, 8, new(3, 3, 3), new(1, 2, 2)),
        new(1, new(1, 19, 4), 8, 0, 8, new(1, 3, 3), new(1, 2, 2)),
    ];

    private static readonly TransposedConvProblem[] Transposed =
        [new(1, new(2, 3, 4), 8, 4, new(1, 2, 2)), new(2, new(2, 1, 3), 3, 5, new(2, 2, 2))];

    // Rows that end within a second group; several pieces of channels and sets of columns, and more pieces than a group can hold.
    // Channels in fours, and in eights as they must come of 16 bits.
    private static readonly TransposedConvProblem[] TransposedBricks =
    [
        new(2, new(3, 9, 5), 36, 12, new(2, 2, 2)), new(1, new(1, 9, 8), 4, 68, new(1, 2, 2)),
        new(1, new(1, 2, 3), 260, 4, new(2, 1, 1)),
    ];

    private static readonly TransposedConvProblem[] HalfTransposedBricks =
    [
        new(2, new(3, 9, 5), 40, 16, new(2, 2, 2)), new(1, new(1, 9, 8), 8, 72, new(1, 2, 2)),
        new(1, new(1, 2, 3), 264, 8, new(2, 1, 1)),
    ];

    private static readonly InstanceNormProblem[] Norms =
        [new(2, new(3, 5, 7), 5, 0.01f), new(1, new(2, 3, 4), 33, 0.01f), new(2, new(3, 5, 7), 36, 0.01f)];

    private static readonly LossProblem[] Losses = [new(2, new(3, 5, 7), 3, false, true), new(1, new(2, 3, 4), 2, true, false)];

    /// <summary>Every check that the backend's precision allows.</summary>
    public static IReadOnlyList<SelfCheckResult> All(GpuBackend gpu)
    {
        var results = new List<SelfCheckResult>();
        foreach (var operation in Enum.GetValues<Operation>())
        {
            results.Add(new(operation, Variant.Fast, Agrees(gpu, operation, Variant.Fast)));
            if (operation <= Operation.TransposedConvBackwardWeights && gpu.Precision != GpuPrecision.Fp32)
            {
                results.Add(new(operation, Variant.TensorCores, Agrees(gpu, operation, Variant.TensorCores)));
            }

            if (HasBricks(operation, gpu.Precision))
            {
                results.Add(new(operation, Variant.Bricks, Agrees(gpu, operation, Variant.Bricks)));
            }
        }

        return results;
    }

    /// <summary>
    /// Whether an operation can be computed by bricks in a precision; of an instance norm, the statistics.
    /// </summary>
    public static bool HasBricks(Operation operation, GpuPrecision precision) => operation switch
    {
        Operation.ConvForward or Operation.ConvBackwardData or Operation.TransposedConvForward
            or Operation.TransposedConvBackwardData or Operation.InstanceNorm => precision != GpuPrecision.Fp32,
        Operation.ConvBackwardWeights or Operation.TransposedConvBackwardWeights =>
            precision is GpuPrecision.Bf16 or GpuPrecision.Fp16,
        _ => false,
    };

    /// <summary>Whether the variant agrees on all shapes; null if the device refuses to run it at the moment.</summary>
    public static bool? Compare(GpuBackend gpu, Operation operation, Variant variant)
    {
        try
        {
            var cases = (operation, variant) switch
            {
                (Operation.InstanceNorm, Variant.Bricks) => StatisticsCases(BrickProblems(gpu, operation)),
                (_, Variant.Bricks) => CasesOf(
                    operation, BrickProblems(gpu, operation), OfElements(gpu, TransposedBricks, HalfTransposedBricks)),
                _ => CasesOf(operation, Convolutions, Transposed),
            };
            return cases.All(run => IsClose(
                Results(gpu, Variant.Plain, run), Results(gpu, variant, run), ToleranceOf(gpu, operation, variant)));
        }
        catch (Exception e) when (e is AcceleratorException or NotSupportedException)
        {
            return null;
        }
    }

    /// <summary>Whether the variant runs and agrees on all shapes.</summary>
    public static bool Agrees(GpuBackend gpu, Operation operation, Variant variant) => Compare(gpu, operation, variant) ?? false;

    /// <summary>
    /// Relative to the largest value: float32 differs by rounding order only (10⁻⁴ leaves room); tf32 and float16 round each
    /// factor to 2⁻¹¹, bfloat16 to 2⁻⁸, and errors of many products mostly cancel.
    /// </summary>
    private static double ToleranceOf(GpuBackend gpu, Operation operation, Variant variant) =>
        (operation, variant) == (Operation.InstanceNorm, Variant.Bricks) ? 1e-4 // of the same results
        : variant is not (Variant.TensorCores or Variant.Bricks) ? gpu.Activations switch
        {
            // results that are rounded from float32 that differs in its last bits: one number of 16 bits apart
            ElementType.Bf16 => 1.0 / 128,
            ElementType.Fp16 => 1.0 / 1024,
            _ => 1e-4,
        }
        : gpu.Precision == GpuPrecision.Bf16 ? 2e-2 : 3e-3;

    private static IEnumerable<Run> CasesOf(
        Operation operation, ConvProblem[] convolutions, TransposedConvProblem[] transposed) =>
        operation switch
        {
            Operation.ConvForward => convolutions.Select<ConvProblem, Run>(p => (gpu, variant, t) =>
                new ConvForward(
                    p, t.Activation(p.InputShape), Second(t, p), t.Input(p.WeightShape), t.Input(Shape.Vector(p.Cout)))
                    .Run(gpu, variant, t.OutputActivation(p.OutputShape))),
            Operation.ConvBackwardData => convolutions.Select<ConvProblem, Run>(p => (gpu, variant, t) =>
            {
                var (dy, w) = (t.Activation(p.OutputShape), t.Input(p.WeightShape));
                new ConvBackwardData(p, dy, w, 0, p.Cin, false).Run(gpu, variant, t.OutputActivation(p.InputShape));
                if (p.Cin2 > 0)
                {
                    new ConvBackwardData(p, dy, w, p.Cin, p.Cin2, false).Run(gpu, variant, t.OutputActivation(p.Input2Shape));
                }

                if (BrickSizes.CanJoin(p))
                {
                    // both written; then one written, one added to
                    var (dx, dx2) = (t.OutputActivation(p.InputShape), t.OutputActivation(p.Input2Shape));
                    new ConvBackwardBothData(p, dy, w, false, dx2, false).Run(gpu, variant, dx);
                    new ConvBackwardBothData(p, dy, w, false, dx2, true).Run(gpu, variant, dx);
                }
            }),
            Operation.ConvBackwardWeights => convolutions.Select<ConvProblem, Run>(p => (gpu, variant, t) =>
                new ConvBackwardWeights(p, t.Activation(p.InputShape), Second(t, p), t.Activation(p.OutputShape), false)
                    .Run(gpu, variant, t.Output(p.WeightShape))),
            Operation.TransposedConvForward => transposed.Select<TransposedConvProblem, Run>(p => (gpu, variant, t) =>
                new TransposedConvForward(p, t.Activation(p.InputShape), t.Input(p.WeightShape), t.Input(Shape.Vector(p.Cout)))
                    .Run(gpu, variant, t.OutputActivation(p.OutputShape))),
            Operation.TransposedConvBackwardData => transposed.Select<TransposedConvProblem, Run>(p => (gpu, variant, t) =>
            {
                var (dy, w, dx) = (t.Activation(p.OutputShape), t.Input(p.WeightShape), t.OutputActivation(p.InputShape));
                new TransposedConvBackwardData(p, dy, w, false).Run(gpu, variant, dx);
                new TransposedConvBackwardData(p, dy, w, true).Run(gpu, variant, dx);
            }),
            Operation.TransposedConvBackwardWeights => transposed.Select<TransposedConvProblem, Run>(p => (gpu, variant, t) =>
                new TransposedConvBackwardWeights(p, t.Activation(p.InputShape), t.Activation(p.OutputShape), false)
                    .Run(gpu, variant, t.Output(p.WeightShape))),
            Operation.BiasGradient => convolutions.Select<ConvProblem, Run>(p => (gpu, variant, t) =>
                gpu.BiasGradient(variant, t.Activation(p.OutputShape), t.Output(Shape.Vector(p.Cout)), false)),
            Operation.InstanceNorm => Norms.Select<InstanceNormProblem, Run>(p => (gpu, variant, t) =>
            {
                var (x, mean, rstd) = (t.Activation(p.ActivationShape), t.Output(p.StatisticsShape), t.Output(p.StatisticsShape));
                var (gamma, beta) = (t.Input(p.ParameterShape), t.Input(p.ParameterShape));
                gpu.InstanceNormStatistics(variant, p, x, mean, rstd);
                gpu.InstanceNormApply(variant, p, x, mean, rstd, gamma, beta, t.OutputActivation(p.ActivationShape));
                gpu.InstanceNormBackward(
                    variant, p, t.Activation(p.ActivationShape), x, mean, rstd, gamma, beta,
                    t.OutputActivation(p.ActivationShape), t.Output(p.ParameterShape), t.Output(p.ParameterShape), false);
            }),
            Operation.LossSums => Losses.Select<LossProblem, Run>(p => (gpu, variant, t) => gpu.SegmentationLossSums(
                variant, p, t.Input(p.LogitsShape), t.Labels(p.TargetShape, p.Regions ? 2 : p.C), t.Output(p.SumsShape))),
            _ => throw new ArgumentOutOfRangeException(nameof(operation), operation, "no self-check is known for this operation"),
        };

    // What bricks leave beside what the plain norm finds in the bricks' results.
    private static IEnumerable<Run> StatisticsCases(IEnumerable<ConvProblem> convolutions) =>
        convolutions.Where(p => p.Stride == Extent.One).Select<ConvProblem, Run>(p => (gpu, variant, t) =>
        {
            var norm = new InstanceNormProblem(p.N, p.Output, p.Cout, Slope: 1f);
            var (x, x2, w) = (t.Activation(p.InputShape), Second(t, p), t.Input(p.WeightShape));
            var (y, mean, rstd) = (
                t.OutputActivation(p.OutputShape), t.Output(norm.StatisticsShape), t.Output(norm.StatisticsShape));
            if (variant == Variant.Bricks)
            {
                new MeasuredConvForward(p, x, x2, w, b: null).Run(gpu, norm, y, mean, rstd);
                return;
            }

            new ConvForward(p, x, x2, w, b: null).Run(gpu, Variant.Bricks, y);
            gpu.InstanceNormStatistics(variant, norm, y, mean, rstd);
        });

    private static ConvProblem[] BrickProblems(GpuBackend gpu, Operation operation)
    {
        var problems = OfElements(gpu, BrickConvolutions, HalfBrickConvolutions);
        return operation == Operation.ConvBackwardWeights ? [.. problems.Where(p => p.Kernel != Extent.One)] : problems;
    }

    private static T[] OfElements<T>(GpuBackend gpu, T[] wide, T[] halves) =>
        gpu.Activations == ElementType.Fp32 ? wide : halves;

    private static Tensor? Second(SelfCheckTensors t, in ConvProblem p) => p.Cin2 > 0 ? t.Activation(p.Input2Shape) : null;

    private static List<float[]> Results(GpuBackend gpu, Variant variant, Run run)
    {
        using var tensors = new SelfCheckTensors(gpu);
        run(gpu, variant, tensors);
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
