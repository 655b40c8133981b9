using SharpSeg.AutoPlanner.Batches;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Training;

/// <summary>
/// The opened preprocessed cases of a fold, memory-mapped, in the second stage of a cascade with the first one's segmentations;
/// disposing closes them.
/// </summary>
internal sealed class PreprocessedCases : IDisposable
{
    private readonly Dictionary<string, StoredCaseSource> open = new(StringComparer.Ordinal);
    private readonly List<IDisposable> files = [];

    public PreprocessedCases(TrainingJob job)
    {
        try
        {
            Training = [.. job.TrainingCases.Select(id => Source(job, id))];
            Validation = [.. job.ValidationCases.Select(id => Source(job, id))];
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public IReadOnlyList<ICaseSource> Training { get; }

    public IReadOnlyList<ICaseSource> Validation { get; }

    public void Dispose()
    {
        files.ForEach(file => file.Dispose());
        files.Clear();
    }

    private StoredCaseSource Source(TrainingJob job, string id)
    {
        if (open.TryGetValue(id, out var source))
        {
            return source; // fold "all" names each case twice
        }

        var stored = StoredCase.Open(job.DataFolder, id);
        files.Add(stored);
        if (job.RecipeHashes.GetValueOrDefault(id) is { } hash && hash != stored.Properties.RecipeHash)
        {
            throw new SharpSegException(
                $"case `{id}` was preprocessed by other plans than those of now, or from other files: `{job.DataFolder}`",
                "undo the change, or run `sharpseg preprocess` again, which does such cases anew, and train again");
        }

        PreviousStageFile? previous = null;
        if (job.PreviousStageFolder is { } folder)
        {
            previous = PreviousStageFile.Open(folder, id, $"the fold of {job.Configuration.PreviousStage} that validates on it");
            files.Add(previous);
        }

        return open[id] = new StoredCaseSource(stored, previous);
    }
}

/// <summary>
/// A preprocessed case on disk as the loader reads it, in a cascade with the segmentation of the previous stage beside it.
/// </summary>
internal sealed class StoredCaseSource : ICaseSource
{
    private readonly StoredCase stored;
    private readonly PreviousStageFile? previousStage;
    private readonly Lazy<bool> whole; // checked at the first use, by whichever thread; a failure stays one

    /// <summary>Wraps an opened case, which stays the caller's to dispose of.</summary>
    /// <param name="stored">The case.</param>
    /// <param name="previousStage">Its segmentation by the previous stage; null outside a cascade.</param>
    /// <exception cref="SharpSegException">The two differ in size.</exception>
    public StoredCaseSource(StoredCase stored, PreviousStageFile? previousStage = null)
    {
        this.stored = stored;
        this.previousStage = previousStage;
        whole = new(() =>
        {
            stored.Verify();
            previousStage?.Verify();
            return true;
        });
        if (previousStage is not null && previousStage.Shape != stored.Shape)
        {
            throw new SharpSegException(
                $"case `{Id}`: the previous stage's segmentation has {previousStage.Shape} voxels, the image {stored.Shape}",
                "the plans changed in between: train and validate 3d_lowres again");
        }
    }

    /// <inheritdoc/>
    public string Id => stored.Properties.CaseId;

    /// <inheritdoc/>
    public Extent Shape => stored.Shape;

    /// <inheritdoc/>
    public int Channels => stored.Channels;

    /// <inheritdoc/>
    public bool HasPreviousStage => previousStage is not null;

    /// <inheritdoc/>
    public int LocationLists => stored.LocationKeys.Count;

    /// <inheritdoc/>
    public int AnnotatedList => stored.AnnotatedIndex ?? -1;

    /// <inheritdoc/>
    public int LocationCount(int list) => stored.LocationCount(list);

    /// <inheritdoc/>
    public Extent Location(int list, int index) => Whole().Location(list, index);

    /// <inheritdoc/>
    public void ReadImage(Extent origin, Extent size, Span<float> channelsLast) => Whole().ReadImage(origin, size, channelsLast);

    /// <inheritdoc/>
    public void ReadLabels(Extent origin, Extent size, Span<short> labels) => Whole().ReadLabels(origin, size, labels);

    /// <inheritdoc/>
    public void ReadPreviousStage(Extent origin, Extent size, Span<short> labels)
    {
        if (previousStage is null)
        {
            throw new InvalidOperationException($"case `{Id}` has no segmentation of a previous stage");
        }

        Whole();
        previousStage.Read(origin, size, labels);
    }

    /// <summary>
    /// The case, whose values are those that were written: once per session all of them are compared with their checksums.
    /// </summary>
    private StoredCase Whole()
    {
        _ = whole.Value;
        return stored;
    }
}
