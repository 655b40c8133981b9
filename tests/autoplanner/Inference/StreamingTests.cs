using System.Runtime.InteropServices;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu;
using Xunit;
using Xunit.Abstractions;

namespace SharpSeg.AutoPlanner.Tests.Inference;

/// <summary>
/// However little of the outputs is held at a time, labels and probabilities are the same bytes (docs/method/memory.md §2).
/// </summary>
public sealed class StreamingTests(ITestOutputHelper output)
{
    /// <summary>
    /// Patch, image, target, folds, regions, separate axis: padded and not, more and fewer tiles, finer and coarser targets.
    /// </summary>
    public static TheoryData<int[], int[], int[], int, bool, int?> Cases => new()
    {
        { [4, 8, 6], [19, 21, 17], [19, 21, 17], 1, false, null },
        { [4, 8, 6], [19, 21, 17], [27, 15, 23], 1, false, null },
        { [4, 8, 6], [13, 30, 11], [9, 41, 19], 3, false, null },
        { [4, 8, 6], [13, 30, 11], [30, 30, 11], 2, true, 0 },
        { [4, 8, 6], [13, 30, 11], [7, 25, 30], 1, false, 0 },
        { [4, 8, 6], [3, 30, 5], [4, 23, 8], 2, false, null },     // padded along z and x
        { [4, 8, 6], [11, 20, 16], [11, 33, 21], 1, true, 1 },
        { [8, 6], [23, 20, 13], [23, 26, 17], 1, false, 0 },       // 2D: one slice after the other
        { [8, 6], [23, 20, 5], [35, 20, 9], 3, true, null },
        { [16, 16, 10], [35, 32, 21], [35, 25, 21], 1, false, null },
    };

    [Trait("Tier", "slow")]
    [Theory]
    [MemberData(nameof(Cases))]
    public void Windows_of_every_size_give_the_labels_of_the_whole(
        int[] patch, int[] image, int[] to, int folds, bool regions, int? separate)
    {
        var random = NewRandom();
        foreach (var profile in new[] { Profile.Modern, Profile.Classic })
        {
            using var backend = Cpu.Open(random.Next(1, 3));
            var labels = regions ? InferenceFixtures.Regions : FourLabels;
            var options = new InferenceOptions(
                random.Next(2) == 0 ? 0.5 : 0.4, Gaussian: random.Next(2) == 0, Mirroring: random.Next(4) == 0);
            var change = new GridChange(Extent.FromArray(image), Extent.FromArray(to), 1, separate);
            var source = Model.Noise(change.From, random);
            var threshold = OutputGrid.Threshold(profile);
            using var model = Model.ThatSeesMoreThanOneLabel(
                () => new Model(backend, patch, labels, profile, folds, options, random),
                predictor =>
                {
                    using var whole = predictor.Predict(source);
                    return SegmentationExporter.Decide(whole, change, threshold, labels);
                },
                out var expected);
            var tiling = model.Predictor.TilingOf(change.From);
            foreach (var rows in new[] { 1, random.Next(2, 4), tiling.Starts(1).Count }.Distinct())
            {
                var columns = random.Next(1, tiling.Starts(2).Count + 1);
                var parts = OutputCut.PartsOf(tiling, change, rows, columns);
                var planes = random.Next(tiling.Tile.Z + 1, tiling.Padded.Z + 2);
                var cut = OutputCut.Window(tiling, change, parts, planes, labels.HeadCount, folds);
                Assert.Equal(expected, model.Predictor.Label(source, cut, change, threshold, labels, default));
            }
        }
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 2)]
    public void A_file_holds_the_outputs_of_the_whole(int folds, int rows)
    {
        var random = NewRandom();
        using var backend = Cpu.Open(1);
        using var model = new Model(backend, [4, 8, 6], FourLabels, Profile.Modern, folds, new InferenceOptions(), random);
        var size = new Extent(13, 20, 11);
        var source = Model.Noise(size, random);
        var tiling = model.Predictor.TilingOf(size);
        var identity = new GridChange(size, size, 0);
        var cut = OutputCut.Window(
            tiling, identity, OutputCut.PartsOf(tiling, identity, rows, rows), random.Next(5, 14), FourLabels.HeadCount, folds);
        var folder = Directory.CreateTempSubdirectory("sharpseg-test-");
        try
        {
            using var whole = model.Predictor.Predict(source);
            using (var inFile = model.Predictor.PredictToFile(source, cut, folder.FullName, default))
            {
                inFile.MoveToHost();                      // stays in its file
                foreach (var change in new[] { identity, new GridChange(size, new(17, 13, 20), 1),
                    new GridChange(size, new(9, 25, 20), 3) })
                {
                    for (var head = 0; head < FourLabels.HeadCount; head++)
                    {
                        var (fromMemory, fromFile) = (new float[change.To.Voxels], new float[change.To.Voxels]);
                        SegmentationExporter.Resample(whole, head, change, new Box(default, change.To), fromMemory);
                        SegmentationExporter.Resample(inFile, head, change, new Box(default, change.To), fromFile);
                        Assert.Equal(Bytes(fromMemory), Bytes(fromFile));
                    }

                    Assert.Equal(
                        SegmentationExporter.Decide(whole, change, 0, FourLabels),
                        SegmentationExporter.Decide(inFile, change, 0, FourLabels));
                }
            }

            Assert.Empty(folder.GetFiles("*", new EnumerationOptions { AttributesToSkip = 0 }));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>
    /// The cheapest way that fits: everything, then a window, then windows of parts; and what it takes never grows with the way.
    /// </summary>
    [Fact]
    public void Less_memory_means_smaller_windows_and_then_parts()
    {
        var tiling = new Tiling(new(600, 512, 512), new(32, 64, 64), is2D: false, step: 0.5);
        var change = new GridChange(tiling.Size, tiling.Size, 1);
        var previous = OutputCut.Choose(long.MaxValue, tiling, change, heads: 118, folds: 1);
        Assert.True(previous.IsWhole && previous.Bytes > 74_000_000_000);
        foreach (var budget in new[] { 6_000_000_000, 3_000_000_000, 1_000_000_000, 400_000_000 })
        {
            var cut = OutputCut.Choose(budget, tiling, change, heads: 118, folds: 1);
            Assert.False(cut.IsWhole);
            Assert.InRange(cut.Bytes, budget / 4, budget);
            Assert.True(cut.Bytes < previous.Bytes && cut.Work >= previous.Work);
            previous = cut;
        }

        var least = OutputCut.Choose(1, tiling, change, heads: 118, folds: 1);
        Assert.True(least.Bytes > 1);                     // the least there is; the plan refuses it
    }

    /// <summary>
    /// A wrong spacing in a header makes scans of a million tiles: how they are held is found at once. It took hours.
    /// </summary>
    [Fact]
    public void Cuts_of_a_huge_grid_are_found_at_once()
    {
        var tiling = new Tiling(new(2100, 3000, 2400), new(40, 56, 40), is2D: false, step: 0.5);
        var change = new GridChange(tiling.Size, new(35, 50, 40), 1);
        var clock = System.Diagnostics.Stopwatch.StartNew();
        Assert.True(OutputCut.Choose(1, tiling, change, heads: 3, folds: 1).Bytes > 1);
        Assert.InRange(clock.Elapsed.TotalMinutes, 0, 1);
    }

    /// <summary>Tiles are counted as if each were looked at.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Tiles_that_touch_a_box_are_counted(bool is2D)
    {
        var random = NewRandom();
        for (var i = 0; i < 50; i++)
        {
            var tile = new Extent(is2D ? 1 : random.Next(2, 9), random.Next(2, 9), random.Next(2, 9));
            var tiling = new Tiling(
                new(random.Next(1, 20), random.Next(1, 30), random.Next(1, 30)), tile, is2D, random.Next(1, 11) / 10.0);
            var origin = new Extent(0, random.Next(tiling.Padded.Y), random.Next(tiling.Padded.X));
            var box = new Box(origin, new(
                tiling.Padded.Z, random.Next(1, tiling.Padded.Y - origin.Y + 1),
                random.Next(1, tiling.Padded.X - origin.X + 1)));
            Assert.Equal(Enumerable.Range(0, tiling.Tiles.Count).Count(t => tiling.Touches(t, box)), tiling.Touching(box));
        }
    }

    /// <summary>However small a case, a window of it takes less than all of it.</summary>
    [Fact]
    public void Windows_are_as_small_as_the_case()
    {
        var tiling = new Tiling(new(40, 48, 40), new(8, 16, 16), is2D: false, step: 0.5);
        var change = new GridChange(tiling.Size, tiling.Size, 1);
        var whole = OutputCut.Whole(tiling, change, heads: 3, folds: 1);
        var least = OutputCut.Choose(1, tiling, change, heads: 3, folds: 1);
        Assert.True(least.Bytes < whole.Bytes / 2, $"{least.Bytes} of {whole.Bytes}");
        Assert.Equal(1, OutputCut.Choose(whole.Bytes / 2, tiling, change, heads: 3, folds: 1).Work); // planes alone do
    }

    /// <summary>What a cut says it takes is what the backend lends.</summary>
    [Theory]
    [InlineData(1, 1, new[] { 40, 80, 64 })]
    [InlineData(2, 3, new[] { 40, 80, 64 })]
    [InlineData(1, 1, new[] { 90, 60, 96 })]
    [InlineData(1, 2, new[] { 17, 100, 50 })]
    public void The_window_takes_what_the_cut_says(int folds, int rows, int[] to)
    {
        var random = NewRandom();
        using var backend = Cpu.Open(1);
        using var model = new Model(
            backend, [8, 16, 16], FourLabels, Profile.Modern, folds, new InferenceOptions(Mirroring: false), random);
        var size = new Extent(40, 80, 64);
        var source = Model.Noise(size, random);
        var tiling = model.Predictor.TilingOf(size);
        var change = new GridChange(size, Extent.FromArray(to), 1);
        var cut = OutputCut.Window(
            tiling, change, OutputCut.PartsOf(tiling, change, rows, 1), 9, FourLabels.HeadCount, folds);
        model.Predictor.Label(source, cut, change, 0, FourLabels, default); // the network's own memory, and scratch
        var before = backend.AllocatedBytes;
        model.Predictor.Label(source, cut, change, 0, FourLabels, default);
        Assert.InRange(
            backend.PeakBytes - before,
            OutputWindow.Bytes(tiling.Columns(change.Source(cut.Parts[0])).Size, 9, 4, folds), cut.Bytes);
        Assert.Equal(before, backend.AllocatedBytes);
    }

    private static LabelScheme FourLabels { get; } = new([new("background", [0]), new("a", [1]), new("b", [2]), new("c", [3])]);

    private static byte[] Bytes(float[] values) => MemoryMarshal.AsBytes(values.AsSpan()).ToArray();

    private Random NewRandom()
    {
        var seed = Random.Shared.Next();
        output.WriteLine($"seed {seed}");
        return new Random(seed);
    }

    private sealed class Model : IDisposable
    {
        private readonly List<Network> networks = [];

        public Model(
            Backend backend, int[] patch, LabelScheme labels, Profile profile, int folds, InferenceOptions options, Random random)
        {
            var configuration = InferenceFixtures.Configuration(patch, [.. patch.Select(_ => 1.0)]);
            for (var f = 0; f < folds; f++)
            {
                networks.Add(Network.Build(
                    configuration.ToNetworkPlan(1, labels.HeadCount, deepSupervision: false), backend,
                    seed: (ulong)random.Next()));
            }

            int[] axes = patch.Length == 2 ? [1, 2] : [0, 1, 2];
            Predictor = new Predictor(backend, networks, configuration, profile, labels.HasRegions, axes, options);
        }

        public Predictor Predictor { get; }

        /// <summary>A random network may see the same everywhere; then another one is taken.</summary>
        public static Model ThatSeesMoreThanOneLabel(Func<Model> create, Func<Predictor, short[]> predict, out short[] labels)
        {
            while (true)
            {
                var model = create();
                labels = predict(model.Predictor);
                if (labels.Distinct().Count() > 1)
                {
                    return model;
                }

                model.Dispose();
            }
        }

        public static ITileSource Noise(Extent size, Random random) =>
            new ImageInMemory(InferenceFixtures.Noise(size.Voxels, random.Next()), size, 1);

        public void Dispose()
        {
            Predictor.Dispose();
            networks.ForEach(network => network.Dispose());
        }
    }
}
