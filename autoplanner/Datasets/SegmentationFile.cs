using SharpSeg.AutoPlanner.Imaging;

namespace SharpSeg.AutoPlanner.Datasets;

/// <summary>
/// Files of segmentations. Where the labels of a dataset were renumbered, the user's own values stand in every segmentation and
/// in every reference, and labels without gaps only in the dataset's own label maps and in memory (docs/method/datasets.md §5).
/// </summary>
internal static class SegmentationFile
{
    /// <summary>Reads a segmentation, or a reference, of a dataset.</summary>
    /// <param name="path">The file.</param>
    /// <param name="labels">The dataset's labels; the result has their numbers.</param>
    /// <exception cref="SharpSegException">
    /// The file is missing or damaged, or, where labels were renumbered, holds a value that no label has.
    /// </exception>
    public static LabelImage Read(string path, LabelScheme labels)
    {
        var image = ImageFile.ReadLabels(path);
        if (labels.OriginalValues is not { } originals || IsOfRenumberedDataset(path))
        {
            return image;
        }

        var table = new Dictionary<short, short>();
        foreach (var (label, value) in originals.Index())
        {
            table[(short)value] = (short)label;
        }

        foreach (ref var voxel in image.Voxels.AsSpan())
        {
            voxel = table.TryGetValue(voxel, out var label)
                ? label
                : throw new SharpSegException(
                    $"`{path}`: it has the value {voxel}; this dataset's labels have {string.Join(", ", originals.Take(20))}",
                    "is it a segmentation of this dataset, with its original values?");
        }

        return image;
    }

    /// <summary>Writes a segmentation with the geometry of its scan; see <see cref="ImageFile.WriteLabels"/>.</summary>
    /// <param name="path">The file; its ending picks the format.</param>
    /// <param name="voxels">Labels (z, y, x); not changed.</param>
    /// <param name="geometry">From the first channel's file.</param>
    /// <param name="labels">Of the dataset: all its files get one type.</param>
    /// <param name="withIgnored">The ignore label may be among them, which no network predicts.</param>
    /// <exception cref="SharpSegException">Unsupported ending, or the file cannot be written.</exception>
    public static void Write(
        string path, short[] voxels, ImageGeometry geometry, LabelScheme labels, bool withIgnored = false) =>
        ImageFile.WriteLabels(
            path, WithOriginalValues(voxels, labels), geometry,
            Enumerable.Range(0, 1 + (withIgnored ? labels.HighestValue : labels.HighestLabel)).Max(labels.OriginalValue));

    /// <summary>
    /// Memory that writing takes beside the labels: a copy with the user's own values, where labels were renumbered.
    /// </summary>
    /// <param name="voxels">Of the segmentation.</param>
    /// <param name="labels">Of the dataset.</param>
    public static long WritingBytes(long voxels, LabelScheme labels) =>
        labels.OriginalValues is null ? 0 : sizeof(short) * voxels;

    /// <summary>The same labels with the user's own values; the array itself where no label was renumbered.</summary>
    public static short[] WithOriginalValues(short[] voxels, LabelScheme labels) => labels.OriginalValues is { } originals
        ? Array.ConvertAll(voxels, voxel => (short)originals[voxel])
        : voxels;

    // The label maps beside the images of a dataset that says how it was renumbered.
    private static bool IsOfRenumberedDataset(string path)
    {
        var folder = Path.GetDirectoryName(Path.GetDirectoryName(Path.GetFullPath(path)));
        var description = folder is null ? "" : Path.Combine(folder, Dataset.DescriptionFile);
        return Directory.Exists(Path.Combine(folder ?? "", "imagesTr")) && File.Exists(description)
            && JsonFile.Read(description).Has(DatasetJson.OriginalValuesKey);
    }
}
