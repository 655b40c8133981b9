namespace SharpSeg.AutoPlanner.Volumes;

/// <summary>
/// Where the output samples of one axis lie between its input samples: half-pixel centres, u = (j + 0.5)·n/m - 0.5 for output j of m and
/// inputs 0..n-1. The scale comes from the sizes, never from spacings; outside the array the edge value continues
/// (docs/method/preprocessing.md §4.3). All arithmetic in double.
/// </summary>
internal static class AxisCoordinates
{
    /// <summary>Order 0: the nearest input of each output, min(n-1, ((2j+1)·n) / (2m)) in integers.</summary>
    public static int[] Nearest(int from, int to)
    {
        var index = new int[to];
        for (var j = 0; j < to; j++)
        {
            index[j] = (int)Math.Min(from - 1, (2L * j + 1) * from / (2L * to));
        }

        return index;
    }

    /// <summary>floor(u), from -1 to n-1, and u - floor(u) of each output.</summary>
    public static (int[] Floor, double[] Fraction) Position(int from, int to)
    {
        var floor = new int[to];
        var fraction = new double[to];
        for (var j = 0; j < to; j++)
        {
            var u = (j + 0.5) * from / to - 0.5;
            floor[j] = (int)Math.Floor(u);
            fraction[j] = u - floor[j];
        }

        return (floor, fraction);
    }
}
