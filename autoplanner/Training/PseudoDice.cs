namespace SharpSeg.AutoPlanner.Training;

/// <summary>
/// Dice from counts pooled over all validation patches of an epoch (docs/method/training.md §8): a cheap, optimistic proxy for
/// the real metric.
/// </summary>
/// <param name="classes">Number of foreground classes or regions.</param>
public sealed class PseudoDice(int classes)
{
    private readonly long[] truePositive = new long[classes], falsePositive = new long[classes], falseNegative = new long[classes];

    /// <summary>Counts one voxel of a class or region.</summary>
    public void Add(int index, bool predicted, bool reference)
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

    /// <summary>2TP/(2TP + FP + FN) per class; null where nothing was predicted nor present.</summary>
    public IReadOnlyList<double?> PerClass()
    {
        var dice = new double?[classes];
        for (var c = 0; c < classes; c++)
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

    /// <summary>Moving average: the first value starts it, then 0.9·old + 0.1·new; an undefined epoch keeps the old one.</summary>
    public static double? MovingAverage(double? previous, double? mean) =>
        mean is not { } value ? previous : previous is { } old ? (0.9 * old) + (0.1 * value) : value;
}
