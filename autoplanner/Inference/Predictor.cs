using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Inference;

/// <summary>
/// Sliding-window prediction with mirroring and averaging over folds (docs/method/inference.md §1 to §5). What is averaged
/// depends on the profile: <c>modern</c> averages logits everywhere, <c>classic</c> probabilities.
/// </summary>
internal sealed class Predictor : IDisposable
{
    /// <summary>Most that the networks keep of what they took when they are done with a scan.</summary>
    internal const long KeptBytes = MemoryBudget.LargeVoxels * sizeof(float);

    private readonly Backend backend;
    private readonly BufferPool pool, outputs;
    private readonly IReadOnlyList<Network> folds;
    private readonly MirroredViews views;
    private readonly TileReader tiles;
    private readonly InferenceOptions options;
    private readonly Extent tile;
    private readonly bool is2D;
    private readonly int channels, heads;
    private readonly Tensor weights;
    private readonly IPredictionWatch? watch;

    /// <summary>Prepares prediction with the networks of one or more folds; they stay the caller's.</summary>
    /// <param name="backend">Where to compute; the networks' own.</param>
    /// <param name="folds">Networks of one configuration.</param>
    /// <param name="configuration">Gives patch and dimension.</param>
    /// <param name="profile">Decides what is averaged.</param>
    /// <param name="sigmoid">Heads are regions.</param>
    /// <param name="mirrorAxes">Axes (0 = z, 1 = y, 2 = x) that the training mirrored.</param>
    /// <param name="options">Step, weights, mirroring.</param>
    /// <param name="watch">Looks on; null for nobody.</param>
    public Predictor(
        Backend backend, IReadOnlyList<Network> folds, ConfigurationPlan configuration, Profile profile, bool sigmoid,
        IReadOnlyList<int> mirrorAxes, InferenceOptions options, IPredictionWatch? watch = null)
    {
        this.backend = backend;
        this.folds = folds;
        this.options = options;
        this.watch = watch;
        tile = configuration.Patch;
        is2D = configuration.Is2D;
        channels = folds[0].Plan.InputChannels;
        heads = folds[0].Plan.OutputChannels;
        pool = new BufferPool(backend);
        views = new MirroredViews(pool, options.Mirroring ? mirrorAxes : [], profile == Profile.Classic, sigmoid);
        tiles = new TileReader(pool);
        outputs = new BufferPool(backend);
        weights = new Tensor(backend.Allocate(tile.Voxels), 0, Shape.Activation(1, tile, 1));
        backend.Upload(options.Gaussian ? GaussianWeights.Create(tile) : GaussianWeights.Uniform(tile), weights);
    }

    /// <summary>Called with the tiles that are done and their number, after every group of tiles.</summary>
    public Action<int, int>? Advanced { get; set; }

    /// <summary>Number of forward passes of one tile that a volume costs: tiles × views × folds. For time estimates.</summary>
    public static long ForwardPasses(
        Extent size, ConfigurationPlan configuration, InferenceOptions options, int mirrorAxes, int folds) =>
        (long)new Tiling(size, configuration.Patch, configuration.Is2D, options.Step).Tiles.Count
            * (options.Mirroring ? 1 << mirrorAxes : 1) * folds;

    /// <summary>Logits (or, in the classic profile, probabilities) of a preprocessed volume, all at once.</summary>
    /// <param name="image">Channels last (z, y, x, c), preprocessed.</param>
    /// <param name="size">Voxels of the preprocessed grid.</param>
    /// <param name="cancel">Stops between tiles.</param>
    /// <returns>The outputs, to be disposed of before this predictor.</returns>
    public NetworkOutputs Predict(float[] image, Extent size, CancellationToken cancel = default) =>
        Predict(new ImageInMemory(image, size, channels), cancel);

    /// <summary>The same of an image anywhere.</summary>
    public NetworkOutputs Predict(ITileSource image, CancellationToken cancel = default)
    {
        Check(image);
        var (takeBack, takeBackOutputs) = (pool.Mark(), outputs.Mark());
        try
        {
            return All(image, cancel);
        }
        catch
        {
            takeBack(); // this predictor may be asked again
            takeBackOutputs();
            throw;
        }
    }

    private NetworkOutputs All(ITileSource image, CancellationToken cancel)
    {
        var tiling = TilingOf(image.Size);
        var total = outputs.Rent(Shape.Activation(1, tiling.Padded, heads));
        var sum = folds.Count == 1 ? total : outputs.Rent(total.Shape);
        var weightSum = outputs.Rent(Shape.Activation(1, tiling.Padded, 1));
        for (var f = 0; f < folds.Count; f++)
        {
            backend.Fill(sum, 0);
            backend.Fill(weightSum, 0);
            foreach (var (first, count) in tiling.Groups(new Box(default, tiling.Padded)))
            {
                cancel.ThrowIfCancellationRequested();
                var input = tiles.Read(image, tiling, first, count);
                var mean = views.Mean(folds[f], input);
                pool.Return(input);
                for (var i = 0; i < count; i++)
                {
                    backend.BlendAdd(mean, i, weights, tiling.Tiles[first + i], sum, weightSum);
                }

                pool.Return(mean);
                Advanced?.Invoke((f * tiling.Tiles.Count) + first + count, folds.Count * tiling.Tiles.Count);
            }

            backend.DivideByWeights(sum, weightSum);
            if (folds.Count > 1)
            {
                backend.Axpby(1f / folds.Count, sum, f == 0 ? 0 : 1, total);
            }
        }

        if (watch is not null)
        {
            var tileWeights = new float[tile.Voxels];
            backend.Download(weights, tileWeights);
            watch.Weighed(tiling, tileWeights, new NetworkOutputs(outputs, weightSum, tiling.Below, image.Size).ToHost());
        }

        outputs.Return(weightSum);
        if (folds.Count > 1)
        {
            outputs.Return(sum);
        }

        GiveBack();
        return new NetworkOutputs(outputs, total, tiling.Below, image.Size);
    }

    /// <summary>How a volume is divided into tiles.</summary>
    internal Tiling TilingOf(Extent size) => new(size, tile, is2D, options.Step);

    /// <summary>Labels of a preprocessed volume on another grid, in as little memory as a cut says.</summary>
    /// <param name="image">The volume.</param>
    /// <param name="cut">How outputs are held; not whole.</param>
    /// <param name="change">To the other grid.</param>
    /// <param name="threshold">Regions are where their map is above it.</param>
    /// <param name="labels">Heads to labels.</param>
    /// <param name="cancel">Stops between tiles.</param>
    internal short[] Label(
        ITileSource image, OutputCut cut, in GridChange change, float threshold, LabelScheme labels, CancellationToken cancel)
    {
        var decided = new short[change.To.Voxels];
        foreach (var (pass, part) in cut.Parts.Index())
        {
            Stream(
                image, cut.Planes, change.Source(part), new StreamedLabels(change, part, threshold, labels, decided),
                (pass, cut.Parts.Count), cancel);
        }

        GiveBack();
        return decided;
    }

    /// <summary>Outputs of a preprocessed volume in a file, in as little memory as a cut says.</summary>
    /// <param name="image">The volume.</param>
    /// <param name="cut">How outputs are held on their way; not whole.</param>
    /// <param name="folder">Where the file lies as long as the outputs are needed.</param>
    /// <param name="cancel">Stops between tiles.</param>
    internal NetworkOutputs PredictToFile(ITileSource image, OutputCut cut, string folder, CancellationToken cancel)
    {
        var file = new OutputFile(backend, folder, image.Size, heads);
        try
        {
            foreach (var (pass, part) in cut.Parts.Index())
            {
                file.Begin(part);
                Stream(image, cut.Planes, part, file, (pass, cut.Parts.Count), cancel);
            }

            GiveBack();
            return new NetworkOutputs(file, image.Size);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Frees the device memory of this predictor.</summary>
    public void Dispose()
    {
        outputs.Dispose();
        pool.Dispose();
        backend.Free(weights.Buffer);
    }

    /// <summary>
    /// What the networks took, if it is much: labels are brought back in it, and the next scan is preprocessed in it.
    /// </summary>
    private void GiveBack()
    {
        if (pool.HighWaterBytes > KeptBytes)
        {
            pool.Trim();
        }
    }

    /// <summary>Computes the tiles that touch rows and columns, plane by plane, and hands finished planes on.</summary>
    private void Stream(
        ITileSource image, int planes, in Box rowsAndColumns, IPlaneConsumer consumer, (int Index, int Of) pass,
        CancellationToken cancel)
    {
        Check(image);
        var takeBack = pool.Mark();
        try
        {
            Windows(image, planes, rowsAndColumns, consumer, pass, cancel);
        }
        catch
        {
            takeBack();
            throw;
        }
    }

    private void Windows(
        ITileSource image, int planes, in Box rowsAndColumns, IPlaneConsumer consumer, (int Index, int Of) pass,
        CancellationToken cancel)
    {
        var tiling = TilingOf(image.Size);
        var columns = tiling.Columns(rowsAndColumns);
        using var window = new OutputWindow(backend, tiling.Below, columns, planes, heads, folds.Count);
        foreach (var (first, count) in tiling.Groups(columns))
        {
            cancel.ThrowIfCancellationRequested();
            var input = tiles.Read(image, tiling, first, count);
            if (folds.Count == 1 || tiling.Tiles[first].Z == tiling.Tiles[first + count - 1].Z)
            {
                foreach (var (f, network) in folds.Index())
                {
                    var mean = views.Mean(network, input);
                    for (var i = 0; i < count; i++)
                    {
                        Add(f, mean, i, tiling.Tiles[first + i]);
                    }

                    pool.Return(mean);
                }
            }
            else
            {
                // The window slides while these tiles are added: every fold must have its answer before.
                Tensor[] means = [.. folds.Select(network => views.Mean(network, input))];
                for (var i = 0; i < count; i++)
                {
                    foreach (var (f, mean) in means.Index())
                    {
                        Add(f, mean, i, tiling.Tiles[first + i]);
                    }
                }

                Array.ForEach(means, pool.Return);
            }

            pool.Return(input);
            Advanced?.Invoke((pass.Index * tiling.Tiles.Count) + first + count, pass.Of * tiling.Tiles.Count);

            void Add(int fold, Tensor mean, int sample, Extent origin)
            {
                if (!tiling.Touches(first + sample, columns))
                {
                    return;
                }

                if (origin.Z + tile.Z > window.End)
                {
                    window.SlideTo(
                        consumer.Take(window, Math.Clamp(origin.Z - tiling.Below.Z, 0, image.Size.Z)) + tiling.Below.Z);
                }

                window.Add(fold, mean, sample, weights, origin);
            }
        }

        consumer.Take(window, image.Size.Z);
    }

    private void Check(ITileSource image)
    {
        if (image.Channels != channels)
        {
            throw new ShapeException($"an image of {image.Channels} channels, the network takes {channels}");
        }
    }
}

/// <summary>How a volume is tiled and averaged (docs/method/inference.md §3 to §5).</summary>
/// <param name="Step">Largest distance of neighbouring tiles as a fraction of the patch.</param>
/// <param name="Gaussian">Weigh the middle of a tile more than its border.</param>
/// <param name="Mirroring">Average over all mirrored views.</param>
public sealed record InferenceOptions(double Step = 0.5, bool Gaussian = true, bool Mirroring = true);
