using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Batches;

/// <summary>A preprocessed case on disk as the loader reads it, in a cascade with the segmentation of the previous stage beside it.</summary>
public sealed class StoredCaseSource : ICaseSource
{
    private readonly StoredCase stored;
    private readonly PreviousStageFile? previousStage;

    /// <summary>Wraps an opened case, which stays the caller's to dispose of.</summary>
    /// <param name="stored">The case.</param>
    /// <param name="previousStage">Its segmentation by the previous stage; null outside a cascade.</param>
    /// <exception cref="SharpSegException">The two differ in size.</exception>
    public StoredCaseSource(StoredCase stored, PreviousStageFile? previousStage = null)
    {
        this.stored = stored;
        this.previousStage = previousStage;
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
    public Extent Location(int list, int index) => stored.Location(list, index);

    /// <inheritdoc/>
    public void ReadImage(Extent origin, Extent size, Span<float> channelsLast) => stored.ReadImage(origin, size, channelsLast);

    /// <inheritdoc/>
    public void ReadLabels(Extent origin, Extent size, Span<short> labels) => stored.ReadLabels(origin, size, labels);

    /// <inheritdoc/>
    public void ReadPreviousStage(Extent origin, Extent size, Span<short> labels)
    {
        if (previousStage is null)
        {
            throw new InvalidOperationException($"case `{Id}` has no segmentation of a previous stage");
        }

        previousStage.Read(origin, size, labels);
    }
}
