using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Batches;
using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Tests.Batches;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Variants;
using Xunit;
using Xunit.Abstractions;

namespace SharpSeg.Kernels.Gpu.Tests;

/// <summary>The classic spatial transform on the device against the processor's: image within 10⁻⁴, labels but for ties.</summary>
public sealed class SplineSamplerTests(ITestOutputHelper output) : IDisposable
{
    private const double Tolerance = 1e-4;
    private static readonly Extent Shape = new(12, 14, 13);
    private readonly GpuBackend backend = DeviceUnderTest.Open(KernelChoice.Fast);

    public void Dispose() => backend.Dispose();

    /// <summary>Patch, initial patch, slices by themselves, channels, cascade, first voxel in the case, scale, elastic strength (0: none).</summary>
    public static TheoryData<int[], int[], bool, int, bool, int[], double, double> Cases => new()
    {
        { [7, 8, 9], [11, 13, 12], false, 1, false, [1, 1, 1], 1.1, 0 },     // inside the case
        { [7, 8, 9], [11, 13, 12], false, 1, false, [0, 0, 0], 0.9, 300 },
        { [7, 8, 9], [11, 13, 12], false, 3, true, [-5, -4, 3], 1.3, 0 },    // over its corner
        { [7, 8, 9], [11, 13, 12], false, 2, true, [4, -3, -2], 1, 500 },
        { [6, 7, 6], [2, 3, 9], false, 1, false, [3, 4, 1], 0.8, 60 },       // borders that mirror each other
        { [5, 8, 9], [5, 14, 13], true, 2, true, [6, -6, 5], 1.2, 80 },      // dummy-2D
        { [5, 8, 9], [5, 14, 13], true, 1, false, [1, 0, 0], 0.85, 0 },
        { [1, 9, 8], [1, 13, 12], true, 2, true, [4, 1, -4], 1, 120 },       // 2D
        { [1, 9, 8], [1, 13, 12], true, 1, false, [0, 0, 1], 1.25, 0 },
        { [7, 8, 9], [11, 13, 12], false, 2, true, [40, 40, 40], 1.1, 300 }, // beside the case altogether
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Patch_is_the_processors(
        int[] patch, int[] initial, bool planar, int channels, bool withPrevious, int[] start, double scale, double strength)
    {
        var source = Case(channels, withPrevious);
        var geometry = new PatchGeometry(
            Extent.FromArray(patch), Extent.FromArray(initial), Is2D: patch[0] == 1, Dummy2D: planar && patch[0] > 1, 0);
        using var device = backend.OpenSpatialSampler();
        var (worst, differ, all) = (0.0, 0, 0);
        for (ulong draw = 0; draw < 3; draw++)
        {
            var random = new CounterRandom(17, (long)draw);
            var matrix = SpatialTransform.MatrixOf(
                random.NextDouble(-1, 1), planar ? 0 : random.NextDouble(-1, 1), planar ? 0 : random.NextDouble(-1, 1), scale, planar, classic: true);
            var transform = new SpatialTransform(matrix, strength, 2.3, IsIdentity: false);
            var (expected, after) = Sample(new SplineSampler(), draw);
            var (actual, afterDevice) = Sample(new SplineSampler(device), draw);
            Assert.Equal(after, afterDevice); // the random stream stands at the same place
            worst = Math.Max(worst, expected.Image.Zip(actual.Image, (a, b) => Math.Abs((double)a - b)).Max());
            differ += Differences(expected.Labels, actual.Labels) + Differences(expected.Previous, actual.Previous);
            all += expected.Voxels * (withPrevious ? 2 : 1);

            (PatchSample, ulong) Sample(SplineSampler sampler, ulong stream)
            {
                var sample = new PatchSample(geometry.Patch, channels, withPrevious);
                Array.Fill(sample.Image, float.NaN);
                var own = new CounterRandom(5, (long)stream);
                sampler.Sample(source, Extent.FromArray(start), geometry, transform, previousPadding: 0, own, sample);
                return (sample, own.NextUInt64());
            }
        }

        output.WriteLine($"worst {worst:E2}, labels that differ {differ} of {all}");
        Assert.True(worst <= Tolerance, $"{worst}");
        Assert.InRange(differ, 0, all / 500); // where a label's weights sum to one half to seven digits
    }

    [Fact]
    public void Displacements_move_the_patch()
    {
        // Without them the comparison above would prove nothing.
        var source = Case(channels: 1, withPrevious: false);
        var geometry = new PatchGeometry(new(7, 8, 9), new(11, 13, 12), Is2D: false, Dummy2D: false, 0);
        using var device = backend.OpenSpatialSampler();
        var still = Sample(0);
        var moved = Sample(500);
        Assert.True(still.Image.Zip(moved.Image).Count(pair => Math.Abs(pair.First - pair.Second) > 0.1) > still.Voxels / 2);
        Assert.Contains(moved.Image, value => value != 0);

        PatchSample Sample(double strength)
        {
            var sample = new PatchSample(geometry.Patch, 1, withPrevious: false);
            var transform = new SpatialTransform(Matrix3.Identity, strength, 2.3, IsIdentity: false);
            new SplineSampler(device).Sample(source, default, geometry, transform, 0, new CounterRandom(5), sample);
            return sample;
        }
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(0.5, 1.257775)]
    [InlineData(1.25, 2.526465)]
    [InlineData(2.75, 3.767868)]
    [InlineData(4.9, 4.882349)]
    [InlineData(5, 5)]
    [InlineData(5.1, 0)]
    public void The_specified_line_is_interpolated(double position, double expected)
    {
        // Two outputs, the first of which lies at 2.5 − scale/2.
        var source = new MemoryCase("line", new(1, 1, 6), [1, 2, 4, 3, 0, 5], new short[6], []);
        var geometry = new PatchGeometry(new(1, 1, 2), source.Shape, Is2D: true, Dummy2D: false, 0);
        var transform = new SpatialTransform(Matrix3.Scaling(1, 1, 2 * (2.5 - position)), 0, 0, IsIdentity: false);
        var sample = new PatchSample(geometry.Patch, 1, withPrevious: false);
        using var device = backend.OpenSpatialSampler();
        new SplineSampler(device).Sample(source, default, geometry, transform, 0, new CounterRandom(0), sample);
        Assert.Equal(expected, sample.Image[0], 2e-5);
    }

    [Fact]
    public void A_whole_augmentation_on_the_device_is_the_processors()
    {
        var geometry = PatchGeometry.For(Profile.Classic, new(6, 8, 7), is2D: false);
        var recipe = AugmentationRecipe.For(Profile.Classic) with { Elastic = 0.7, Rotation = 0.7, Scaling = 0.7, Gamma = 0.5 };
        var source = Case(channels: 2, withPrevious: true);
        using var device = backend.OpenSpatialSampler();
        var host = new AugmentationPipeline(recipe, Profile.Classic, geometry, [true, false]);
        var other = new AugmentationPipeline(recipe, Profile.Classic, geometry, [true, false], device);
        PatchSample expected = new(geometry.Patch, 2, true), actual = new(geometry.Patch, 2, true);
        var differ = 0;
        for (ulong draw = 0; draw < 5; draw++)
        {
            var start = new Extent((int)draw - 2, 1 - (int)draw, 2);
            host.Augment(source, start, new CounterRandom(9, (long)draw), expected);
            other.Augment(source, start, new CounterRandom(9, (long)draw), actual);
            Assert.All(expected.Image.Zip(actual.Image), pair => Assert.Equal(pair.First, pair.Second, 5 * Tolerance)); // gamma amplifies
            differ += Differences(expected.Labels, actual.Labels) + Differences(expected.Previous, actual.Previous);
        }

        Assert.InRange(differ, 0, 2);
    }

    [Fact]
    public void Memory_held_is_what_was_planned_for_the_largest_transform()
    {
        // The longest kernel, the whole initial patch: elastic samples filter all of it.
        var geometry = PatchGeometry.For(Profile.Classic, new(6, 8, 7), is2D: false);
        var planned = backend.SpatialSamplerBytes(
            SamplerLimits.Of(AugmentationRecipe.For(Profile.Classic), geometry, channels: 2, cascade: true));
        using var device = backend.OpenSpatialSampler();
        Assert.Equal(0, device.HeldBytes);
        Sample(strength: 0);
        Assert.InRange(device.HeldBytes, 1, planned - 1);
        Sample(strength: 100);
        Assert.Equal(planned, device.HeldBytes);

        void Sample(double strength) => new SplineSampler(device).Sample(
            Case(2, withPrevious: true), default, geometry, new SpatialTransform(Matrix3.Identity, strength, 13, IsIdentity: false), 0,
            new CounterRandom(1), new PatchSample(geometry.Patch, 2, withPrevious: true));
    }

    [Theory]
    [InlineData(Profile.Modern, false)]
    [InlineData(Profile.Modern, true)]
    [InlineData(Profile.Classic, true)]
    public void Memory_held_stays_within_the_plan(Profile profile, bool is2D)
    {
        var geometry = PatchGeometry.For(profile, new(is2D ? 1 : 6, 8, 7), is2D);
        var recipe = AugmentationRecipe.For(profile) with { Rotation = 1, Scaling = 1 };
        recipe = recipe with { Elastic = recipe.Elastic > 0 ? 0.5 : 0 };
        using var device = backend.OpenSpatialSampler();
        var pipeline = new AugmentationPipeline(recipe, profile, geometry, [], device);
        var sample = new PatchSample(geometry.Patch, 1, withPrevious: false);
        for (var draw = 0; draw < 8; draw++)
        {
            pipeline.Augment(Case(1, withPrevious: false), new(is2D ? 5 : 1, 1, 1), new CounterRandom(2, draw), sample);
        }

        var planned = backend.SpatialSamplerBytes(SamplerLimits.Of(recipe, geometry, channels: 1, cascade: false));
        Assert.InRange(device.HeldBytes, planned / 2, planned);
    }

    private static MemoryCase Case(int channels, bool withPrevious)
    {
        var random = new Random(3);
        var image = Enumerable.Range(0, (int)Shape.Voxels * channels).Select(_ => (float)((6 * random.NextDouble()) - 3)).ToArray();
        var labels = Enumerable.Range(0, (int)Shape.Voxels).Select(v => (short)((v / 9 % 4) - 1)).ToArray();
        var previous = labels.Select(l => (short)Math.Max(0, l - 1)).ToArray();
        return new MemoryCase("case", Shape, image, labels, [1, 2], previous: withPrevious ? previous : null);
    }

    private static int Differences(short[]? expected, short[]? actual) =>
        expected is null ? 0 : expected.Zip(actual!).Count(pair => pair.First != pair.Second);
}
