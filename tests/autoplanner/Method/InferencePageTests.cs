using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Tests.Inference;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Method;

/// <summary>The numbers of docs/method/inference.md.</summary>
public sealed class InferencePageTests
{
    private const double Float32 = 1e-6;
    private static readonly MethodPage Page = MethodPage.Open("docs/method/inference.md");
    private static readonly string[] Rows = ["row 0", "row 1", "row 2"];

    [Fact]
    public void Means_over_folds_are_the_pages()
    {
        var rows = Page.Table("averaging");
        rows[3].Agree(Mean(Profile.Modern, rows));
        rows[4].Agree(Mean(Profile.Classic, rows));

        static float[] Mean(Profile profile, IReadOnlyList<PageRow> rows)
        {
            using var backend = Cpu.Open(1);
            var configuration = InferenceFixtures.Configuration([4, 8, 6], [1, 1, 1]);
            var folds = rows.Take(3).Select(row => InferenceFixtures.Constant(
                backend, configuration, (float)row.Number("class 0").Value, (float)row.Number("class 1").Value)).ToArray();
            using var predictor = new Predictor(
                backend, folds, configuration, profile, sigmoid: false, [0, 1, 2], new InferenceOptions());
            var size = new Extent(4, 8, 6);
            using var outputs = predictor.Predict(new float[size.Voxels], size);
            var maps = outputs.ToHost();
            Array.ForEach(folds, network => network.Dispose());
            return maps[..2];
        }
    }

    [Fact]
    public void Padding_is_the_pages()
    {
        foreach (var row in Page.Table("padding"))
        {
            var (padded, below) = SlidingWindow.Padding(row.Extent("image"), row.Extent("patch"));
            Assert.Equal((row.Extent("padded"), row.Extent("below")), (padded, below));
        }
    }

    [Fact]
    public void Tile_positions_are_the_pages() => Assert.All(Page.Table("tile-positions"), row =>
        Assert.Equal(
            row.Ints("positions"), SlidingWindow.Positions((int)row.Whole("n"), (int)row.Whole("T"), row.Number("s").Value)));

    [Fact]
    public void Gaussian_weights_are_the_pages() => Assert.All(Page.Table("gaussian"), row =>
        row.Agrees(
            "weights", [.. GaussianWeights.Create(new Extent(1, 1, (int)row.Whole("tile"))).Select(w => (double)w)], Float32));

    [Fact]
    public void Two_tiles_merge_as_on_the_page()
    {
        using var backend = Cpu.Open(1);
        using var pool = new BufferPool(backend);
        var tile = new Extent(1, 1, 8);
        var weights = pool.Rent(Shape.Activation(1, tile, 1));
        backend.Upload(GaussianWeights.Create(tile), weights);
        var answers = pool.Rent(Shape.Activation(2, tile, 1));
        backend.Upload([.. Enumerable.Range(0, 16).Select(i => i < 8 ? 1f : 2f)], answers);
        var sum = pool.Rent(Shape.Activation(1, new Extent(1, 1, 12), 1));
        var weightSum = pool.Rent(sum.Shape);
        backend.Fill(sum, 0);
        backend.Fill(weightSum, 0);
        var tiles = new Tiling(new Extent(1, 1, 12), tile, is2D: false, 0.5).Tiles;
        for (var i = 0; i < tiles.Count; i++)
        {
            backend.BlendAdd(answers, i, weights, tiles[i], sum, weightSum);
        }

        backend.DivideByWeights(sum, weightSum);
        var merged = new float[12];
        backend.Download(sum, merged);
        Page.Numbers("blended").Agree([.. merged.Select(value => (double)value)], Float32);
    }

    [Fact]
    public void Exported_maps_and_labels_are_the_pages()
    {
        var rows = Page.Table("export");
        float[][] maps = [[2, 0, 1, 1, 3, 0], [0, 1, 1.5f, 2, 0, 2]];
        Extent from = new(1, 2, 3), to = new(1, 3, 5);
        for (var map = 0; map < 2; map++)
        {
            var resampled = Processor.ResampleImage(maps[map], from, to, order: 1);
            for (var y = 0; y < 3; y++)
            {
                rows[map].Agrees(Rows[y], [.. resampled[(5 * y)..(5 * (y + 1))].Select(value => (double)value)], Float32);
            }
        }

        float[] together = [.. Enumerable.Range(0, 12).Select(i => maps[i % 2][i / 2])];
        var configuration = InferenceFixtures.Configuration([4, 4, 4], [1, 1, 1]);
        var labels = SegmentationExporter.ToOriginalGrid(
            Processor.Outputs(together, from), InferenceFixtures.Properties(from, to, new Spacing(1, 1, 1)),
            InferenceFixtures.Plans(configuration), configuration,
            InferenceFixtures.TwoLabels);
        labels[13] = 0; // the page's tie: either answer is right
        Assert.Equal(Rows.SelectMany(row => rows[2].Ints(row)), labels.Select(label => (int)label));
    }

    [Fact]
    public void The_ensembles_mean_is_the_pages()
    {
        var extent = new Extent(1, 1, 1);
        var planar = new GivenMaps(extent, [[0.30f], [0.45f], [0.25f]]);
        var full = new GivenMaps(extent, [[0.10f], [0.25f], [0.65f]]);
        var mean = new AveragedMaps([planar, full]);
        var probability = new float[1];
        var numbers = Page.Numbers("ensemble");
        Assert.Equal(mean.Heads, numbers.Count);
        for (var head = 0; head < mean.Heads; head++)
        {
            mean.Read(head, 0, probability);
            numbers[head].Agrees(probability[0], Float32);
        }

        var labels = new LabelScheme([new("background", [0]), new("anterior", [1]), new("posterior", [2])]);
        Assert.Equal((2, 1), ((int)LabelDecision.Of(mean, labels)[0], (int)LabelDecision.Of(planar, labels)[0]));
    }
}

file static class TwoClasses
{
    public static void Agree(this PageRow row, float[] actual)
    {
        row.Number("class 0").Agrees(actual[0], 1e-6);
        row.Number("class 1").Agrees(actual[1], 1e-6);
    }
}
