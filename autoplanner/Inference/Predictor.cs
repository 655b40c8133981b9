using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.Engine.Autograd;
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
    // Small tiles go through the network several at a time: deep stages have few voxels and would leave cores idle.
    private const long VoxelsPerForward = 1L << 19;
    private const int MostTilesPerForward = 16;

    private readonly Backend backend;
    private readonly BufferPool pool;
    private readonly IReadOnlyList<Network> folds;
    private readonly List<(bool Z, bool Y, bool X)> views;
    private readonly InferenceOptions options;
    private readonly Extent tile;
    private readonly bool is2D, averageProbabilities, sigmoid;
    private readonly int channels, heads;
    private readonly Tensor weights;

    /// <summary>Prepares prediction with the networks of one or more folds; they stay the caller's.</summary>
    /// <param name="backend">Where to compute; the networks' own.</param>
    /// <param name="folds">Networks of one configuration.</param>
    /// <param name="configuration">Gives patch and dimension.</param>
    /// <param name="profile">Decides what is averaged.</param>
    /// <param name="sigmoid">Heads are regions.</param>
    /// <param name="mirrorAxes">Axes (0 = z, 1 = y, 2 = x) that the training mirrored.</param>
    /// <param name="options">Step, weights, mirroring.</param>
    public Predictor(
        Backend backend, IReadOnlyList<Network> folds, ConfigurationPlan configuration, Profile profile, bool sigmoid,
        IReadOnlyList<int> mirrorAxes, InferenceOptions options)
    {
        this.backend = backend;
        this.folds = folds;
        this.options = options;
        this.sigmoid = sigmoid;
        tile = configuration.Patch;
        is2D = configuration.Is2D;
        averageProbabilities = profile == Profile.Classic;
        channels = folds[0].Plan.InputChannels;
        heads = folds[0].Plan.OutputChannels;
        views = options.Mirroring ? Views(mirrorAxes) : [(false, false, false)];
        pool = new BufferPool(backend);
        weights = pool.Rent(Shape.Activation(1, tile, 1));
        backend.Upload(options.Gaussian ? GaussianWeights.Create(tile) : GaussianWeights.Uniform(tile), weights);
    }

    /// <summary>Number of forward passes of one tile that a volume costs: tiles × views × folds. For time estimates.</summary>
    public static long ForwardPasses(Extent size, ConfigurationPlan configuration, InferenceOptions options, int mirrorAxes, int folds)
    {
        var (padded, _) = SlidingWindow.Padding(size, configuration.Patch);
        return (long)TilesOf(padded, configuration.Patch, configuration.Is2D, options.Step).Count
            * (options.Mirroring ? 1 << mirrorAxes : 1) * folds;
    }

    /// <summary>Logits (or, in the classic profile, probabilities) of a preprocessed volume.</summary>
    /// <param name="image">Channels last (z, y, x, c), preprocessed.</param>
    /// <param name="size">Voxels of the preprocessed grid.</param>
    /// <param name="cancel">Stops between tiles.</param>
    /// <returns>The outputs, to be disposed of before this predictor.</returns>
    public NetworkOutputs Predict(ReadOnlySpan<float> image, Extent size, CancellationToken cancel = default)
    {
        if (image.Length != size.Voxels * channels)
        {
            throw new ShapeException($"an image of {image.Length} values is not {size} voxels of {channels} channels");
        }

        var (padded, below) = SlidingWindow.Padding(size, tile);
        var tiles = TilesOf(padded, tile, is2D, options.Step);
        var total = pool.Rent(Shape.Activation(1, padded, heads));
        var sum = folds.Count == 1 ? total : pool.Rent(total.Shape);
        var weightSum = pool.Rent(Shape.Activation(1, padded, 1));
        for (var f = 0; f < folds.Count; f++)
        {
            backend.Fill(sum, 0);
            backend.Fill(weightSum, 0);
            AddTiles(folds[f], image, size, below, tiles, sum, weightSum, cancel);
            backend.DivideByWeights(sum, weightSum);
            if (folds.Count > 1)
            {
                backend.Axpby(1f / folds.Count, sum, f == 0 ? 0 : 1, total);
            }
        }

        pool.Return(weightSum);
        if (folds.Count > 1)
        {
            pool.Return(sum);
        }

        return new NetworkOutputs(pool, total, below, size);
    }

    /// <summary>Frees the device memory of this predictor.</summary>
    public void Dispose() => pool.Dispose();

    private static List<Extent> TilesOf(Extent padded, Extent tile, bool is2D, double step)
    {
        if (!is2D)
        {
            return [.. SlidingWindow.Tiles(padded, tile, step)];
        }

        var slices = new List<Extent>(); // a 2D network runs on every slice
        for (var z = 0; z < padded.Z; z++)
        {
            foreach (var inPlane in SlidingWindow.Tiles(padded with { Z = 1 }, tile, step))
            {
                slices.Add(inPlane with { Z = z });
            }
        }

        return slices;
    }

    private static List<(bool Z, bool Y, bool X)> Views(IReadOnlyList<int> axes)
    {
        var views = new List<(bool, bool, bool)>();
        for (var subset = 0; subset < 8; subset++)
        {
            var allowed = true;
            for (var axis = 0; axis < 3; axis++)
            {
                allowed &= (subset >> axis & 1) == 0 || axes.Contains(axis);
            }

            if (allowed)
            {
                views.Add(((subset & 1) != 0, (subset & 2) != 0, (subset & 4) != 0));
            }
        }

        return views;
    }

    private void AddTiles(
        Network network, ReadOnlySpan<float> image, Extent size, Extent below, List<Extent> tiles, Tensor sum, Tensor weightSum,
        CancellationToken cancel)
    {
        var perForward = (int)Math.Clamp(VoxelsPerForward / tile.Voxels, 1, MostTilesPerForward);
        for (var first = 0; first < tiles.Count; first += perForward)
        {
            cancel.ThrowIfCancellationRequested();
            var n = Math.Min(perForward, tiles.Count - first);
            var host = new float[n * tile.Voxels * channels];
            for (var i = 0; i < n; i++)
            {
                var o = tiles[first + i];
                var origin = new Extent(o.Z - below.Z, o.Y - below.Y, o.X - below.X);
                ReadTile(image, size, origin, host.AsSpan((int)(i * tile.Voxels * channels), (int)(tile.Voxels * channels)));
            }

            var input = pool.Rent(Shape.Activation(n, tile, channels));
            backend.Upload(host, input);
            var mean = MeanOverViews(network, input);
            pool.Return(input);
            for (var i = 0; i < n; i++)
            {
                backend.BlendAdd(mean, i, weights, tiles[first + i], sum, weightSum);
            }

            pool.Return(mean);
        }
    }

    private Tensor MeanOverViews(Network network, Tensor input)
    {
        var mean = pool.Rent(Shape.Activation(input.Shape.N, tile, heads));
        var view = pool.Rent(input.Shape);
        var unflipped = pool.Rent(mean.Shape);
        for (var v = 0; v < views.Count; v++)
        {
            var (z, y, x) = views[v];
            var flip = z || y || x;
            var source = input;
            if (flip)
            {
                backend.Flip(input, z, y, x, view);
                source = view;
            }

            var tape = new Tape(backend, pool, recording: false);
            var logits = network.Forward(tape, tape.Input(source), allOutputs: false)[0];
            if (averageProbabilities)
            {
                backend.Probabilities(logits.Value, sigmoid, logits.Value);
            }

            var answer = logits.Value;
            if (flip)
            {
                backend.Flip(answer, z, y, x, unflipped);
                answer = unflipped;
            }

            backend.Axpby(1f / views.Count, answer, v == 0 ? 0 : 1, mean);
            tape.Done(logits);
        }

        pool.Return(view);
        pool.Return(unflipped);
        return mean;
    }

    /// <summary>Copies the part of a tile that lies in the image; the rest is 0, the mean of a normalised image.</summary>
    private void ReadTile(ReadOnlySpan<float> image, Extent size, Extent origin, Span<float> target)
    {
        target.Clear();
        int firstX = Math.Max(0, -origin.X), lastX = Math.Min(tile.X, size.X - origin.X);
        for (var z = Math.Max(0, -origin.Z); z < Math.Min(tile.Z, size.Z - origin.Z); z++)
        {
            for (var y = Math.Max(0, -origin.Y); y < Math.Min(tile.Y, size.Y - origin.Y); y++)
            {
                var from = ((((long)(origin.Z + z) * size.Y) + origin.Y + y) * size.X) + origin.X + firstX;
                var to = ((((long)z * tile.Y) + y) * tile.X) + firstX;
                image.Slice((int)(from * channels), (lastX - firstX) * channels).CopyTo(target[(int)(to * channels)..]);
            }
        }
    }
}

/// <summary>How a volume is tiled and averaged (docs/method/inference.md §3 to §5).</summary>
/// <param name="Step">Largest distance of neighbouring tiles as a fraction of the patch.</param>
/// <param name="Gaussian">Weigh the middle of a tile more than its border.</param>
/// <param name="Mirroring">Average over all mirrored views.</param>
public sealed record InferenceOptions(double Step = 0.5, bool Gaussian = true, bool Mirroring = true);
