using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Batches;
using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Tests.Batches;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Variants;
using Xunit;

namespace SharpSeg.Kernels.Gpu.Tests;

/// <summary>Augmentation with a device's spatial transform: what conformance does not see.</summary>
public sealed class SamplingTests : IDisposable
{
    private const double Tolerance = 1e-4;
    private static readonly Extent Shape = new(12, 14, 13);
    private readonly GpuBackend backend = DeviceUnderTest.Open(KernelChoice.Fast);

    public void Dispose() => backend.Dispose();

    [Fact]
    public void A_whole_augmentation_on_the_device_is_the_processors()
    {
        var geometry = PatchGeometry.For(Profile.Classic, new(6, 8, 7), is2D: false);
        var recipe = AugmentationRecipe.For(Profile.Classic) with { Elastic = 0.7, Rotation = 0.7, Scaling = 0.7, Gamma = 0.5 };
        var source = Case(channels: 2, withPrevious: true);
        using var processor = Kernels.Cpu.Cpu.Open(threads: 1);
        var host = new AugmentationPipeline(recipe, Profile.Classic, geometry, [true, false], processor);
        var other = new AugmentationPipeline(recipe, Profile.Classic, geometry, [true, false], backend);
        PatchSample expected = new(geometry.Patch, 2, true), actual = new(geometry.Patch, 2, true);
        var differ = 0;
        for (ulong draw = 0; draw < 5; draw++)
        {
            var start = new Extent((int)draw - 2, 1 - (int)draw, 2);
            host.Augment(source, start, new CounterRandom(9, (long)draw), expected);
            other.Augment(source, start, new CounterRandom(9, (long)draw), actual);
            // gamma amplifies
            Assert.All(expected.Image.Zip(actual.Image), pair => Assert.Equal(pair.First, pair.Second, 5 * Tolerance));
            differ += Differences(expected.Labels, actual.Labels) + Differences(expected.Previous, actual.Previous);
        }

        Assert.InRange(differ, 0, 2);
    }

    [Fact]
    public void Memory_held_is_what_was_planned_for_the_largest_transform()
    {
        // The longest kernel, the whole initial patch: elastic samples filter all of it.
        var geometry = PatchGeometry.For(Profile.Classic, new(6, 8, 7), is2D: false);
        var planned = backend.SamplingBytes(
            SamplerLimits.Of(AugmentationRecipe.For(Profile.Classic), geometry, channels: 2, cascade: true));
        Assert.Equal(0, backend.AllocatedBytes);
        Sample(strength: 0);
        Assert.InRange(backend.AllocatedBytes, 1, planned - 1);
        Sample(strength: 100);
        Assert.Equal(planned, backend.AllocatedBytes);

        void Sample(double strength) =>
            new AugmentationPipeline(AugmentationRecipe.For(Profile.Classic), Profile.Classic, geometry, [], backend).Transform(
                Case(2, withPrevious: true), default, new SpatialTransform(Matrix3.Identity, strength, 13, IsIdentity: false),
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
        var pipeline = new AugmentationPipeline(recipe, profile, geometry, [], backend);
        var sample = new PatchSample(geometry.Patch, 1, withPrevious: false);
        for (var draw = 0; draw < 8; draw++)
        {
            pipeline.Augment(Case(1, withPrevious: false), new(is2D ? 5 : 1, 1, 1), new CounterRandom(2, draw), sample);
        }

        var planned = backend.SamplingBytes(SamplerLimits.Of(recipe, geometry, channels: 1, cascade: false));
        Assert.InRange(backend.AllocatedBytes, planned / 2, planned);
    }

    private static MemoryCase Case(int channels, bool withPrevious)
    {
        var random = new Random(3);
        var image = Enumerable.Range(0, (int)Shape.Voxels * channels)
            .Select(_ => (float)((6 * random.NextDouble()) - 3)).ToArray();
        var labels = Enumerable.Range(0, (int)Shape.Voxels).Select(v => (short)((v / 9 % 4) - 1)).ToArray();
        var previous = labels.Select(l => (short)Math.Max(0, l - 1)).ToArray();
        return new MemoryCase("case", Shape, image, labels, [1, 2], previous: withPrevious ? previous : null);
    }

    private static int Differences(short[]? expected, short[]? actual) =>
        expected is null ? 0 : expected.Zip(actual!).Count(pair => pair.First != pair.Second);
}
