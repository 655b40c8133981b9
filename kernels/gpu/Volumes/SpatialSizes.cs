using SharpSeg.Engine.Backends;

namespace SharpSeg.Kernels.Gpu.Volumes;

/// <summary>
/// An affine map from a patch to a box, as a kernel parameter. Positions are fixed-point numbers of 32 fraction bits, computed in
/// float64 here and exact to 10⁻⁷ voxels there; float32 would err by 10⁻⁵, float64 is slow on GPUs.
/// </summary>
internal readonly struct SpatialSizes
{
    /// <summary>
    /// Added to positions so that none is negative: shifts of negative numbers are not the same on all devices.
    /// </summary>
    public const int Bias = 1 << 14;                      // voxels

    private const double One = 4294967296.0;              // 2³²

    public readonly long FirstZ, FirstY, FirstX, StepZZ, StepZY, StepZX, StepYZ, StepYY, StepYX, StepXZ, StepXY, StepXX;
    public readonly long OriginZ, OriginY, OriginX, LastZ, LastY, LastX;
    public readonly int PatchZ, PatchY, PatchX, BoxZ, BoxY, BoxX, Channels, Planar, Labels;

    public SpatialSizes(in AffineSampling p, int labels)
    {
        (PatchZ, PatchY, PatchX) = (p.Patch.Z, p.Patch.Y, p.Patch.X);
        (BoxZ, BoxY, BoxX) = (p.Box.Z, p.Box.Y, p.Box.X);
        (Channels, Planar, Labels) = (p.Channels, p.Planar ? 1 : 0, labels);
        var first = p.Position(0, 0, 0);
        (FirstZ, FirstY, FirstX) = (
            Fixed(first.Z - p.Origin.Z + Bias), Fixed(first.Y - p.Origin.Y + Bias), Fixed(first.X - p.Origin.X + Bias));
        (StepZZ, StepZY, StepZX) = (Fixed(p.Planar ? 1 : p.StepZ.Z), Fixed(p.StepZ.Y), Fixed(p.StepZ.X));
        (StepYZ, StepYY, StepYX) = (Fixed(p.Planar ? 0 : p.StepY.Z), Fixed(p.StepY.Y), Fixed(p.StepY.X));
        (StepXZ, StepXY, StepXX) = (Fixed(p.Planar ? 0 : p.StepX.Z), Fixed(p.StepX.Y), Fixed(p.StepX.X));

        // Labels live where 0 ≤ position + origin ≤ initial − 1.
        (OriginZ, OriginY, OriginX) = (Fixed(Bias - p.Origin.Z), Fixed(Bias - p.Origin.Y), Fixed(Bias - p.Origin.X));
        (LastZ, LastY, LastX) = (
            OriginZ + Fixed(p.Initial.Z - 1), OriginY + Fixed(p.Initial.Y - 1), OriginX + Fixed(p.Initial.X - 1));
    }

    private static long Fixed(double voxels) => (long)Math.Round(voxels * One);
}
