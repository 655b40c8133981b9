using SharpSeg.AutoPlanner.Datasets;

namespace SharpSeg.AutoPlanner.Training;

/// <summary>
/// Dice from counts pooled over all validation patches of an epoch (docs/method/training.md §8): a cheap, optimistic proxy for
/// the real metric.
/// </summary>
/// <param name="labels">The foreground classes or regions, and the ignore label.</param>
internal sealed class PseudoDice(LabelScheme labels)
{
    private readonly long[] truePositive = new long[labels.EvaluatedClasses.Count];
    private readonly long[] falsePositive = new long[labels.EvaluatedClasses.Count];
    private readonly long[] falseNegative = new long[labels.EvaluatedClasses.Count];

    /// <summary>Counts a batch at full resolution; what is to be ignored counts nowhere.</summary>
    /// <param name="outputs">Classes (n, z, y, x); of regions, logits (n, z, y, x, r), above 0 inside.</param>
    /// <param name="targets">Labels (n, z, y, x, 1); of regions, 0/1 maps (n, z, y, x, r), the ignore map last if there is
    /// one.</param>
    /// <param name="unlabelled">(n, heads): not 0 for what a sample's label map does not show, which does not count; empty where
    /// all show all.</param>
    public void Count(ReadOnlySpan<float> outputs, ReadOnlySpan<float> targets, ReadOnlySpan<float> unlabelled = default)
    {
        var heads = labels.HeadCount;
        var samples = Math.Max(1, unlabelled.Length / heads);
        for (var n = 0; n < samples; n++)
        {
            var marks = unlabelled.IsEmpty ? unlabelled : unlabelled.Slice(n * heads, heads);
            var output = outputs.Slice(n * (outputs.Length / samples), outputs.Length / samples);
            var target = targets.Slice(n * (targets.Length / samples), targets.Length / samples);
            if (labels.HasRegions)
            {
                CountRegions(output, target, marks);
            }
            else
            {
                CountClasses(output, target, marks);
            }
        }
    }

    /// <summary>2TP/(2TP + FP + FN) per class; null where nothing was predicted nor present.</summary>
    public IReadOnlyList<double?> PerClass()
    {
        var dice = new double?[truePositive.Length];
        for (var c = 0; c < dice.Length; c++)
        {
            var denominator = (2 * truePositive[c]) + falsePositive[c] + falseNegative[c];
            dice[c] = denominator == 0 ? null : 2.0 * truePositive[c] / denominator;
        }

        return dice;
    }

    /// <summary>Mean over the classes that are defined; null if none is.</summary>
    public static double? Mean(IReadOnlyList<double?> perClass)
    {
        var sum = 0.0;
        var count = 0;
        foreach (var dice in perClass)
        {
            if (dice is { } value)
            {
                sum += value;
                count++;
            }
        }

        return count == 0 ? null : sum / count;
    }

    /// <summary>
    /// Moving average: the first value starts it, then 0.9·old + 0.1·new; an undefined epoch keeps the old one.
    /// </summary>
    public static double? MovingAverage(double? previous, double? mean) =>
        mean is not { } value ? previous : previous is { } old ? (0.9 * old) + (0.1 * value) : value;

    private void CountClasses(ReadOnlySpan<float> outputs, ReadOnlySpan<float> targets, ReadOnlySpan<float> unlabelled)
    {
        var ignore = labels.IgnoreLabel ?? -1;
        for (var i = 0; i < targets.Length; i++)
        {
            int reference = (int)targets[i], predicted = (int)outputs[i];
            if (reference == ignore)
            {
                continue;
            }

            // Of all classes a voxel counts for two at most.
            if (Counts(predicted, unlabelled))
            {
                Add(predicted - 1, predicted: true, reference == predicted);
            }

            if (reference != predicted && Counts(reference, unlabelled))
            {
                Add(reference - 1, predicted: false, reference: true);
            }
        }
    }

    private bool Counts(int label, ReadOnlySpan<float> unlabelled) =>
        label >= 1 && label <= truePositive.Length && (unlabelled.IsEmpty || unlabelled[label] == 0);

    private void CountRegions(ReadOnlySpan<float> outputs, ReadOnlySpan<float> targets, ReadOnlySpan<float> unlabelled)
    {
        var maps = labels.HeadCount;
        var stride = maps + (labels.IgnoreLabel is null ? 0 : 1);
        for (int v = 0, t = 0; t < targets.Length; v += maps, t += stride)
        {
            if (stride > maps && targets[t + maps] > 0)
            {
                continue;
            }

            for (var r = 0; r < maps; r++)
            {
                if (unlabelled.IsEmpty || unlabelled[r] == 0)
                {
                    Add(r, outputs[v + r] > 0, targets[t + r] > 0);
                }
            }
        }
    }

    private void Add(int index, bool predicted, bool reference)
    {
        if (predicted && reference)
        {
            truePositive[index]++;
        }
        else if (predicted)
        {
            falsePositive[index]++;
        }
        else if (reference)
        {
            falseNegative[index]++;
        }
    }
}
