using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Preprocessing;

/// <summary>
/// The segmentation of a case by the previous cascade stage, on the grid of the case as preprocessed for the next stage,
/// memory-mapped. One file CASE.labels per case (docs/method/training.md §2, §11).
/// </summary>
internal sealed class PreviousStageFile : IDisposable
{
    private readonly StoredArray labels;

    private PreviousStageFile(StoredArray labels) => this.labels = labels;

    /// <summary>Voxels (z, y, x).</summary>
    public Extent Shape => labels.Shape;

    /// <summary>Writes a segmentation; the file appears under its name only when it is complete.</summary>
    /// <param name="folder">Folder of the previous stage's segmentations; made if need be.</param>
    /// <param name="caseId">The case.</param>
    /// <param name="shape">Voxels (z, y, x), those of the preprocessed case of the next stage.</param>
    /// <param name="segmentation">One label per voxel.</param>
    public static void Write(string folder, string caseId, Extent shape, short[] segmentation)
    {
        Directory.CreateDirectory(folder);
        StoredArray.Write<short>(PathOf(folder, caseId), StoredElement.Int16, shape, 1, segmentation);
    }

    /// <summary>Whether a case has a segmentation.</summary>
    public static bool Exists(string folder, string caseId) => File.Exists(PathOf(folder, caseId));

    /// <summary>Maps the segmentation of a case.</summary>
    /// <param name="folder">Folder of the previous stage's segmentations.</param>
    /// <param name="caseId">The case.</param>
    /// <param name="producer">Which run would write it, e.g. "fold 3 of 3d_lowres", for the message.</param>
    /// <exception cref="SharpSegException">The file is missing or damaged.</exception>
    public static PreviousStageFile Open(string folder, string caseId, string producer)
    {
        var path = PathOf(folder, caseId);
        if (!File.Exists(path))
        {
            throw new SharpSegException(
                $"case `{caseId}`: no segmentation of the previous stage, `{path}` is missing",
                $"finish {producer}: it writes the file in its validation");
        }

        var labels = StoredArray.Open(path);
        if (labels.Element != StoredElement.Int16 || labels.Channels != 1)
        {
            labels.Dispose();
            throw new SharpSegException($"`{path}`: not a label map of the previous stage", $"run {producer} again");
        }

        return new PreviousStageFile(labels);
    }

    /// <summary>Reads a box, which lies inside.</summary>
    public void Read(Extent origin, Extent size, Span<short> destination) =>
        labels.ReadBox(origin, size, destination[..(int)size.Voxels]);

    /// <summary>Reads every value and compares the checksum.</summary>
    /// <exception cref="SharpSegException">The file is damaged.</exception>
    public void Verify() => labels.Verify();

    /// <inheritdoc/>
    public void Dispose() => labels.Dispose();

    /// <summary>The file of a case.</summary>
    public static string PathOf(string folder, string caseId) => Path.Combine(folder, caseId + ".labels");
}
