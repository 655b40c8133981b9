using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Volumes;
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
    private readonly PredictionMemory memory;
    private readonly string folder;
    private readonly IPredictionWatch? watch;

    /// <summary>Loads the networks.</summary>
    /// <param name="plans">Of the model.</param>
    /// <param name="configuration">One of its configurations.</param>
    /// <param name="description">Channels and labels.</param>
    /// <param name="checkpoints">One per fold.</param>
    /// <param name="backend">Where the networks run.</param>
    /// <param name="openProcessor">Opens the processor, which preprocesses.</param>
    /// <param name="options">Tiles and mirroring.</param>
    /// <param name="memory">What predicting takes.</param>
    /// <param name="folder">Where outputs wait that do not fit into memory.</param>
    /// <param name="watch">Looks on; null for nobody.</param>
    /// <exception cref="SharpSegException">A checkpoint is damaged or of another plan.</exception>
    public TrainedModel(
        Plans plans, ConfigurationPlan configuration, DatasetDescription description, IReadOnlyList<string> checkpoints,
        Backend backend,
        Func<int, Backend> openProcessor, InferenceOptions options, PredictionMemory memory, string folder,
        IPredictionWatch? watch = null)
    {
        this.memory = memory;
        this.folder = folder;
        this.watch = watch;
        this.openProcessor = openProcessor;
        this.plans = plans;
        this.configuration = configuration;
        labels = description.Labels;
        recipe = PreprocessingRecipe.From(plans, configuration);
        int[] mirrorAxes = [0, 1, 2];
        try
        {
            foreach (var path in checkpoints)
            {
                folds.Add(
                    Checkpoint.LoadNetwork(
                        path, configuration.NetworkFor(plans.Profile, description), backend, recipe, out var own));
                mirrorAxes = [.. mirrorAxes.Intersect(own)]; // no network is shown a mirror image that it never saw
            }

            predictor = new Predictor(
                backend, folds, configuration, plans.Profile, labels.HasRegions, mirrorAxes, options, watch);
        }
        catch
        {
            folds.ForEach(network => network.Dispose());
            throw;
        }
    }

    /// <summary>As <see cref="Predictor.Advanced"/>.</summary>
    public Action<int, int>? Advanced { set => predictor.Advanced = value; }

    /// <summary>Preprocesses, predicts and brings back to the scan's own grid.</summary>
    /// <param name="caseId">For messages.</param>
    /// <param name="scan">The scan; the image is worked on in place.</param>
    /// <param name="previous">
    /// In the second stage of a cascade, hands over the first one's segmentation of the scan: it is preprocessed as if it were
    /// the case's own (docs/method/inference.md §7). Called once. Else null.
    /// </param>
    /// <param name="cancel">Stops between tiles, and between slabs of the scan's grid.</param>
    public short[] Segment(string caseId, ScanSource scan, Func<LabelImage>? previous, CancellationToken cancel)
    {
        // What a method has held is free when it returns: image and outputs before the labels are brought back.
        var (decided, properties) = memory.Streams(scan.Files) ? FromDisk(caseId, scan, previous, cancel)
            : Decide(caseId, scan.Load, previous, cancel);
        GiveBack(properties);
        return SegmentationExporter.Restore(decided, properties, plans);
    }

    /// <summary>As <see cref="Segment"/>, but hands back the probabilities, from which the same labels follow.</summary>
    /// <param name="caseId">For messages.</param>
    /// <param name="scan">The scan; the image is worked on in place.</param>
    /// <param name="previous">As there.</param>
    /// <param name="saved">How they will be kept.</param>
    /// <param name="cancel">Stops between tiles, and later whoever reads the maps.</param>
    public PredictedMaps Probabilities(
        string caseId, ScanSource scan, Func<LabelImage>? previous, SavedProbabilities saved, CancellationToken cancel)
    {
        var (outputs, cut, properties) = All(caseId, scan.Load, previous, cancel);
        GiveBack(properties);
        return new PredictedMaps(
            outputs, properties, plans, configuration, labels, memory.PlanesOf(properties, cut, saved), cancel);
    }

    public void Dispose()
    {
        predictor.Dispose();
        folds.ForEach(network => network.Dispose());
    }

    private static void GiveBack(CaseProperties properties) =>
        MemoryBudget.GiveBack(Math.Max(properties.Shape.Voxels, properties.ShapeBeforeCropping.Voxels));

    private (short[] Labels, CaseProperties Properties) Decide(
        string caseId, Func<MedicalImage> load, Func<LabelImage>? previous, CancellationToken cancel)
    {
        var (input, properties) = Prepare(caseId, load, previous);
        GiveBack(properties);
        return (Decide(input, properties, isOnDisk: false, cancel), properties);
    }

    /// <summary>Labels of a scan that does not fit into memory.</summary>
    private (short[] Labels, CaseProperties Properties) FromDisk(
        string caseId, ScanSource source, Func<LabelImage>? previous, CancellationToken cancel)
    {
        using var processor = openProcessor(0);
        using var scan = ScanOnDisk.Prepare(
            caseId, source.Files, recipe, folder, processor, cancel, previous, source.Constant);
        ITileSource input = previous is null ? scan : CascadeInput.Of(scan, scan.Labels, configuration.MaskLabels(labels));
        GiveBack(scan.Properties);
        return (Decide(input, scan.Properties, isOnDisk: true, cancel), scan.Properties);
    }

    private short[] Decide(ITileSource input, CaseProperties properties, bool isOnDisk, CancellationToken cancel)
    {
        var change = OutputGrid.Of(properties, plans, configuration);
        var threshold = OutputGrid.Threshold(plans.Profile);
        var cut = memory.CutOf(properties, needsAll: false, isOnDisk);
        if (!cut.IsWhole && change.IsLocal && watch is null)
        {
            return predictor.Label(input, cut, change, threshold, labels, cancel);
        }

        using var outputs = cut.IsWhole ? predictor.Predict(input, cancel) : predictor.PredictToFile(input, cut, folder, cancel);
        watch?.Answered(outputs, properties);
        return SegmentationExporter.Decide(outputs, change, threshold, labels, cancel: cancel);
    }

    private (NetworkOutputs Outputs, OutputCut Cut, CaseProperties Properties) All(
        string caseId, Func<MedicalImage> load, Func<LabelImage>? previous, CancellationToken cancel)
    {
        var (input, properties) = Prepare(caseId, load, previous);
        GiveBack(properties);
        var cut = memory.CutOf(properties, needsAll: true);
        var outputs = cut.IsWhole ? predictor.Predict(input, cancel) : predictor.PredictToFile(input, cut, folder, cancel);
        try
        {
            watch?.Answered(outputs, properties);
            return (outputs, cut, properties);
        }
        catch
        {
            outputs.Dispose();
            throw;
        }
    }

    private (ITileSource Input, CaseProperties Properties) Prepare(
        string caseId, Func<MedicalImage> load, Func<LabelImage>? previous)
    {
        using var processor = openProcessor(0);
        watch?.Begin(plans, configuration, folds.Count);
        var prepared = Preprocessor.Consume(
            caseId, load(), previous, recipe, labels, processor, needsLabels: false,
            watch: watch is null ? null : watch.Preprocessed);
        watch?.Prepared();
        var input = new ImageInMemory(prepared.Values, prepared.Shape, prepared.Channels);
        return (
            previous is null ? input : new CascadeInput(input, prepared.ReadLabels, configuration.MaskLabels(labels)),
            prepared.Properties);
    }
}
