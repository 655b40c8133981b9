using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Inference;

/// <summary>The saved probabilities of one case by several members, read as their mean; disposing closes the files.</summary>
internal sealed class EnsembleMembers : IProbabilityMaps, IDisposable
{
    private readonly List<ProbabilityFile> files = [];
    private readonly AveragedMaps mean;

    /// <summary>
    /// Memory of averaging and deciding (docs/method/memory.md §4): labels, a member's map, the sum's and the highest so far; and
    /// what writing the mean takes beside.
    /// </summary>
    /// <param name="voxels">Of a map.</param>
    /// <param name="labels">Heads to labels.</param>
    /// <param name="saved">Whether and how the mean is written.</param>
    public static long Bytes(long voxels, LabelScheme labels, SavedProbabilities saved = SavedProbabilities.None) =>
        (voxels * (sizeof(short) + (sizeof(float) * (3L + ProbabilityFile.Volumes(labels, saved)))))
            + ProbabilityFile.PackingBytes(voxels, labels, saved);

    /// <summary>Opens the files and checks that they can be averaged.</summary>
    /// <param name="paths">One file a member.</param>
    /// <param name="labels">The dataset's.</param>
    /// <exception cref="SharpSegException">A file is missing, damaged, or of other labels or another size than the
    /// first.</exception>
    public EnsembleMembers(IReadOnlyList<string> paths, LabelScheme labels)
    {
        try
        {
            foreach (var path in paths)
            {
                files.Add(ProbabilityFile.Open(path, labels));
                if (files[^1].Extent != files[0].Extent)
                {
                    throw new SharpSegException(
                        $"`{path}`: {files[^1].Extent} voxels (z, y, x), but `{paths[0]}` has {files[0].Extent}",
                        "all members must be predictions of the same scans");
                }
            }

            mean = new AveragedMaps(files);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Bytes of the largest packed map of a member.</summary>
    public long PackedBytes => files.Max(file => file.PackedBytes);

    /// <inheritdoc/>
    public Extent Extent => mean.Extent;

    /// <inheritdoc/>
    public int Heads => mean.Heads;

    /// <inheritdoc/>
    public void Read(int head, Span<float> target) => mean.Read(head, target);

    public void Dispose() => files.ForEach(file => file.Dispose());
}
