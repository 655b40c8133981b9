using System.Runtime.CompilerServices;

namespace SharpSeg.Kernels.Gpu.Volumes;

/// <summary>A position in a box, in fixed-point voxels of 32 fraction bits, <see cref="SpatialSizes.Bias"/> added.</summary>
internal struct FixedPosition
{
    public const int FractionBits = 32;

    private const float PerUnit = 1f / 4294967296f;       // 2⁻³²

    public long Z, Y, X;

    /// <summary>Where a voxel of the patch is taken from.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FixedPosition Of(SpatialSizes s, long z, long y, long x)
    {
        var p = default(FixedPosition);
        p.Z = s.FirstZ + (z * s.StepZZ) + (y * s.StepYZ) + (x * s.StepXZ);
        p.Y = s.FirstY + (z * s.StepZY) + (y * s.StepYY) + (x * s.StepXY);
        p.X = s.FirstX + (z * s.StepZX) + (y * s.StepYX) + (x * s.StepXX);
        return p;
    }

    /// <summary>
    /// The position of a voxel displaced by (ez, ey, ex). A displacement is at most some tens of voxels, so that float32 gives
    /// its share of the position to 10⁻⁶ voxels however large the patch is.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FixedPosition Displaced(FixedPosition p, SpatialSizes s, float ez, float ey, float ex)
    {
        p.Z += (long)((ez * s.StepZZ) + (ey * s.StepYZ) + (ex * s.StepXZ));
        p.Y += (long)((ez * s.StepZY) + (ey * s.StepYY) + (ex * s.StepXY));
        p.X += (long)((ez * s.StepZX) + (ey * s.StepYX) + (ex * s.StepXX));
        return p;
    }

    /// <summary>Whether a position lies outside [0, N − 1] of the initial patch on any axis.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Leaves(FixedPosition p, SpatialSizes s) =>
        p.Z < s.OriginZ || p.Z > s.LastZ || p.Y < s.OriginY || p.Y > s.LastY || p.X < s.OriginX || p.X > s.LastX;

    /// <summary>⌊coordinate⌋.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Floor(long coordinate) => (int)(coordinate >> FractionBits) - SpatialSizes.Bias;

    /// <summary>coordinate − ⌊coordinate⌋.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Fraction(long coordinate) => (uint)(coordinate & 0xFFFFFFFFL) * PerUnit;
}
