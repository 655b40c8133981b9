using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Inference;

public sealed class PredictorTests
{
    private static readonly int[] Patch = [4, 8, 6], Slice = [8, 6];
    private static readonly double[] Isotropic = [1, 1, 1];

    [Theory]
    [InlineData(4, 8, 6, true, true, 0.5)]      // one tile
    [InlineData(3, 5, 1, true, true, 0.5)]      // padded on all axes
    [InlineData(9, 8, 17, true, true, 0.5)]     // many tiles
    [InlineData(7, 13, 5, false, true, 0.3)]
    [InlineData(5, 30, 6, true, false, 1)]
    public void A_constant_volume_stays_constant(int z, int y, int x, bool gaussian, bool mirroring, double step)
    {
        using var backend = Cpu.Open(1);
        var configuration = InferenceFixtures.Configuration(Patch, Isotropic);
        using var network = InferenceFixtures.Constant(backend, configuration, 0.25f, -3, 7);
        using var predictor = new Predictor(
            backend, [network], configuration, Profile.Modern, sigmoid: false, [0, 1, 2],
            new InferenceOptions(step, gaussian, mirroring));
        var size = new Extent(z, y, x);
        var maps = Predict(predictor, InferenceFixtures.Noise(size.Voxels, seed: 1), size);
        Assert.Equal(3 * size.Voxels, maps.Length);
        for (var i = 0; i < maps.Length; i++)
        {
            Assert.Equal((i % 3) switch { 0 => 0.25f, 1 => -3, _ => 7 }, maps[i], 1e-5f);
        }
    }

    /// <summary>Who looks on stops it after the first tiles: nothing stays lent, whichever way outputs are held.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_prediction_that_was_stopped_can_be_asked_for_again(bool inFile)
    {
        using var backend = Cpu.Open(1);
        using var folder = new TemporaryFolder();
        var configuration = InferenceFixtures.Configuration(Patch, Isotropic);
        using var network = InferenceFixtures.Constant(backend, configuration, 0.25f, -3, 7);
        using var predictor = new Predictor(
            backend, [network, network], configuration, Profile.Modern, sigmoid: false, [0, 1, 2], new InferenceOptions());
        var size = new Extent(12, 24, 20); // more tiles than go through the network at a time
        var image = new ImageInMemory(InferenceFixtures.Noise(size.Voxels, seed: 1), size, 1);
        var change = new GridChange(size, size, 1);
        var tiling = predictor.TilingOf(size);
        var cut = OutputCut.Window(tiling, change, OutputCut.PartsOf(tiling, change, 1, 1), planes: 6, heads: 3, folds: 2);
        void Run(CancellationToken cancel) =>
            (inFile ? predictor.PredictToFile(image, cut, folder.Path, cancel) : predictor.Predict(image, cancel)).Dispose();

        Run(default);
        var before = backend.AllocatedBytes;
        for (var i = 0; i < 3; i++)
        {
            using var stop = new CancellationTokenSource();
            predictor.Advanced = (_, _) => stop.Cancel();
            Assert.Throws<OperationCanceledException>(() => Run(stop.Token));
        }

        predictor.Advanced = (_, _) => throw new InvalidDataException("who looks on fails");
        Assert.Throws<InvalidDataException>(() => Run(default));
        predictor.Advanced = null;
        Run(default);
        Assert.Equal(before, backend.AllocatedBytes);
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void A_2d_network_answers_for_every_slice()
    {
        using var backend = Cpu.Open(1);
        var configuration = InferenceFixtures.Configuration(Slice, [1, 1]);
        using var network = InferenceFixtures.Constant(backend, configuration, 1, 2);
        using var predictor = new Predictor(
            backend, [network], configuration, Profile.Modern, false, [1, 2], new InferenceOptions());
        var size = new Extent(5, 11, 4);
        var maps = Predict(predictor, InferenceFixtures.Noise(size.Voxels, seed: 1), size);
        Assert.All(Enumerable.Range(0, maps.Length), i => Assert.Equal(1 + (i % 2), maps[i], 1e-5f));
    }

    /// <summary>docs/method/inference.md §1: three folds that answer (5, 0), (−1, 1), (−1, 1).</summary>
    [Fact]
    public void Modern_averages_logits_over_folds_and_classic_probabilities()
    {
        Assert.Equal([1, 0.6667f], MeanOfFolds(Profile.Modern), Near(1e-4f));
        Assert.Equal([0.4106f, 0.5894f], MeanOfFolds(Profile.Classic), Near(1e-4f));

        static float[] MeanOfFolds(Profile profile)
        {
            using var backend = Cpu.Open(1);
            var configuration = InferenceFixtures.Configuration(Patch, Isotropic);
            using var a = InferenceFixtures.Constant(backend, configuration, 5, 0);
            using var b = InferenceFixtures.Constant(backend, configuration, -1, 1);
            using var c = InferenceFixtures.Constant(backend, configuration, -1, 1);
            using var predictor = new Predictor(
                backend, [a, b, c], configuration, profile, false, [0, 1, 2], new InferenceOptions());
            var size = new Extent(4, 8, 9);
            return Predict(predictor, new float[size.Voxels], size)[..2];
        }
    }

    /// <summary>A random network: what several tiles give is the weighted mean, in float64, of what each gives alone.</summary>
    [Fact]
    public void Tiles_are_blended_by_their_weights()
    {
        using var backend = Cpu.Open(1);
        var configuration = InferenceFixtures.Configuration(Patch, Isotropic);
        var tile = configuration.Patch;
        using var network = Network.Build(configuration.ToNetworkPlan(1, 2, deepSupervision: false), backend, seed: 3);
        var options = new InferenceOptions(Mirroring: false);
        using var predictor = new Predictor(backend, [network], configuration, Profile.Modern, false, [0, 1, 2], options);
        var size = new Extent(7, 13, 6);
        var image = InferenceFixtures.Noise(size.Voxels, seed: 2);

        var (sum, weightSum) = (new double[2 * size.Voxels], new double[size.Voxels]);
        var weights = GaussianWeights.Create(tile);
        foreach (var origin in new Tiling(size, tile, is2D: false, options.Step).Tiles)
        {
            var alone = Predict(predictor, Cut(image, size, origin, tile), tile);
            foreach (var (inTile, inImage) in Voxels(size, origin, tile))
            {
                weightSum[inImage] += weights[inTile];
                sum[2 * inImage] += weights[inTile] * (double)alone[2 * inTile];
                sum[(2 * inImage) + 1] += weights[inTile] * (double)alone[(2 * inTile) + 1];
            }
        }

        var actual = Predict(predictor, image, size);
        for (var i = 0; i < actual.Length; i++)
        {
            Assert.Equal(sum[i] / weightSum[i / 2], actual[i], 1e-4);
        }
    }

    /// <summary>
    /// A case that a tile does not fit into is padded with zeros, the smaller half below: the answer is a part of the padded
    /// one's.
    /// </summary>
    [Theory]
    [InlineData(3, 8, 6)]
    [InlineData(4, 5, 6)]
    [InlineData(4, 8, 3)]
    [InlineData(1, 3, 9)]
    public void A_case_smaller_than_a_tile_is_answered_in_its_place(int z, int y, int x)
    {
        using var backend = Cpu.Open(1);
        var configuration = InferenceFixtures.Configuration(Patch, Isotropic);
        using var network = Network.Build(configuration.ToNetworkPlan(1, 2, deepSupervision: false), backend, seed: 3);
        using var predictor = new Predictor(
            backend, [network], configuration, Profile.Modern, false, [0, 1, 2], new InferenceOptions(Mirroring: false));
        var size = new Extent(z, y, x);
        var (padded, below) = SlidingWindow.Padding(size, configuration.Patch);
        Assert.NotEqual(size, padded);
        var image = InferenceFixtures.Noise(size.Voxels, seed: 2);
        var larger = new float[padded.Voxels];
        foreach (var (inSmall, inLarge) in Voxels(padded, below, size))
        {
            larger[inLarge] = image[inSmall];
        }

        var (actual, expected) = (Predict(predictor, image, size), Predict(predictor, larger, padded));
        foreach (var (inSmall, inLarge) in Voxels(padded, below, size))
        {
            Assert.Equal(expected[2 * inLarge], actual[2 * inSmall], 1e-5f);
            Assert.Equal(expected[(2 * inLarge) + 1], actual[(2 * inSmall) + 1], 1e-5f);
        }
    }

    /// <summary>With mirroring the answer to a flipped image is the flipped answer, whatever the weights.</summary>
    [Fact]
    public void Mirroring_makes_the_answer_symmetric()
    {
        using var backend = Cpu.Open(1);
        var configuration = InferenceFixtures.Configuration(Patch, Isotropic);
        var size = configuration.Patch;
        using var network = Network.Build(configuration.ToNetworkPlan(1, 2, deepSupervision: false), backend, seed: 3);
        using var predictor = new Predictor(
            backend, [network], configuration, Profile.Modern, false, [0, 1, 2], new InferenceOptions());
        var image = InferenceFixtures.Noise(size.Voxels, seed: 2);
        float[] flipped = [.. image.Reverse()]; // all three axes
        var (straight, mirrored) = (Predict(predictor, image, size), Predict(predictor, flipped, size));
        for (var i = 0; i < size.Voxels; i++)
        {
            var j = size.Voxels - 1 - i;
            Assert.Equal(straight[2 * i], mirrored[2 * j], 1e-4f);
            Assert.Equal(straight[(2 * i) + 1], mirrored[(2 * j) + 1], 1e-4f);
        }
    }

    [Fact]
    public void Forward_passes_are_tiles_times_views_times_folds()
    {
        var configuration = InferenceFixtures.Configuration([80, 192, 160], Isotropic);
        var size = new Extent(115, 320, 232);
        Assert.Equal(12 * 8 * 5, Predictor.ForwardPasses(size, configuration, new InferenceOptions(), mirrorAxes: 3, folds: 5));
        Assert.Equal(
            12, Predictor.ForwardPasses(size, configuration, new InferenceOptions(Mirroring: false), mirrorAxes: 3, folds: 1));
    }

    [Fact]
    public void An_image_of_another_size_is_refused()
    {
        using var backend = Cpu.Open(1);
        var configuration = InferenceFixtures.Configuration(Patch, Isotropic);
        using var network = InferenceFixtures.Constant(backend, configuration, 0, 1);
        using var predictor = new Predictor(
            backend, [network], configuration, Profile.Modern, false, [0, 1, 2], new InferenceOptions());
        Assert.Throws<ShapeException>(() => predictor.Predict(new float[10], new Extent(4, 8, 6)));
    }

    private static IEqualityComparer<float> Near(float tolerance) =>
        EqualityComparer<float>.Create((a, b) => Math.Abs(a - b) <= tolerance, value => 0);

    private static float[] Cut(float[] image, Extent size, Extent origin, Extent tile)
    {
        var cut = new float[tile.Voxels];
        foreach (var (inTile, inImage) in Voxels(size, origin, tile))
        {
            cut[inTile] = image[inImage];
        }

        return cut;
    }

    private static IEnumerable<(int InTile, int InImage)> Voxels(Extent size, Extent origin, Extent tile)
    {
        var i = 0;
        for (var z = 0; z < tile.Z; z++)
        {
            for (var y = 0; y < tile.Y; y++)
            {
                for (var x = 0; x < tile.X; x++)
                {
                    yield return (i++, ((((origin.Z + z) * size.Y) + origin.Y + y) * size.X) + origin.X + x);
                }
            }
        }
    }

    private static float[] Predict(Predictor predictor, float[] image, Extent size)
    {
        using var outputs = predictor.Predict(image, size);
        return outputs.ToHost();
    }
}
