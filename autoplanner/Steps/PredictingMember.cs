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
        InferenceOptions options, MemoryBudget budget, string folder, IPredictionWatch? watch = null,
        IReadOnlyList<ModelMember>? ensemble = null)
    {
        needsPrevious = member.Configuration.PreviousStage is not null;
        TrainedModel Load(ModelMember stage, PredictionMemory memory) => new(
            stage.Plans, stage.Configuration, description, stage.Checkpoints, backend, openProcessor, options, memory, folder,
            watch);
        var stages = Memory(member, description, options, budget, backend, isWatched: watch is not null, ensemble: ensemble);
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
    /// What each stage takes, in the order in which they predict. All stay loaded, as do an ensemble's other members: each counts
    /// what the others' networks hold.
    /// </summary>
    /// <param name="member">The configuration.</param>
    /// <param name="description">Channels and labels.</param>
    /// <param name="options">Tiles and mirroring.</param>
    /// <param name="budget">What may be taken.</param>
    /// <param name="backend">Where the networks run.</param>
    /// <param name="folds">Networks of the last stage; null for all of the member's.</param>
    /// <param name="isWatched">Somebody looks on.</param>
    /// <param name="ensemble">The members of an ensemble, this one among them; null for none.</param>
    internal static IReadOnlyList<(ModelMember Stage, PredictionMemory Memory)> Memory(
        ModelMember member, DatasetDescription description, InferenceOptions options, MemoryBudget budget, Backend backend,
        int? folds = null, bool isWatched = false, IReadOnlyList<ModelMember>? ensemble = null)
    {
        PredictionMemory Alone(ModelMember stage, int count) =>
            new(stage.Plans, stage.Configuration, description, count, options, budget, backend)
            {
                IsWatched = isWatched, Members = ensemble?.Count ?? 1,
            };
        (ModelMember Stage, PredictionMemory Memory)[] own =
        [
            .. StagesOf(member).Select(
                stage => (
                    stage,
                    Alone(stage, ReferenceEquals(stage, member) && folds is { } few ? few : stage.Checkpoints.Count))),
        ];
        PredictionMemory[] others =
        [
            .. (ensemble ?? []).Where(other => !ReferenceEquals(other, member)).SelectMany(StagesOf)
                .Select(stage => Alone(stage, stage.Checkpoints.Count)),
        ];
        return
        [
            .. own.Select(one => (one.Stage, own.Where(two => !ReferenceEquals(one.Stage, two.Stage)).Select(two => two.Memory)
                .Concat(others).Aggregate(one.Memory, (memory, beside) => memory.Beside(beside)))),
        ];
    }

    /// <summary>A configuration, after the stage before it in a cascade.</summary>
    internal static IEnumerable<ModelMember> StagesOf(ModelMember member) =>
        member.FirstStage is { } first ? [first, member] : [member];

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

    /// <summary>The probabilities of a scan.</summary>
    /// <param name="caseId">As the other parameters, see <see cref="Segment"/>.</param>
    /// <param name="geometry">As there.</param>
    /// <param name="scan">As there.</param>
    /// <param name="given">As there.</param>
    /// <param name="saved">How they will be kept.</param>
    /// <param name="cancel">As there.</param>
    public PredictedMaps Probabilities(
        string caseId, ImageGeometry geometry, ScanSource scan, Func<LabelImage> given, SavedProbabilities saved,
        CancellationToken cancel) =>
        model.Probabilities(caseId, scan, Previous(caseId, geometry, scan, given, cancel), saved, cancel);

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
