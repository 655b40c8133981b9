namespace SharpSeg.Conformance;

/// <summary>Test data from a seeded generator.</summary>
public static class RandomValues
{
    /// <summary>Uniform in [centre − radius, centre + radius).</summary>
    public static float[] Uniform(Random random, long length, double radius = 1, double centre = 0)
    {
        var values = new float[length];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = (float)(centre + (radius * ((2 * random.NextDouble()) - 1)));
        }

        return values;
    }

    /// <summary>Whole numbers in [0, count), as float32.</summary>
    public static float[] Whole(Random random, long length, int count)
    {
        var values = new float[length];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = random.Next(count);
        }

        return values;
    }

    /// <summary>One of the given values.</summary>
    public static T Pick<T>(Random random, params ReadOnlySpan<T> choices) => choices[random.Next(choices.Length)];
}
