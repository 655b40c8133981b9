using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Networks;

namespace SharpSeg.AutoPlanner.Inference;

/// <summary>The loaded networks of one configuration's folds and all they need to segment a scan.</summary>
internal sealed class TrainedModel : IDisposable
{
    private readonly Plans plans;
    private readonly ConfigurationPlan configuration;
    private readonly LabelScheme labels;
    private readonly PreprocessingRecipe recipe;
    private readonly List<Network> folds = [];
    private readonly Predictor predictor;
    private readonly Func<int, Backend> openProcessor;

    /// <summary>Loads the networks.</summary>
    /// <exception cref="SharpSegException">A checkpoint is damaged or of another plan.</exception>
    public TrainedModel(
        Plans plans, ConfigurationPlan configuration, DatasetDescription description, IReadOnlyList<string> checkpoints, Backend backend,
        Func<int, Backend> openProcessor, InferenceOptions options)
    {
        this.openProcessor = openProcessor;
        this.plans = plans;
        this.configuration = configuration;
        labels = description.Labels;
        recipe = PreprocessingRecipe.From(plans, configuration);
        IReadOnlyList<int> mirrorAxes = [];
        try
        {
            foreach (var path in checkpoints)
            {
                folds.Add(Checkpoint.LoadNetwork(path, configuration.NetworkFor(plans.Profile, description), backend, out mirrorAxes));
            }

            predictor = new Predictor(backend, folds, configuration, plans.Profile, labels.HasRegions, mirrorAxes, options);
        }
        catch
        {
            folds.ForEach(network => network.Dispose());
            throw;
        }
    }

    /// <summary>Preprocesses, predicts and brings back to the scan's own grid.</summary>
    /// <param name="caseId">For messages.</param>
    /// <param name="image">The scan.</param>
    /// <param name="previous">
    /// In the second stage of a cascade the first one's segmentation of the scan: it is preprocessed as if it were the case's own
    /// (docs/method/inference.md §7). Else null.
    /// </param>
    /// <param name="cancel">Stops between tiles.</param>
    public short[] Segment(string caseId, MedicalImage image, LabelImage? previous, CancellationToken cancel)
    {
        var (input, properties) = Prepare(caseId, image, previous);
        using var outputs = predictor.Predict(input, cancel);
        return SegmentationExporter.ToOriginalGrid(outputs, properties, plans, configuration, labels);
    }

    /// <summary>As <see cref="Segment"/>, but hands back the probabilities, from which the same labels follow.</summary>
    public PredictedMaps Probabilities(string caseId, MedicalImage image, LabelImage? previous, CancellationToken cancel)
    {
        var (input, properties) = Prepare(caseId, image, previous);
        return new PredictedMaps(predictor.Predict(input, cancel), properties, plans, configuration, labels);
    }

    public void Dispose()
    {
        predictor.Dispose();
        folds.ForEach(network => network.Dispose());
    }

    private (ITileSource Input, CaseProperties Properties) Prepare(string caseId, MedicalImage image, LabelImage? previous)
    {
        using var processor = openProcessor(0);
        var prepared = Preprocessor.Run(caseId, image, previous, recipe, labels, processor);
        var input = new ImageInMemory(prepared.Image, prepared.Shape, prepared.Channels);
        return (previous is null ? input : CascadeInput.Of(input, prepared.Labels, configuration.MaskLabels(labels)), prepared.Properties);
    }
}
