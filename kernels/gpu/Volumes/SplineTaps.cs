using System.Runtime.CompilerServices;

namespace SharpSeg.Kernels.Gpu.Volumes;

/// <summary>
/// The four neighbours of a position along one axis and their cubic B-spline weights (docs/method/augmentation.md §3.2): for the
/// fraction t at −1, 0, 1, 2 voxels (1 − t)³/6, (4 − 6t² + 3t³)/6, (1 + 3t + 3t² − 3t³)/6, t³/6.
/// </summary>
internal struct SplineTaps
{
    public int At0, At1, At2, At3;                        // offsets in elements
    public float Weight0, Weight1, Weight2, Weight3;

    /// <summary>
    /// Neighbours of voxel <paramref name="index"/>, which lies in [0, count), mirrored at the first and the last voxel, which
    /// are not repeated; <paramref name="stride"/> elements from one to the next.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SplineTaps Of(int index, float t, int count, int stride)
    {
        const float sixth = 1f / 6f;
        var s = 1f - t;
        var taps = default(SplineTaps);
        taps.At0 = Mirrored(index - 1, count) * stride;
        taps.At1 = index * stride;
        taps.At2 = Mirrored(index + 1, count) * stride;
        taps.At3 = Mirrored(index + 2, count) * stride;
        taps.Weight0 = s * s * s * sixth;
        taps.Weight1 = (4f + (t * t * ((3f * t) - 6f))) * sixth;
        taps.Weight2 = (4f + (s * s * ((3f * s) - 6f))) * sixth; // the same polynomial of 1 − t
        taps.Weight3 = t * t * t * sixth;
        return taps;
    }

    // Of −1 … count + 1: two voxels need mirroring twice, one has only itself.
    private static int Mirrored(int index, int count)
    {
        var i = index < 0 ? -index : index;
        i = i >= count ? (2 * count) - 2 - i : i;
        i = i < 0 ? -i : i;
        return count == 1 ? 0 : i;
    }
}
