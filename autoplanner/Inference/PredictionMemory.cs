using System.Collections.Concurrent;
using System.Globalization;
using SharpSeg.AutoPlanner.Batches;
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
/// <param name="PeakBytes">The most of the host's memory at one moment, the program included.</param>
/// <param name="DevicePeakBytes">The most of the device's own memory; 0 where it has none.</param>
/// <param name="DeviceBytes">What the device has.</param>
/// <param name="DiskBytes">Files beside the segmentation, for as long as the case is in work or for good.</param>
/// <param name="Cut">How outputs are held.</param>
/// <param name="Parts">What is alive while tiles are computed, for people.</param>
public sealed record PredictionNeed(
    long PeakBytes, long DevicePeakBytes, long DeviceBytes, long DiskBytes, string Cut, string Parts)
{
    /// <summary>Of an ensemble's member: what its outputs take until all members have theirs.</summary>
    internal long WaitingBytes { get; init; }

    /// <summary>Of an ensemble's member: what making its maps takes then.</summary>
    internal long MakingBytes { get; init; }

    /// <summary>Planes of the scan whose maps are made at a time; 0: none are.</summary>
    internal int Planes { get; init; }

    /// <summary>One line.</summary>
    public string Describe(MemoryBudget budget) =>
        $"peak {MemoryBudget.Text(PeakBytes)} of {MemoryBudget.Text(budget.Bytes)} ({Parts}; {Cut})"
        + (DevicePeakBytes > 0 ? $", on the device {MemoryBudget.Text(DevicePeakBytes)} of {MemoryBudget.Text(DeviceBytes)}" : "")
        + (DiskBytes > 0 ? $", disk {MemoryBudget.Text(DiskBytes)}" : "");

    /// <summary>Whether host and device have it.</summary>
    public bool Fits(MemoryBudget budget) => PeakBytes <= budget.Bytes && DevicePeakBytes <= DeviceBytes;

    /// <summary>Refuses what does not fit.</summary>
    /// <param name="budget">Of the host.</param>
    /// <param name="file">The scan.</param>
    /// <param name="remedy">What would need less.</param>
    /// <exception cref="SharpSegException">It does not fit.</exception>
    public void Require(MemoryBudget budget, string file, string remedy)
    {
        if (DevicePeakBytes > DeviceBytes)
        {
            throw new SharpSegException(
                $"`{file}`: {MemoryBudget.Text(DevicePeakBytes)} of the device's memory are needed, it has "
                    + $"{MemoryBudget.Text(DeviceBytes)}",
                $"{remedy}; or --device cpu");
        }

        budget.Require(PeakBytes, file, remedy);
    }
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
    private readonly long weights, mostForward, deviceBytes;
    private readonly Func<int, (long Weights, long Forward)> rehearse;
    private readonly ConcurrentDictionary<int, long> forwards = new();
    private readonly bool hasOwnMemory;
    private long besideBytes;

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
        MemoryBudget budget, Backend backend)
        : this(plans, configuration, description, folds, options, budget, backend, learning: null)
    {
    }

    /// <summary>The same with a network that is being trained, which shares with its predictions what it has.</summary>
    /// <param name="plans">Of the model.</param>
    /// <param name="configuration">Network, patch, spacing.</param>
    /// <param name="description">Channels and labels.</param>
    /// <param name="folds">Networks that are averaged.</param>
    /// <param name="options">Tiles and mirroring.</param>
    /// <param name="budget">What may be taken beside training.</param>
    /// <param name="backend">Where the networks run.</param>
    /// <param name="learning">What training takes; null without it.</param>
    internal PredictionMemory(
        Plans plans, ConfigurationPlan configuration, DatasetDescription description, int folds, InferenceOptions options,
        MemoryBudget budget, Backend backend, MemoryPlan? learning)
    {
        (this.plans, this.configuration, this.folds, this.options, this.budget) = (plans, configuration, folds, options, budget);
        labels = description.Labels;
        recipe = PreprocessingRecipe.From(plans, configuration);
        rehearse = tiles => PeakMemory.Prediction(
            plans.Profile, configuration, description, tiles, options.Mirroring, backend, learning);
        (weights, mostForward) = rehearse(Tiling.PerForward(configuration.Patch));
        weights *= folds;
        hasOwnMemory = backend.HasOwnMemory;
        deviceBytes = !hasOwnMemory ? 0 : backend.MemoryBytes > 0 ? backend.MemoryBytes : long.MaxValue;
    }

    /// <summary>Somebody looks on, who draws patches, and writes every map and weight (`trace`).</summary>
    internal bool IsWatched { get; init; }

    /// <summary>Configurations whose probabilities are averaged; beside one's outputs those of the others wait.</summary>
    internal int Members { get; init; } = 1;

    /// <summary>The host's memory of all networks that stay loaded.</summary>
    internal long NetworkBytes => hasOwnMemory ? 0 : weights + besideBytes;

    /// <summary>What the device has; 0: it has no memory of its own.</summary>
    internal long DeviceBytes => deviceBytes;

    /// <summary>
    /// The same beside networks that stay loaded while these compute: those of a cascade's other stage, of an ensemble's other
    /// members.
    /// </summary>
    /// <param name="other">Theirs.</param>
    internal PredictionMemory Beside(PredictionMemory other)
    {
        var beside = (PredictionMemory)MemberwiseClone();
        beside.besideBytes += other.weights + Math.Min(other.mostForward, Predictor.KeptBytes);
        return beside;
    }

    /// <summary>
    /// Whether labels of a scan are made from its files, piece by piece, because it does not fit into memory otherwise.
    /// </summary>
    /// <param name="files">Of its channels.</param>
    internal bool Streams(IReadOnlyList<string> files) =>
        files.Count > 0 && CanStream(files) && ImageFile.ReadGeometry(files[0]) is var scan && !Of(scan).Fits(budget);

    /// <summary>The plan of a scan's labels: in memory where it fits, else from its files where that is possible.</summary>
    /// <param name="scan">As its file has it.</param>
    /// <param name="files">Of its channels.</param>
    internal PredictionNeed OfFiles(ImageGeometry scan, IReadOnlyList<string> files) =>
        Of(scan) is var whole && (whole.Fits(budget) || files.Count == 0 || !CanStream(files)) ? whole : OnDisk(scan);

    /// <summary>Plans a case.</summary>
    /// <param name="scan">As its file has it.</param>
    /// <param name="needsMaps">All maps are wanted, on the image's grid.</param>
    /// <param name="saved">How they are kept.</param>
    public PredictionNeed Of(
        ImageGeometry scan, bool needsMaps = false, SavedProbabilities saved = SavedProbabilities.None)
    {
        var (preprocessing, change, _) = Grids(scan);
        var grid = GridOf(scan);
        return Need(
            change, grid, Cut(change, needsMaps, grid),
            IsWatched ? WatchedPreprocessing(scan, preprocessing) : preprocessing.PeakBytes, preprocessing.ResultBytes,
            needsMaps || IsWatched, saved);
    }

    private bool CanStream(IReadOnlyList<string> files) =>
        !IsWatched && ScanOnDisk.IsOffered(recipe, IsSecondStage) && files.All(ImageFile.CanStream);

    private PredictionNeed OnDisk(ImageGeometry scan)
    {
        var (preprocessing, change, _) = Grids(scan);
        var grid = GridOf(scan);
        var need = Need(
            change, grid, Cut(change, needsAll: false, grid, isOnDisk: true),
            ScanOnDisk.MemoryBytes(scan.Extent, preprocessing.Shape, recipe, IsSecondStage), LabelsBeside(change),
            needsMaps: false, SavedProbabilities.None);
        return need with
        {
            DiskBytes = need.DiskBytes + ScanOnDisk.DiskBytes(scan.Extent, preprocessing.Shape, recipe.Normalization.Count),
            Cut = $"the scan in a file; {need.Cut}",
        };
    }

    /// <summary>
    /// Who looks on is shown boxes, so that none is cropped in place; and then the case is preprocessed once more, with its
    /// labels, for patches, beside what was preprocessed.
    /// </summary>
    private long WatchedPreprocessing(ImageGeometry scan, PreprocessingMemory alone)
    {
        var copy = sizeof(float) * scan.Extent.Voxels;
        long channels = recipe.Normalization.Count;
        var geometry = PatchGeometry.For(plans.Profile, configuration.Patch, configuration.Is2D);
        var again = PreprocessingMemory.Of(scan, recipe, hasLabels: true).PeakBytes
            + (IPredictionWatch.Patches * sizeof(float) * channels * geometry.Patch.Voxels) + geometry.SampleBytes(channels);
        return Math.Max(alone.PeakBytes + copy, alone.ResultBytes + again);
    }

    private MapGrid GridOf(ImageGeometry scan) => new(
        scan.Extent, SegmentationExporter.PlaneAxis(
            plans.ReorientToRas ? Orientation.ToRas(scan) : Orientation.AsStored, plans).Axis);

    private MapGrid GridOf(CaseProperties properties) => new(
        SegmentationExporter.StoredExtent(properties, plans),
        SegmentationExporter.PlaneAxis(properties.Orientation, plans).Axis);

    private (PreprocessingMemory Preprocessing, GridChange Change, Extent Cropped) Grids(ImageGeometry scan)
    {
        var preprocessing = PreprocessingMemory.Of(scan, recipe, hasLabels: IsSecondStage);
        var (cropped, original) = PreprocessingMemory.Grid(scan, plans.ReorientToRas, plans.TransposeForward);
        var change = OutputGrid.Between(
            preprocessing.Shape, cropped, configuration.Is2D
                ? new Spacing(original.Z, configuration.Spacing[0], configuration.Spacing[1])
                : Spacing.FromArray(configuration.Spacing),
            original, configuration);
        return (preprocessing, change, cropped);
    }

    /// <summary>Plans a preprocessed case, which stays on the disk; all of its maps are needed (validation).</summary>
    /// <param name="stored">The case.</param>
    /// <param name="saved">How maps are kept.</param>
    internal PredictionNeed OfStored(CaseProperties stored, SavedProbabilities saved) => Need(
        OutputGrid.Of(stored, plans, configuration), GridOf(stored), CutOfStored(stored, saved), 0, 0,
        needsMaps: true, saved, keepsMaps: saved != SavedProbabilities.None,
        isAsStored: SegmentationExporter.IsAsStored(stored, plans));

    /// <summary>How the outputs of a preprocessed case are held, which stays on the disk.</summary>
    internal OutputCut CutOfStored(CaseProperties stored, SavedProbabilities saved) => Cut(
        OutputGrid.Of(stored, plans, configuration), needsAll: true, GridOf(stored), isOnDisk: true,
        keepsMaps: saved != SavedProbabilities.None);

    /// <summary>How the outputs of a scan are held.</summary>
    /// <param name="properties">What preprocessing did to it.</param>
    /// <param name="needsAll">Outputs are needed more than once: for probabilities, or for splines.</param>
    /// <param name="isOnDisk">The image is not in memory.</param>
    internal OutputCut CutOf(CaseProperties properties, bool needsAll, bool isOnDisk = false) =>
        Cut(OutputGrid.Of(properties, plans, configuration), needsAll, GridOf(properties), isOnDisk);

    /// <summary>How many planes of a scan's maps are made at a time.</summary>
    /// <param name="properties">What preprocessing did to it.</param>
    /// <param name="cut">How its outputs are held.</param>
    /// <param name="saved">How maps are kept.</param>
    internal int PlanesOf(CaseProperties properties, OutputCut cut, SavedProbabilities saved) =>
        Planes(OutputGrid.Of(properties, plans, configuration), GridOf(properties), cut, saved);

    private PredictionNeed Need(
        in GridChange change, in MapGrid grid, OutputCut cut, long preprocessing, long image, bool needsMaps,
        SavedProbabilities saved, bool keepsMaps = true, bool isAsStored = false)
    {
        var inFile = !cut.IsWhole && (needsMaps || !change.IsLocal);
        var decided = sizeof(short) * change.To.Voxels;
        var restored = sizeof(short) * grid.Stored.Voxels;
        var forward = Forward(change);
        var network = weights + besideBytes + forward;
        var predicting = image + Host(forward + (cut.IsWhole ? cut.HeldBytes : cut.Bytes))
            + (inFile || cut.IsWhole ? 0 : decided) + (cut.IsWhole ? Weights(change) : 0);
        var waiting = needsMaps ? WaitingBytes(change, cut) : 0;
        // Decided, and on the scan's grid where that is another array; outputs that are needed again wait.
        var restoring = decided + (isAsStored ? 0 : restored) + waiting
            + SegmentationFile.WritingBytes(grid.Stored.Voxels, labels);
        var makesMaps = keepsMaps && needsMaps;
        var planes = makesMaps ? Planes(change, grid, cut, saved) : 0;

        // Labels decided of outputs that are held, whole or in a file; then maps beside them.
        var deciding = needsMaps || inFile || cut.IsWhole
            ? decided + (inFile && !IsWatched ? 0 : image) + (inFile ? 0 : Host(cut.HeldBytes))
                + (inFile ? Deciding(change) : Host(Deciding(change)))
            : 0;
        var making = makesMaps && Members == 1 ? Making(change, grid, cut, planes, saved) : 0;
        var peak = MemoryBudget.ProgramBytes + NetworkBytes
            + new[] { preprocessing, predicting, Members > 1 && needsMaps ? 0 : Math.Max(restoring, deciding), making }.Max();
        var file = OutputFile.Bytes(change.From, labels.HeadCount);
        return new PredictionNeed(
            peak, hasOwnMemory ? network + cut.Bytes : 0, deviceBytes,
            (inFile ? file : 0) + ProbabilityFile.DiskBytes(grid.Stored, planes, labels, saved), Text(cut, inFile),
            $"preprocessing {MemoryBudget.Text(preprocessing)}; image {MemoryBudget.Text(image)}, network "
                + $"{MemoryBudget.Text(network)}, outputs {MemoryBudget.Text(cut.Bytes)}, labels {MemoryBudget.Text(decided)}"
                + (making > 0 ? $"; maps {MemoryBudget.Text(making)}, {planes} planes of {grid.Stored.Z} at a time" : ""))
        {
            WaitingBytes = waiting,
            MakingBytes = makesMaps ? MapBytes(change, grid, planes) : 0,
            Planes = planes,
        };
    }

    private long Host(long onBackend) => hasOwnMemory ? 0 : onBackend;

    /// <summary>What outputs take until they are needed again.</summary>
    private long WaitingBytes(in GridChange change, OutputCut cut)
    {
        var kept = Math.Min(Forward(change), Predictor.KeptBytes);
        return !cut.IsWhole ? Host(kept)
            : hasOwnMemory ? OutputFile.Bytes(change.From, labels.HeadCount)
            : cut.HeldBytes + kept;
    }

    /// <summary>One pass of the network: as many tiles as go together, or as there are, where those are fewer.</summary>
    private long Forward(in GridChange change) => forwards.GetOrAdd(
        Tiling.PerForward(change.From, configuration.Patch, configuration.Is2D, options.Step),
        tiles => rehearse(tiles).Forward);

    /// <summary>
    /// How many planes of maps are made at a time: all where they fit, else few, where planes of the scan depend on few of the
    /// outputs. An ensemble takes few of every member.
    /// </summary>
    private int Planes(in GridChange change, in MapGrid grid, OutputCut cut, SavedProbabilities saved)
    {
        var (all, few) = (grid.Stored.Z, ProbabilityFile.PlanesInWork(grid.Stored));
        var fits = Members == 1 && MemoryBudget.ProgramBytes + NetworkBytes + Making(change, grid, cut, all, saved)
            <= budget.UsableBytes;
        return fits || IsWatched || !change.IsLocalAlong(grid.Axis) ? all : few;
    }

    /// <summary>Labels of the scan, outputs that wait, and what making and writing maps takes.</summary>
    private long Making(in GridChange change, in MapGrid grid, OutputCut cut, int planes, SavedProbabilities saved) =>
        (sizeof(short) * grid.Stored.Voxels) + WaitingBytes(change, cut) + MapBytes(change, grid, planes)
            + ProbabilityFile.WritingBytes(grid.Stored, planes, labels, saved);

    private OutputCut Cut(
        in GridChange change, bool needsAll, in MapGrid grid, bool isOnDisk = false, bool keepsMaps = true)
    {
        var voxel = (recipe.Normalization.Count * sizeof(float)) + (NeedsLabels ? sizeof(short) : 0);
        var image = isOnDisk ? LabelsBeside(change) : change.From.Voxels * voxel;
        var decided = sizeof(short) * change.To.Voxels;
        var shared = MemoryBudget.ProgramBytes + NetworkBytes;
        var usable = Members == 1 ? budget.UsableBytes : shared + ((budget.UsableBytes - shared) / (Members + 1));
        var host = usable - MemoryBudget.ProgramBytes - image - decided;
        var device = MemoryBudget.Usable(deviceBytes);
        var available = (hasOwnMemory ? device : host) - weights - besideBytes - Forward(change);
        var tiling = new Tiling(change.From, configuration.Patch, configuration.Is2D, options.Step);
        if (!needsAll && !IsWatched && change.IsLocal)
        {
            return OutputCut.Choose(available, tiling, change, labels.HeadCount, folds);
        }

        // Beside outputs that are held whole, volumes of the image's grid are in work on the host, or labels are brought back.
        var whole = OutputCut.Whole(tiling, change, labels.HeadCount, folds);
        var maps = needsAll && keepsMaps
            ? MapBytes(change, grid, Planes(change, grid, whole, SavedProbabilities.None))
            : 0;
        var beside = Math.Max(
            Math.Max(Deciding(change), maps), Math.Max(sizeof(short) * change.To.Voxels, Weights(change)));
        var fits = hasOwnMemory
            ? whole.Bytes <= available && beside + OutputFile.Bytes(change.From, labels.HeadCount) <= host
            : Math.Max(whole.Bytes, whole.HeldBytes + beside) <= available;
        return fits
            ? whole
            : OutputCut.Choose(
                available, tiling, new GridChange(change.From, change.From, 0), labels.HeadCount, folds, isWholeAllowed: false);
    }

    /// <summary>
    /// Bytes in work beside the outputs while labels are decided: a slab of the target, from planes that depend on few.
    /// </summary>
    private static long Deciding(in GridChange change)
    {
        var slab = change.Slabs(SegmentationExporter.SlabVoxels).First();
        return sizeof(float) * (Resampling(change, slab) + (2 * slab.Size.Voxels)); // the highest map, and whose it is
    }

    /// <summary>
    /// Bytes of planes of maps beside the outputs: one as it was resampled, and what a softmax keeps of all of them.
    /// </summary>
    private long MapBytes(in GridChange change, in MapGrid grid, int planes)
    {
        var isSoftmax = plans.Profile == Profile.Modern && !labels.HasRegions;
        var part = change.To.With(grid.Axis, Math.Min(planes, change.To[grid.Axis]));
        var most = change.IsLocal
            ? (int)Math.Clamp(SegmentationExporter.SlabVoxels / Math.Max(1, (long)part.Y * part.X), 1, part.Z)
            : part.Z;
        var making = Resampling(change, new Box(default, part with { Z = most })) + (part.Voxels * (isSoftmax ? 3 : 1));
        var seen = IsWatched ? 2 * change.From.Voxels : 0;  // a map as the networks gave it, and on its way
        var left = Math.Min(part.Voxels, SegmentationExporter.SlabVoxels); // of slabs before, until it is collected
        return sizeof(float) * Math.Max(making + left, seen);
    }

    /// <summary>Voxels of a box's source, and of the steps from there.</summary>
    private static long Resampling(in GridChange change, in Box box)
    {
        var source = change.Source(box).Size;
        return source.Voxels + StepwiseResampling.MostVoxels(change with { From = source, To = box.Size });
    }

    /// <summary>The sum of the tiles' weights as it is looked at: padded, and not; where outputs are held whole.</summary>
    private long Weights(in GridChange change) => !IsWatched ? 0 : sizeof(float) * (
        change.From.Voxels + SlidingWindow.Padding(change.From, configuration.Patch).Padded.Voxels);

    /// <summary>The grid on which maps are wanted.</summary>
    /// <param name="Stored">Voxels of the scan as it is stored.</param>
    /// <param name="Axis">Of the preprocessed grid, across which the scan's planes lie.</param>
    private readonly record struct MapGrid(Extent Stored, int Axis);

    private bool IsSecondStage => configuration.PreviousStage is not null;

    /// <summary>The first stage's labels on the preprocessed grid, which stay in memory beside a scan that does not.</summary>
    private long LabelsBeside(in GridChange change) => IsSecondStage ? sizeof(short) * change.From.Voxels : 0;

    private bool NeedsLabels => IsSecondStage || recipe.UseMaskForNorm.Any(isUsed => isUsed);

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
