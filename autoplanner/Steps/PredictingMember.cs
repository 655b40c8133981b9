using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.Engine.Backends;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>A loaded configuration that segments scans, in a cascade with the stage before it or with given segmentations in its place.</summary>
internal sealed class PredictingMember : IDisposable
{
    private readonly TrainedModel model;
    private readonly TrainedModel? first;
    private readonly bool needsPrevious;

    /// <summary>Loads the networks.</summary>
    /// <exception cref="SharpSegException">A checkpoint is damaged or of another plan.</exception>
    public PredictingMember(
        ModelMember member, DatasetDescription description, Backend backend, Func<int, Backend> openProcessor,
        InferenceOptions options)
    {
        needsPrevious = member.Configuration.PreviousStage is not null;
        first = member.FirstStage is { } stage
            ? new TrainedModel(stage.Plans, stage.Configuration, description, stage.Checkpoints, backend, openProcessor, options)
            : null;
        try
        {
            model = new TrainedModel(member.Plans, member.Configuration, description, member.Checkpoints, backend, openProcessor, options);
        }
        catch
        {
            first?.Dispose();
            throw;
        }
    }

    /// <summary>The labels of a scan.</summary>
    /// <param name="caseId">For messages.</param>
    /// <param name="image">The scan.</param>
    /// <param name="given">Reads the given segmentation of a cascade's first stage; called only where one is needed.</param>
    /// <param name="cancel">Stops between tiles.</param>
    public short[] Segment(string caseId, MedicalImage image, Func<LabelImage> given, CancellationToken cancel) =>
        model.Segment(caseId, image, Previous(caseId, image, given, cancel), cancel);

    /// <summary>The probabilities of a scan; parameters as <see cref="Segment"/>.</summary>
    public PredictedMaps Probabilities(string caseId, MedicalImage image, Func<LabelImage> given, CancellationToken cancel) =>
        model.Probabilities(caseId, image, Previous(caseId, image, given, cancel), cancel);

    public void Dispose()
    {
        model.Dispose();
        first?.Dispose();
    }

    private LabelImage? Previous(string caseId, MedicalImage image, Func<LabelImage> given, CancellationToken cancel) =>
        first is not null ? new LabelImage(image.Geometry, first.Segment(caseId, image, null, cancel))
        : needsPrevious ? given()
        : null;
}
