using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.Engine.Backends;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>
/// A loaded configuration that segments scans, in a cascade with the stage before it or with given segmentations in its place.
/// </summary>
internal sealed class PredictingMember : IDisposable
{
    private readonly TrainedModel model;
    private readonly TrainedModel? first;
    private readonly bool needsPrevious;

    /// <summary>Loads the networks.</summary>
    /// <exception cref="SharpSegException">A checkpoint is damaged or of another plan.</exception>
    public PredictingMember(
        ModelMember member, DatasetDescription description, Backend backend, Func<int, Backend> openProcessor,
        InferenceOptions options, MemoryBudget budget, string folder, IPredictionWatch? watch = null)
    {
        needsPrevious = member.Configuration.PreviousStage is not null;
        TrainedModel Load(ModelMember stage, PredictionMemory memory) => new(
            stage.Plans, stage.Configuration, description, stage.Checkpoints, backend, openProcessor, options, memory, folder,
            watch);
        var stages = Memory(member, description, options, budget, backend, isWatched: watch is not null);
        first = member.FirstStage is { } before ? Load(before, stages[0].Memory) : null;
        try
        {
            model = Load(member, stages[^1].Memory);
        }
        catch
        {
            first?.Dispose();
            throw;
        }
    }

    /// <summary>
    /// What each stage takes, in the order in which they predict. Both stay loaded: each counts what the other's networks hold.
    /// </summary>
    /// <param name="member">The configuration.</param>
    /// <param name="description">Channels and labels.</param>
    /// <param name="options">Tiles and mirroring.</param>
    /// <param name="budget">What may be taken.</param>
    /// <param name="backend">Where the networks run.</param>
    /// <param name="folds">Networks of the last stage; null for all of the member's.</param>
    /// <param name="isWatched">Somebody looks on.</param>
    internal static IReadOnlyList<(ModelMember Stage, PredictionMemory Memory)> Memory(
        ModelMember member, DatasetDescription description, InferenceOptions options, MemoryBudget budget, Backend backend,
        int? folds = null, bool isWatched = false)
    {
        PredictionMemory Alone(ModelMember stage, int count) =>
            new(stage.Plans, stage.Configuration, description, count, options, budget, backend) { IsWatched = isWatched };
        var own = Alone(member, folds ?? member.Checkpoints.Count);
        if (member.FirstStage is not { } before)
        {
            return [(member, own)];
        }

        var first = Alone(before, before.Checkpoints.Count);
        return [(before, first.Beside(own)), (member, own.Beside(first))];
    }

    /// <summary>Called with how much of a scan is predicted, 0..1.</summary>
    public Action<double>? Advanced
    {
        set
        {
            var stages = first is null ? 1 : 2;
            model.Advanced = value is null ? null : (done, of) => value((stages - 1 + ((double)done / of)) / stages);
            if (first is not null)
            {
                first.Advanced = value is null ? null : (done, of) => value((double)done / of / stages);
            }
        }
    }

    /// <summary>The labels of a scan.</summary>
    /// <param name="caseId">For messages.</param>
    /// <param name="geometry">The scan's.</param>
    /// <param name="scan">The scan; each stage reads it anew, so that none has to be kept.</param>
    /// <param name="given">Reads the given segmentation of a cascade's first stage; called only where one is needed.</param>
    /// <param name="cancel">Stops between tiles.</param>
    public short[] Segment(
        string caseId, ImageGeometry geometry, ScanSource scan, Func<LabelImage> given, CancellationToken cancel) =>
        model.Segment(caseId, scan, Previous(caseId, geometry, scan, given, cancel), cancel);

    /// <summary>The probabilities of a scan; parameters as <see cref="Segment"/>.</summary>
    public PredictedMaps Probabilities(
        string caseId, ImageGeometry geometry, ScanSource scan, Func<LabelImage> given, CancellationToken cancel) =>
        model.Probabilities(caseId, scan, Previous(caseId, geometry, scan, given, cancel), cancel);

    public void Dispose()
    {
        model.Dispose();
        first?.Dispose();
    }

    /// <summary>The first stage's labels, which nobody else keeps.</summary>
    private Func<LabelImage>? Previous(
        string caseId, ImageGeometry geometry, ScanSource scan, Func<LabelImage> given, CancellationToken cancel)
    {
        if (first is null)
        {
            return needsPrevious ? given : null;
        }

        var labels = first.Segment(caseId, scan, null, cancel);
        return () =>
        {
            var handedOver = new LabelImage(geometry, labels);
            labels = [];
            return handedOver;
        };
    }
}
