using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>
/// What must come out of a written file exactly as it went in. Each format keeps its own raw header here and copies it to
/// outputs.
/// </summary>
/// <param name="Extent">Voxels (z, y, x); a 2D image has Z = 1.</param>
/// <param name="Spacing">mm (z, y, x); a 2D image without a slice thickness has 999·max(sy, sx), or 999 without any spacing, for
/// z.</param>
/// <param name="Affine">Voxel (x, y, z) to mm: 12 numbers, 3 rows of 4. Compared in verify, never used in computation.</param>
/// <param name="Format">Name of the format that owns <paramref name="RawHeader"/>, e.g. "nifti".</param>
/// <param name="RawHeader">The file's header bytes, for that format's writer.</param>
/// <param name="SpacingProblem">
/// Which spacing of the header is 0 or not a number and was replaced by 1 mm (docs/method/datasets.md §6.2): an error to
/// `verify`, a warning to everything else that depends on millimetres. Null if all are usable.
/// </param>
public sealed record ImageGeometry(
    Extent Extent, Spacing Spacing, double[] Affine, string Format, byte[] RawHeader, string? SpacingProblem = null);

/// <summary>A scan: one float32 array per channel, each in array order (z, y, x).</summary>
/// <param name="Geometry">Size, spacing and the header to write back.</param>
/// <param name="Channels">Voxels of each channel, scaled by the file's slope and intercept.</param>
public sealed record MedicalImage(ImageGeometry Geometry, IReadOnlyList<float[]> Channels)
{
    /// <summary>Voxels (z, y, x).</summary>
    public Extent Extent => Geometry.Extent;

    /// <summary>mm (z, y, x).</summary>
    public Spacing Spacing => Geometry.Spacing;
}

/// <summary>A label map: whole numbers in array order (z, y, x).</summary>
/// <param name="Geometry">Size, spacing and the header to write back.</param>
/// <param name="Voxels">One label per voxel.</param>
public sealed record LabelImage(ImageGeometry Geometry, short[] Voxels)
{
    /// <summary>Voxels (z, y, x).</summary>
    public Extent Extent => Geometry.Extent;

    /// <summary>mm (z, y, x).</summary>
    public Spacing Spacing => Geometry.Spacing;
}
