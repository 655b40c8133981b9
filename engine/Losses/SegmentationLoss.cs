using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Autograd.Ops;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Losses;

/// <summary>
/// Soft Dice + cross-entropy over all supervised outputs (docs/method/losses-and-optimisers.md §2, §3, §5): the backend sums over
/// voxels, the few numbers per class are combined here in float64.
/// </summary>
internal static class SegmentationLoss
{
    /// <summary>
    /// Evaluates the loss and, on a recording tape, starts the backward pass by the gradients of the logits. Outputs of weight 0
    /// are skipped and receive no gradient.
    /// </summary>
    /// <param name="tape">The tape that made the logits.</param>
    /// <param name="logits">One variable per output, full resolution first.</param>
    /// <param name="targets">One target per output (<see cref="LossProblem.TargetShape"/>); null is allowed where the weight is
    /// 0.</param>
    /// <param name="options">Kind and weights.</param>
    /// <param name="unlabelled">What the samples' label maps do not show (<see cref="Backend.UnlabelledShape"/>), until the
    /// backward pass is over; null where they show all.</param>
    /// <exception cref="ShapeException">The numbers of outputs, targets and weights differ.</exception>
    public static LossValue Evaluate(
        Tape tape, IReadOnlyList<Variable> logits, IReadOnlyList<Tensor?> targets, LossOptions options,
        Tensor? unlabelled = null)
    {
        Shape[] shapes = [.. logits.Select(map => map.Shape)];
        var sums = tape.Pool.Rent(SumsShape(shapes, options));
        try
        {
            Launch(tape, logits, targets, options, sums, gradientScale: 1f, unlabelled);
            return Read(tape.Backend, sums, shapes, options);
        }
        finally
        {
            tape.Pool.Return(sums);
        }
    }

    /// <summary>What <see cref="Launch"/> needs for the sums of all outputs.</summary>
    /// <param name="logits">The outputs' shapes.</param>
    /// <param name="options">Kind and weights.</param>
    public static Shape SumsShape(IReadOnlyList<Shape> logits, LossOptions options) =>
        Shape.Vector(logits.Sum(shape => SumsLength(Problem(shape, options))));

    /// <summary>
    /// The first half of <see cref="Evaluate"/>, which waits for nothing: leaves the sums on the device, and on a recording tape
    /// the gradients of the logits.
    /// </summary>
    /// <param name="tape">As there.</param>
    /// <param name="logits">As there.</param>
    /// <param name="targets">As there.</param>
    /// <param name="options">As there.</param>
    /// <param name="sums">Receives the sums, for <see cref="Read"/>.</param>
    /// <param name="gradientScale">Factor on all gradients, not on the value: loss scaling.</param>
    /// <param name="unlabelled">As there.</param>
    /// <exception cref="ShapeException">The numbers of outputs, targets and weights differ.</exception>
    public static void Launch(
        Tape tape, IReadOnlyList<Variable> logits, IReadOnlyList<Tensor?> targets, LossOptions options, Tensor sums,
        float gradientScale, Tensor? unlabelled)
    {
        if (logits.Count != options.Weights.Count || targets.Count != logits.Count)
        {
            throw new ShapeException(
                $"{logits.Count} outputs, {targets.Count} targets and {options.Weights.Count} loss weights do not agree");
        }

        var at = 0L;
        for (var i = 0; i < logits.Count; i++)
        {
            var weight = options.Weights[i];
            var p = Problem(logits[i].Shape, options);
            if (weight != 0f)
            {
                var target = targets[i] ?? throw new ShapeException($"output {i} has the loss weight {weight} but no target");
                var seen = unlabelled is null
                    ? logits[i]
                    : MergeUnlabelled.Apply(tape, logits[i], unlabelled, options.Regions);
                LaunchOutput(
                    tape, seen, target, p, weight * gradientScale, new Tensor(sums.Buffer, sums.Offset + at, p.SumsShape));
                if (seen != logits[i])
                {
                    tape.Done(seen);
                }
            }

            at += SumsLength(p);
        }
    }

    /// <summary>The second half: waits for the device, once for all outputs.</summary>
    /// <param name="backend">The device.</param>
    /// <param name="sums">What <see cref="Launch"/> filled.</param>
    /// <param name="logits">The outputs' shapes.</param>
    /// <param name="options">As there.</param>
    public static LossValue Read(Backend backend, Tensor sums, IReadOnlyList<Shape> logits, LossOptions options)
    {
        var host = new float[sums.Length];
        backend.Download(sums, host);
        double crossEntropy = 0.0, dice = 0.0;
        var at = 0;
        for (var i = 0; i < logits.Count; i++)
        {
            var (p, weight) = (Problem(logits[i], options), options.Weights[i]);
            if (weight != 0f)
            {
                var part = Combine(p, host.AsSpan(at, (int)p.SumsShape.Length));
                crossEntropy += weight * part.CrossEntropy;
                dice += weight * part.Dice;
            }

            at += (int)SumsLength(p);
        }

        return new LossValue(crossEntropy + dice, crossEntropy, dice);
    }

    /// <summary>Cross-entropy and Dice from the backend's sums (layout: <see cref="LossProblem"/>).</summary>
    public static LossValue Combine(in LossProblem p, ReadOnlySpan<float> sums)
    {
        var valid = (double)sums[^1];
        var divisor = p.Regions && p.IgnoreLabel < 0 ? (double)p.N * p.C * p.Spatial.Voxels : valid;
        var crossEntropy = valid > 0 ? p.CrossEntropyWeight * sums[^2] / divisor : 0.0;

        var total = 0.0;
        for (var c = p.FirstDiceClass; c < p.C; c++)
        {
            var batch = (I: 0.0, P: 0.0, G: 0.0);
            for (var n = 0; n < p.N; n++)
            {
                var at = 3 * ((n * p.C) + c);
                batch = (batch.I + sums[at], batch.P + sums[at + 1], batch.G + sums[at + 2]);
                if (!p.BatchDice)
                {
                    total += Ratio(batch, p.Smooth);
                    batch = default;
                }
            }

            total += p.BatchDice ? Ratio(batch, p.Smooth) : 0.0;
        }

        // Without a foreground class, or by choice, there is no Dice term.
        var dice = p.DiceTerms > 0 ? -total / p.DiceTerms : 0.0;
        return new LossValue(crossEntropy + dice, crossEntropy, dice);
    }

    /// <summary>The sums of one output, and on a recording tape its gradient.</summary>
    private static void LaunchOutput(Tape tape, Variable logits, Tensor target, in LossProblem p, float weight, Tensor sums)
    {
        tape.Backend.SegmentationLossForward(p, logits.Value, target, sums);
        if (tape.Recording)
        {
            var gradient = tape.Contribute(logits, out var accumulate);
            if (accumulate)
            {
                throw new InvalidOperationException("the logits already have a gradient: a loss is evaluated once per tape");
            }

            tape.Backend.SegmentationLossBackward(p, logits.Value, target, sums, weight, gradient);
        }
    }

    /// <summary>Words that the sums of an output take, up to those of the next.</summary>
    private static long SumsLength(in LossProblem p) => Tensor.AlignedLength(p.SumsShape.Length);

    private static LossProblem Problem(Shape logits, LossOptions o) =>
        new(
            logits.N, logits.Spatial, logits.C, o.Regions, o.BatchDice, o.IgnoreLabel, o.Smooth, o.DiceIncludesBackground,
            o.Terms);

    private static double Ratio((double I, double P, double G) s, double smooth) =>
        ((2.0 * s.I) + smooth) / Math.Max(s.P + s.G + smooth, 1e-8);
}

/// <summary>What the loss depends on besides logits and targets (docs/method/losses-and-optimisers.md §1).</summary>
/// <param name="Weights">Weight of each output; 0 = not evaluated at all.</param>
/// <param name="Regions">Sigmoid and binary cross-entropy per region instead of softmax over classes.</param>
/// <param name="BatchDice">Sum over the batch before the Dice ratio.</param>
/// <param name="IgnoreLabel">Label without information; −1 = none. Regions: any value ≥ 0 says that the mask is the last target
/// channel.</param>
/// <param name="Smooth">Added to numerator and denominator of the Dice ratio.</param>
/// <param name="DiceIncludesBackground">Include class 0 in the Dice mean.</param>
/// <param name="Terms">Which of the two terms count.</param>
/// <param name="PartlyLabelled">Label maps may lack classes: with the targets comes what each sample lacks.</param>
public sealed record LossOptions(
    IReadOnlyList<float> Weights, bool Regions, bool BatchDice, int IgnoreLabel = -1, float Smooth = 1e-5f,
    bool DiceIncludesBackground = false, LossTerms Terms = LossTerms.DiceAndCrossEntropy, bool PartlyLabelled = false)
{
    /// <summary>Channels of a target: 1 for labels; for regions one per region and one for the ignore mask.</summary>
    /// <param name="outputs">Output maps of the network.</param>
    public int TargetChannels(int outputs) => Regions ? outputs + (IgnoreLabel >= 0 ? 1 : 0) : 1;
}

/// <summary>A loss and its two parts, each weighted over the supervised outputs.</summary>
/// <param name="Total">Cross-entropy + Dice; a term that does not count is 0.</param>
/// <param name="CrossEntropy">Mean (binary) cross-entropy.</param>
/// <param name="Dice">−mean soft Dice, about −1 to 0.</param>
public readonly record struct LossValue(double Total, double CrossEntropy, double Dice);
