using SharpSeg.AutoPlanner.Planning;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Batches;

/// <summary>
/// How large a patch is read so that a rotated and scaled one has no empty corners, and how far it may be rotated
/// (docs/method/training.md §6, docs/method/augmentation.md §1, §2).
/// </summary>
/// <param name="Patch">The network's patch in voxels; 2D has Z = 1.</param>
/// <param name="Initial">Voxels to read for training. Validation reads <paramref name="Patch"/>.</param>
/// <param name="Is2D">The network is two-dimensional.</param>
/// <param name="Dummy2D">A 3D network with patches so flat that slices are rotated only in their plane.</param>
/// <param name="RotationRadians">Rotation angles are drawn from ± this.</param>
internal sealed record PatchGeometry(Extent Patch, Extent Initial, bool Is2D, bool Dummy2D, double RotationRadians)
{
    // The scaling range goes down to 0.7, but both reference generations keep 0.85 here.
    private const double SmallestScale = 0.85;
    private const double AllAround = Math.PI;
    private const int TemporaryPlanes = 4;                // float32 planes of an initial patch that augmentation works with

    /// <summary>The spatial transform works on slices: 2D and dummy-2D.</summary>
    public bool Planar => Is2D || Dummy2D;

    /// <summary>Axes that may be mirrored, in training and at inference; 0 = z.</summary>
    public IReadOnlyList<int> MirrorAxes => [.. ((int[])(Is2D ? [1, 2] : [0, 1, 2])).Except(UnmirroredAxes)];

    /// <summary>Axes along which labels tell left from right; 0 = z.</summary>
    public IReadOnlyList<int> UnmirroredAxes { get; init; } = [];

    /// <summary>Bytes of a sample in work: image and labels as read and as cut, and what augmentation works with.</summary>
    /// <param name="channels">Of the image.</param>
    public long SampleBytes(long channels) =>
        (((channels * sizeof(float)) + (2 * sizeof(short))) * (Patch.Voxels + Initial.Voxels))
            + (TemporaryPlanes * sizeof(float) * Initial.Voxels);

    /// <summary>Applies the rules.</summary>
    /// <param name="profile">The generations differ in rotation range, dummy-2D rule and initial patch.</param>
    /// <param name="patch">The network's patch in voxels.</param>
    /// <param name="is2D">The network is two-dimensional; then the patch has Z = 1.</param>
    public static PatchGeometry For(Profile profile, Extent patch, bool is2D)
    {
        if (is2D)
        {
            double longer = Math.Max(patch.Y, patch.X), shorter = Math.Min(patch.Y, patch.X);
            var angle = longer / shorter > 1.5 ? Degrees(15) : AllAround;
            return new PatchGeometry(patch, InPlane(patch, angle), Is2D: true, Dummy2D: false, angle);
        }

        var longest = Math.Max(patch.Z, Math.Max(patch.Y, patch.X));
        var shortest = Math.Min(patch.Z, Math.Min(patch.Y, patch.X));
        var dummy = profile == Profile.Classic ? longest > 2 * shortest : (double)longest / patch.Z > 3;
        if (dummy)
        {
            var initial = profile == Profile.Classic ? InPlane(patch, AllAround) : InSpace(patch, AllAround).With(0, patch.Z);
            return new PatchGeometry(patch, initial, Is2D: false, Dummy2D: true, AllAround);
        }

        var range = Degrees(profile == Profile.Classic ? 15 : 30);
        return new PatchGeometry(patch, InSpace(patch, range), Is2D: false, Dummy2D: false, range);
    }

    private static double Degrees(double degrees) => degrees * Math.PI / 180;

    private static Extent InPlane(Extent patch, double angle)
    {
        var (s, c) = Math.SinCos(Math.Min(angle, Math.PI / 2));
        double d0 = patch.Y, d1 = patch.X;
        return new Extent(patch.Z, Enlarge(d0, (d0 * c) + (d1 * s), 0), Enlarge(d1, (d1 * c) - (d0 * s), 0));
    }

    // The asymmetry between the axes is the reference's.
    private static Extent InSpace(Extent patch, double angle)
    {
        var (s, c) = Math.SinCos(Math.Min(angle, Math.PI / 2));
        double d0 = patch.Z, d1 = patch.Y, d2 = patch.X;
        return new Extent(
            Enlarge(d0, (d0 * c) - (d2 * s), (d0 * c) + (d1 * s)),
            Enlarge(d1, (d1 * c) + (d2 * s), (d1 * c) - (d0 * s)),
            Enlarge(d2, (d2 * c) - (d1 * s), (d0 * s) + (d2 * c)));
    }

    private static int Enlarge(double edge, double rotated, double rotatedOtherwise) =>
        (int)Math.Floor(Math.Max(edge, Math.Max(Math.Abs(rotated), Math.Abs(rotatedOtherwise))) / SmallestScale);
}
