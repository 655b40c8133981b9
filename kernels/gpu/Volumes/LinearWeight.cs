using System.Runtime.CompilerServices;

namespace SharpSeg.Kernels.Gpu.Volumes;

/// <summary>Trilinear weights. Bits of a tap, from the highest: far slice, far row, right neighbour.</summary>
internal static class LinearWeight
{
    /// <summary>Weight of a tap for a position's fractions along z, y and x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Of(float fz, float fy, float fx, int tap)
    {
        var wz = (tap & 4) == 0 ? 1f - fz : fz;
        var wy = (tap & 2) == 0 ? 1f - fy : fy;
        var wx = (tap & 1) == 0 ? 1f - fx : fx;
        return wz * wy * wx;
    }
}
