namespace SharpSeg.Engine.Losses;

/// <summary>Weights of the outputs at decreasing resolution (docs/method/losses-and-optimisers.md §5).</summary>
public static class DeepSupervision
{
    /// <summary>1/2^i, the lowest resolution 0 unless it is the only one, divided by their sum.</summary>
    /// <param name="outputs">Number of outputs, 1 or more.</param>
    public static IReadOnlyList<float> Weights(int outputs)
    {
        var raw = Enumerable.Range(0, outputs).Select(i => i == outputs - 1 && outputs > 1 ? 0.0 : Math.Pow(0.5, i)).ToArray();
        var sum = raw.Sum();
        return [.. raw.Select(w => (float)(w / sum))];
    }
}
