using System.Runtime.CompilerServices;

namespace SharpSeg.Kernels.Gpu.Normalization;

/// <summary>Mean and sum of squared differences from it in one pass over the values (Welford 1962).</summary>
internal static class Welford
{
    /// <summary>Takes in one more value; <paramref name="share"/> is 1/(number of values, this one included).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Add(float value, float share, ref float mean, ref float square)
    {
        var difference = value - mean;
        mean += difference * share;
        square += difference * (value - mean);
    }
}
