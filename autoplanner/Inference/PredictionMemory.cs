using System.Globalization;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Inference;

/// <summary>What predicting a case takes (docs/method/memory.md §2).</summary>
/// <param name="PeakBytes">The most memory at one moment, the program included.</param>
/// <param name="DiskBytes">Files beside the segmentation, for as long as the case is in work or for good.</param>
/// <param name="Cut">How outputs are held.</param>
/// <param name="Parts">What is alive while tiles are computed, for people.</param>
public sealed record PredictionNeed(long PeakBytes, long DiskBytes, string Cut, string Parts)
{
    /// <summary>One line.</summary>
    public string Describe(MemoryBudget budget) =>
        $"peak {MemoryBudget.Text(PeakBytes)} of {MemoryBudget.Text(budget.Bytes)} ({Parts}; {Cut})"
        + (DiskBytes > 0 ? $", disk {MemoryBudget.Text(DiskBytes)}" : "");
}

/// <summary>
/// Plans the memory of prediction with one configuration, and chooses how outputs are held (docs/method/memory.md §2). The
/// networks' share is rehearsed, the rest is counted from the sizes in the image's header.
/// </summary>
public sealed class PredictionMemory
{
    private readonly Plans plans;
    private readonly ConfigurationPlan configuration;
    private readonly LabelScheme labels;
    private readonly InferenceOptions options;
    private readonly PreprocessingRecipe recipe;
    private readonly MemoryBudget budget;
    private readonly int folds;
    private readonly long weights, forward;

    /// <summary>Rehearses the networks.</summary>
    /// <param name="plans">Of the model.</param>
    /// <param name="configuration">Network, patch, spacing.</param>
    /// <param name="description">Channels and labels.</param>
    /// <param name="folds">Networks that are averaged.</param>
    /// <param name="options">Tiles and mirroring.</param>
    /// <param name="budget">What may be taken.</param>
    /// <param name="backend">Where the networks run.</param>
    public PredictionMemory(
        Plans plans, ConfigurationPlan configuration, DatasetDescription description, int folds, InferenceOptions options,
        MemoryBudget budget,
        Backend backend)
    {
        (this.plans, this.configuration, this.folds, this.options, this.budget) = (plans, configuration, folds, options, budget);
        labels = description.Labels;
        recipe = PreprocessingRecipe.From(plans, configuration);
        (weights, forward) = PeakMemory.Prediction(
            plans.Profile, configuration, description, Tiling.PerForward(configuration.Patch), options.Mirroring, backend);
        weights *= folds;
    }

    /// <summary>Plans a case.</summary>
    /// <param name="stored">Voxels of its image as the file has them.</param>
    /// <param name="spacing">mm of the image.</param>
    /// <param name="needsMaps">All maps are wanted, on the image's grid.</param>
    /// <param name="saved">How they are kept.</param>
    public PredictionNeed Of(
        Extent stored, Spacing spacing, bool needsMaps = false, SavedProbabilities saved = SavedProbabilities.None)
    {
        var hasPrevious = configuration.PreviousStage is not null;
        var preprocessing = PreprocessingMemory.Of(stored, spacing, recipe, hasPrevious);
        var cropped = AxisOrder.Apply(stored, plans.TransposeForward);
        var original = AxisOrder.Apply(spacing, plans.TransposeForward);
        var change = OutputGrid.Between(
            preprocessing.Shape, cropped, configuration.Is2D
                ? new Spacing(original.Z, configuration.Spacing[0], configuration.Spacing[1])
                : Spacing.FromArray(configuration.Spacing),
            original, configuration);
        var cut = Cut(change, needsMaps);
        var inFile = !cut.IsWhole && (needsMaps || !change.IsLocal);
        long image = preprocessing.ResultBytes, decided = sizeof(short) * cropped.Voxels;
        var predicting = image + forward + cut.Bytes + (inFile ? 0 : decided);
        var restoring = 3 * decided;                      // decided, uncropped, turned back
        var volumes = 6 + ProbabilityFile.Volumes(labels, saved);
        var all = needsMaps || inFile
            ? decided + (inFile ? 0 : image + cut.Bytes) + forward + (volumes * sizeof(float) * cropped.Voxels)
            : 0;                                          // two of the softmax; a map, uncropped, turned, written
        var peak = MemoryBudget.ProgramBytes + weights
            + Math.Max(Math.Max(preprocessing.PeakBytes, predicting), Math.Max(restoring, all));
        var file = OutputFile.Bytes(preprocessing.Shape, labels.HeadCount);
        return new PredictionNeed(
            peak, (inFile ? file : 0) + ProbabilityFile.Bytes(stored.Voxels, labels, saved),
            Text(cut, inFile),
            $"preprocessing {MemoryBudget.Text(preprocessing.PeakBytes)}; image {MemoryBudget.Text(image)}, network "
                + $"{MemoryBudget.Text(weights + forward)}, "
            + $"outputs {MemoryBudget.Text(cut.Bytes)}, labels {MemoryBudget.Text(decided)}");
    }

    /// <summary>How the outputs of a case are held.</summary>
    /// <param name="change">From the preprocessed grid to the image's.</param>
    /// <param name="needsAll">Outputs are needed more than once: for probabilities, or for splines.</param>
    internal OutputCut Cut(in GridChange change, bool needsAll)
    {
        var image = change.From.Voxels * ((recipe.Normalization.Count * sizeof(float)) + (NeedsLabels ? sizeof(short) : 0));
        var decided = sizeof(short) * change.To.Voxels;
        var available = budget.UsableBytes - MemoryBudget.ProgramBytes - weights - forward - image - decided;
        var tiling = new Tiling(change.From, configuration.Patch, configuration.Is2D, options.Step);
        if (!needsAll && change.IsLocal)
        {
            return OutputCut.Choose(available, tiling, change, labels.HeadCount, folds);
        }

        // Beside outputs that are held whole, six volumes of the image's grid are in work.
        var beside = 6 * sizeof(float) * change.To.Voxels;
        var whole = OutputCut.Whole(tiling, change, labels.HeadCount, folds);
        return whole.Bytes <= available - beside
            ? whole
            : OutputCut.Choose(
                available, tiling, new GridChange(change.From, change.From, 0), labels.HeadCount, folds, isWholeAllowed: false);
    }

    private bool NeedsLabels => configuration.PreviousStage is not null || recipe.UseMaskForNorm.Any(isUsed => isUsed);

    private static string Text(OutputCut cut, bool inFile)
    {
        var way = cut.IsWhole ? "outputs all at once"
            : cut.Parts.Count == 1 ? $"outputs in a window of {cut.Planes} planes"
            : string.Create(
                CultureInfo.InvariantCulture,
                $"outputs in a window of {cut.Planes} planes for {cut.Parts.Count} parts, which takes {cut.Work:0.00} times the tiles");
        return inFile ? way + " and a file" : way;
    }
}
