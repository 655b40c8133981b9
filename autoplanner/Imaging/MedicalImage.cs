using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>
/// What must come out of a written file exactly as it went in. Each format keeps its own raw header here and copies it to
/// outputs.
/// </summary>
/// <param name="Extent">Voxels (z, y, x); a 2D image has Z = 1.</param>
/// <param name="Spacing">mm (z, y, x); a 2D image without a slice thickness has 999·max(sy, sx), or 999 without any spacing, for
/// z.</param>
/// <param name="Affine">
/// Voxel (x, y, z) to mm: 12 numbers, 3 rows of 4, whose columns are as long as the spacing; 1 mm across a 2D image. Compared in
/// verify, never used in computation.
/// </param>
/// <param name="Format">Name of the format that owns <paramref name="RawHeader"/>, e.g. "nifti".</param>
/// <param name="RawHeader">The file's header bytes, for that format's writer.</param>
/// <param name="SpacingProblem">
/// Which spacing of the header is 0 or not a number and was replaced by 1 mm (docs/method/datasets.md §6.2): an error to
/// `verify`, a warning to everything else that depends on millimetres. Null if all are usable.
/// </param>
public sealed record ImageGeometry(
    Extent Extent, Spacing Spacing, double[] Affine, string Format, byte[] RawHeader, string? SpacingProblem = null)
{
    /// <summary>
    /// In what way the header's affine is none, or contradicts its spacing, so that <see cref="Affine"/> differs from it
    /// (docs/method/datasets.md §6.5). Null if it is good.
    /// </summary>
    public string? AffineProblem { get; init; }
}

/// <summary>A scan: one float32 array per channel, each in array order (z, y, x).</summary>
/// <param name="Geometry">Size, spacing and the header to write back.</param>
/// <param name="Channels">Voxels of each channel, scaled by the file's slope and intercept.</param>
public sealed record MedicalImage(ImageGeometry Geometry, IReadOnlyList<float[]> Channels)
{
    /// <summary>Reads an image file; the ending of its name picks the format.</summary>
    /// <exception cref="SharpSegException">The file is missing, unsupported or damaged.</exception>
    public static MedicalImage Read(string path) => ImageFile.Read(path);

    /// <summary>Reads an image whose channels lie in a file each.</summary>
    /// <param name="paths">The files, in the order of the model's channels.</param>
    /// <exception cref="SharpSegException">A file is missing, unsupported or damaged, or they differ in size.</exception>
    public static MedicalImage Read(IReadOnlyList<string> paths)
    {
        ArgumentNullException.ThrowIfNull(paths);
        ArgumentOutOfRangeException.ThrowIfZero(paths.Count, nameof(paths));
        var images = paths.Select(Read).ToArray();
        return Array.FindIndex(images, image => image.Extent != images[0].Extent) is var other and >= 0
            ? throw new SharpSegException(
                $"`{paths[other]}` has {images[other].Extent} voxels (z, y, x), `{paths[0]}` {images[0].Extent}",
                "all channels of a scan must lie on one grid: resample them")
            : images[0] with { Channels = [.. images.SelectMany(image => image.Channels)] };
    }

    /// <summary>An image out of voxels; its axes are taken to run to the right, to the front and up.</summary>
    /// <param name="extent">Voxels (z, y, x).</param>
    /// <param name="spacing">mm (z, y, x).</param>
    /// <param name="channels">Voxels of each channel, (z, y, x).</param>
    /// <exception cref="ArgumentException">Sizes that do not belong together, or a spacing that is not positive.</exception>
    public static MedicalImage Of(Extent extent, Spacing spacing, params IReadOnlyList<float[]> channels)
    {
        ArgumentNullException.ThrowIfNull(channels);
        if (channels.Count == 0 || channels.Any(channel => channel.Length != extent.Voxels))
        {
            throw new ArgumentException($"each channel of an image of {extent} has {extent.Voxels} voxels", nameof(channels));
        }

        return spacing.ToArray().All(Spacing.IsPlausible)
            ? new(
                new(extent, spacing, [spacing.X, 0, 0, 0, 0, spacing.Y, 0, 0, 0, 0, spacing.Z, 0], "memory", []), channels)
            : throw new ArgumentException("a spacing is a positive number of mm", nameof(spacing));
    }

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
    /// <summary>Reads a label map: one channel of whole numbers.</summary>
    /// <exception cref="SharpSegException">The file is missing, damaged, or no label map.</exception>
    public static LabelImage Read(string path) => ImageFile.ReadLabels(path);

    /// <summary>Writes the map; of the geometry's own format it has its header.</summary>
    /// <param name="path">The file; its ending picks the format.</param>
    /// <param name="highestLabel">The highest label that there could be: it decides the type of the voxels.</param>
    /// <exception cref="SharpSegException">
    /// The format cannot hold it, or it cannot be written, e.g. because there is no such folder.
    /// </exception>
    public void Write(string path, int highestLabel)
    {
        if (!ImageFile.KeepsValues(path) || (Extent.Z > 1 && !ImageFile.HoldsVolumes(path)))
        {
            throw new SharpSegException(
                $"`{path}`: this format cannot hold the labels of {Extent} voxels (z, y, x)", "write .nii.gz instead");
        }

        ImageFile.WriteLabels(path, Voxels, Geometry, highestLabel);
    }

    /// <summary>Voxels (z, y, x).</summary>
    public Extent Extent => Geometry.Extent;

    /// <summary>mm (z, y, x).</summary>
    public Spacing Spacing => Geometry.Spacing;
}
