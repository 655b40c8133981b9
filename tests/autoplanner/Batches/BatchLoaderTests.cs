using SharpSeg.AutoPlanner.Batches;
using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Batches;

public sealed class BatchLoaderTests
{
    private static readonly Extent Patch = new(12, 16, 14); // small: these tests run without optimisation

    [Theory]
    [InlineData(Profile.Modern, false)]
    [InlineData(Profile.Classic, false)]
    [InlineData(Profile.Modern, true)]
    [InlineData(Profile.Classic, true)]
    public void The_same_seed_gives_the_same_batches_for_0_1_and_8_threads(Profile profile, bool cascade)
    {
        var reference = Run(profile, cascade, workers: 0, seed: 3);
        Assert.Equal(reference, Run(profile, cascade, workers: 1, seed: 3));
        Assert.Equal(reference, Run(profile, cascade, workers: 8, seed: 3));
        Assert.NotEqual(reference, Run(profile, cascade, workers: 1, seed: 4));
    }

    [Fact]
    public void A_batch_does_not_depend_on_what_was_asked_for_before()
    {
        using var straight = new BatchLoader(Cases(), Cases(), Settings(Profile.Modern, false) with { Workers = 2 });
        using var jumping = new BatchLoader(Cases(), Cases(), Settings(Profile.Modern, false) with { Workers = 2 });
        for (var i = 0; i < 6; i++)
        {
            straight.Get(true, 0, i).Dispose();
        }

        using var a = straight.Get(true, 1, 4);
        using var b = jumping.Get(true, 1, 4);
        Assert.Equal(a.Image, b.Image);
        using var c = straight.Get(true, 1, 3);
        Assert.NotEqual(a.Image, c.Image);
    }

    [Fact]
    public void Every_epoch_and_every_iteration_has_samples_of_its_own()
    {
        using var loader = new BatchLoader(Cases(), Cases(), Settings(Profile.Modern, false));
        var images = new List<float[]>();
        foreach (var (
            training, epoch, iteration) in new[] { (true, 0, 0), (true, 1, 0), (true, 0, 1), (true, 1, 1), (false, 0, 0),
            (false, 1, 0) })
        {
            using var batch = loader.Get(training, epoch, iteration);
            images.Add([.. batch.Image]);
        }

        for (var i = 0; i < images.Count; i++)
        {
            Assert.DoesNotContain(images.Skip(i + 1), other => other.AsSpan().SequenceEqual(images[i]));
        }
    }

    [Fact]
    public void Shapes_follow_patch_strides_and_channels()
    {
        var settings = Settings(Profile.Modern, cascade: true);
        using var loader = new BatchLoader(Cases(), Cases(), settings);
        using var batch = loader.Get(true, 0, 0);
        Assert.Equal(new Shape(3, 12, 16, 14, 4), batch.ImageShape);
        Assert.Equal(new Shape(3, 12, 16, 14, 1), batch.TargetShapes[0]);
        Assert.Equal(new Shape(3, 6, 8, 7, 1), batch.TargetShapes[1]);
        Assert.Equal(new Shape(3, 3, 4, 4, 1), batch.TargetShapes[2]);
        Assert.All(batch.Targets, t => Assert.All(t, v => Assert.True(v is 0 or 1 or 2)));
        Assert.All(batch.Image, v => Assert.True(float.IsFinite(v)));
    }

    // Smaller than the patch along z, y, x, and all of them.
    [Theory]
    [InlineData(9, 20, 30)]
    [InlineData(20, 9, 30)]
    [InlineData(20, 30, 9)]
    [InlineData(9, 11, 10)]
    public void Validation_batches_are_plain_crops_with_padding(int sizeZ, int sizeY, int sizeX)
    {
        var source = MemoryCase.Blob("small", new(sizeZ, sizeY, sizeX), 2, 5, withPrevious: true);
        using var loader = new BatchLoader([source], [source], Settings(Profile.Modern, cascade: true));
        for (var i = 0; i < 4; i++)
        {
            using var batch = loader.Get(false, 0, i);
            var image = new float[source.Shape.Voxels * 2];
            var labels = new short[source.Shape.Voxels];
            source.ReadImage(default, source.Shape, image);
            source.ReadLabels(default, source.Shape, labels);
            for (int n = 0, v = 0; n < batch.Count; n++)
            {
                var start = batch.Origins[n].Start;
                for (var z = 0; z < Patch.Z; z++)
                {
                    for (var y = 0; y < Patch.Y; y++)
                    {
                        for (var x = 0; x < Patch.X; x++, v++)
                        {
                            int cz = z + start.Z, cy = y + start.Y, cx = x + start.X;
                            var inside = cz >= 0 && cz < sizeZ && cy >= 0 && cy < sizeY && cx >= 0 && cx < sizeX;
                            var at = (((cz * sizeY) + cy) * sizeX) + cx;
                            var label = inside ? Math.Max(labels[at], (short)0) : 0;
                            Assert.Equal(label, batch.Targets[0][v]);
                            Assert.Equal(inside ? image[2 * at] : 0, batch.Image[4 * v]);
                            Assert.Equal(inside ? image[(2 * at) + 1] : 0, batch.Image[(4 * v) + 1]);
                            Assert.Equal(label == 1 ? 1 : 0, batch.Image[(4 * v) + 2]);
                            Assert.Equal(label == 2 ? 1 : 0, batch.Image[(4 * v) + 3]);
                        }
                    }
                }
            }
        }
    }

    [Fact]
    public void Two_dimensional_batches_have_one_slice_and_labels_without_minus_one()
    {
        var settings = new LoaderSettings
        {
            Backend = Processor.Sampling,
            Profile = Profile.Modern,
            Geometry = PatchGeometry.For(Profile.Modern, new(1, 24, 20), is2D: true),
            BatchSize = 7,
            Channels = 1,
            TrainingIterations = 3,
            ValidationIterations = 1,
            Seed = 9,
        };
        using var loader = new BatchLoader(Cases(1), Cases(1), settings);
        for (var i = 0; i < 3; i++)
        {
            using var batch = loader.Get(true, 0, i);
            Assert.Equal(new Shape(7, 1, 24, 20, 1), batch.ImageShape);
            Assert.DoesNotContain(-1f, batch.Targets[0]);
            Assert.Equal(2, batch.Origins.Count(o => o.Voxel is not null));
            Assert.NotNull(batch.Origins[6].Voxel);
        }
    }

    [Fact]
    public void Regions_and_ignore_label_become_maps()
    {
        var shape = new Extent(1, 1, 6);
        short[] labels = [-1, 0, 1, 2, 3, 1];
        var source = new MemoryCase("regions", shape, new float[6], labels, [1, 2], ignore: 3);
        var settings = new LoaderSettings
        {
            Backend = Processor.Sampling,
            Profile = Profile.Modern,
            Geometry = PatchGeometry.For(Profile.Modern, shape, is2D: false),
            BatchSize = 1,
            Channels = 1,
            Regions = [[1, 2], [2]],
            IgnoreLabel = 3,
            OutputScales = [Extent.One, new(1, 1, 2)],
        };
        using var loader = new BatchLoader([source], [source], settings);
        Batch batch;
        var iteration = 0;
        do
        {
            batch = loader.Get(false, 0, iteration++);
        }
        while (batch.Origins[0].Start.X != 0);

        Assert.Equal([0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0], batch.Targets[0]);
        Assert.Equal([0, 0, 0, 1, 1, 0, 1, 0, 0], batch.Targets[1]);
        batch.Dispose();
    }

    [Fact]
    public void Disposed_batches_are_used_again()
    {
        using var loader = new BatchLoader(Cases(), Cases(), Settings(Profile.Modern, false) with { Workers = 2 });
        var seen = new HashSet<float[]>(ReferenceEqualityComparer.Instance);
        for (var i = 0; i < 20; i++)
        {
            using var batch = loader.Get(true, 0, i);
            seen.Add(batch.Image);
        }

        // One handed out and the prefetched ones.
        Assert.InRange(seen.Count, 1, 4);
    }

    [Fact]
    public void A_case_that_cannot_be_read_fails_the_batch_and_not_the_loader()
    {
        using var loader = new BatchLoader(
            [new FailingCase(MemoryCase.Blob("broken", new(20, 20, 20), 2, 1))], Cases(), Settings(Profile.Modern, false));
        var error = Assert.Throws<SharpSegException>(() => loader.Get(true, 0, 0));
        Assert.Contains("broken", error.Message, StringComparison.Ordinal);
        using var batch = loader.Get(false, 0, 0);
        Assert.Equal(3, batch.Count);
    }

    [Fact]
    public void Cases_that_do_not_fit_are_refused()
    {
        var settings = Settings(Profile.Modern, cascade: true);
        Assert.Contains(
            "no training case", Assert.Throws<SharpSegException>(() => new BatchLoader([], [], settings)).Message,
            StringComparison.Ordinal);
        var bare = MemoryCase.Blob("bare", new(20, 20, 20), 2, 1);
        Assert.Contains(
            "`bare`: no segmentation of the previous",
            Assert.Throws<SharpSegException>(() => new BatchLoader([bare], [], settings)).Message, StringComparison.Ordinal);
        var single = MemoryCase.Blob("single", new(20, 20, 20), 1, 1, withPrevious: true);
        Assert.Contains(
            "1 preprocessed image channels, expected 2",
            Assert.Throws<SharpSegException>(() => new BatchLoader([single], [], settings)).Message, StringComparison.Ordinal);
        using var trainingOnly = new BatchLoader(Cases(), [], Settings(Profile.Modern, false));
        Assert.Throws<SharpSegException>(() => trainingOnly.Get(false, 0, 0));
    }

    /// <summary>Under a time budget an epoch has more iterations than planned, or fewer.</summary>
    [Fact]
    public void A_longer_epoch_is_prefetched_to_its_own_end()
    {
        var settings = Settings(Profile.Modern, false);
        var validation = new FailingCase(MemoryCase.Blob("case", new(20, 20, 20), 2, 1));
        using var loader = new BatchLoader(Cases(), [validation], settings);
        var end = (5 * settings.TrainingIterations) + settings.PrefetchedBatches;
        var batches = loader.TrainingBatches(epoch: 0, first: 0, end, CancellationToken.None);
        for (var i = 0; i < 5 * settings.TrainingIterations; i++)
        {
            batches.TakeNext().Dispose();
        }

        Assert.Equal(0, validation.Reads);
    }

    [Fact]
    public void Prefetching_follows_the_training_loop()
    {
        var key = new BatchKey(true, 0, 0);
        var seen = new List<BatchKey>();
        for (var i = 0; i < 5; i++)
        {
            seen.Add(key);
            key = key.Next(2, 1);
        }

        Assert.Equal([new(true, 0, 0), new(true, 0, 1), new(false, 0, 0), new(true, 1, 0), new(true, 1, 1)], seen);
        Assert.Equal(new BatchKey(true, 5, 0), new BatchKey(true, 4, 1).Next(2, 0));
    }

    private static List<double> Run(Profile profile, bool cascade, int workers, ulong seed)
    {
        var settings = Settings(profile, cascade) with
        {
            Workers = workers,
            Seed = seed,

            // Every step fires often, so that none escapes the comparison.
            Recipe = AugmentationRecipe.For(
                profile) with
            { Rotation = 0.5, Gamma = 0.5, CascadeMorphology = 0.7, CascadeRemoval = 0.7 },
        };
        using var loader = new BatchLoader(Cases(), Cases(), settings);
        var sums = new List<double>();
        for (var epoch = 0; epoch < 2; epoch++)
        {
            for (var i = 0; i < settings.TrainingIterations + settings.ValidationIterations; i++)
            {
                var training = i < settings.TrainingIterations;
                using var batch = loader.Get(training, epoch, training ? i : i - settings.TrainingIterations);
                sums.Add(Fingerprint(batch.Image));
                sums.AddRange(batch.Targets.Select(Fingerprint));
            }
        }

        return sums;
    }

    // Depends on every bit and its place.
    private static double Fingerprint(float[] values)
    {
        var hash = new HashCode();
        hash.AddBytes(System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(values));
        return hash.ToHashCode();
    }

    private static MemoryCase[] Cases(int channels = 2) =>
        [.. Enumerable.Range(0, 3)
            .Select(i => MemoryCase.Blob($"case {i}", new(14 + (9 * i), 25, 31 - i), channels, (ulong)i, withPrevious: true))];

    private static LoaderSettings Settings(Profile profile, bool cascade) => new()
    {
        Backend = Processor.Sampling,
        Profile = profile,
        Geometry = PatchGeometry.For(profile, Patch, is2D: false),
        BatchSize = 3,
        Channels = 2,
        UseMaskForNorm = [true, false],
        CascadeLabels = cascade ? [1, 2] : [],
        OutputScales = [Extent.One, new(2, 2, 2), new(4, 4, 4)],
        TrainingIterations = 3,
        ValidationIterations = 1,
        Workers = 1,
    };

    private sealed class FailingCase(MemoryCase inner) : ICaseSource
    {
        private int reads;

        public string Id => inner.Id;

        public Extent Shape => inner.Shape;

        public int Channels => inner.Channels;

        public bool HasPreviousStage => inner.HasPreviousStage;

        public int LocationLists => inner.LocationLists;

        public int AnnotatedList => inner.AnnotatedList;

        public int LocationCount(int list) => inner.LocationCount(list);

        public Extent Location(int list, int index) => inner.Location(list, index);

        public int Reads => reads;

        public void ReadImage(Extent origin, Extent size, Span<float> channelsLast)
        {
            Interlocked.Increment(ref reads);
            throw new SharpSegException($"case `{Id}`: the disk is gone");
        }

        public void ReadLabels(Extent origin, Extent size, Span<short> labels) => inner.ReadLabels(origin, size, labels);

        public void ReadPreviousStage(Extent origin, Extent size, Span<short> labels) =>
            inner.ReadPreviousStage(origin, size, labels);
    }
}
