using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Inference;

/// <summary>The saved probabilities of one case by several members, read as their mean; disposing closes the files.</summary>
internal sealed class EnsembleMembers : IProbabilityMaps, IDisposable
{
    private readonly List<ProbabilityFile> files = [];
    private readonly AveragedMaps mean;

    /// <summary>
    /// Memory of averaging and deciding (docs/method/memory.md §4): labels, and of some planes a member's map, the sum's and the
    /// highest so far; the files that are read by turns; and what writing the mean takes beside.
    /// </summary>
    /// <param name="extent">Voxels of a map.</param>
    /// <param name="labels">Heads to labels.</param>
    /// <param name="members">Files.</param>
    /// <param name="saved">Whether and how the mean is written.</param>
    public static long Bytes(
        Extent extent, LabelScheme labels, int members, SavedProbabilities saved = SavedProbabilities.None)
    {
        var planes = ProbabilityFile.PlanesInWork(extent);
        return ReadingBytes(extent, labels, members) + Math.Max(
            LabelDecision.Bytes(extent, planes),
            (sizeof(short) * extent.Voxels) + Math.Max(
                ProbabilityFile.WritingBytes(extent, planes, labels, saved),
                SegmentationFile.WritingBytes(extent.Voxels, labels)));
    }

    /// <summary>
    /// The same where the mean is wanted on another grid, for which maps are made whole.
    /// </summary>
    /// <param name="from">Voxels of a member's map.</param>
    /// <param name="to">Voxels of the grid that is wanted.</param>
    /// <param name="labels">Heads to labels.</param>
    /// <param name="members">Files.</param>
    /// <param name="saved">Whether and how the mean is written.</param>
    public static long RelocatedBytes(Extent from, Extent to, LabelScheme labels, int members, SavedProbabilities saved) =>
        ReadingBytes(from, labels, members) + RelocatedMaps.Bytes(from.Voxels) + Math.Max(
            LabelDecision.Bytes(to, to.Z),
            (sizeof(short) * to.Voxels) + Math.Max(
                ProbabilityFile.WritingBytes(to, to.Z, labels, saved), SegmentationFile.WritingBytes(to.Voxels, labels)));

    private static long ReadingBytes(Extent extent, LabelScheme labels, int members) =>
        (members * ProbabilityFile.ReadingBytes(extent, labels.HeadCount))
            + (sizeof(float) * (long)ProbabilityFile.PlanesInWork(extent) * extent.Y * extent.X);

    /// <summary>Opens the files and checks that they can be averaged.</summary>
    /// <param name="paths">One file a member.</param>
    /// <param name="labels">The dataset's.</param>
    /// <param name="cancel">Stops whoever reads them, between two readings.</param>
    /// <exception cref="SharpSegException">A file is missing, damaged, or of other labels or another size than the
    /// first.</exception>
    public EnsembleMembers(IReadOnlyList<string> paths, LabelScheme labels, CancellationToken cancel = default)
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

            mean = new AveragedMaps(files, cancel);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public Extent Extent => mean.Extent;

    /// <inheritdoc/>
    public int Heads => mean.Heads;

    /// <inheritdoc/>
    public int PlanesAtOnce => mean.PlanesAtOnce;

    /// <inheritdoc/>
    public void Read(int head, int first, Span<float> target) => mean.Read(head, first, target);

    public void Dispose() => files.ForEach(file => file.Dispose());
}
