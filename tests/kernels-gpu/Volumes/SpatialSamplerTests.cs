using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.AutoPlanner.Tests.Batches;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Variants;
using Xunit;

namespace SharpSeg.Kernels.Gpu.Tests;

/// <summary>Augmentation's spatial transform on the device against the processor's: image within 10⁻⁴, labels but for ties.</summary>
public sealed class SpatialSamplerTests : IDisposable
{
    private readonly GpuBackend backend = DeviceUnderTest.Open(KernelChoice.Fast);

    public void Dispose() => backend.Dispose();

    public static TheoryData<bool, int, bool, int[], double> Cases => new()
    {
        { false, 1, false, [2, 3, 4], 1.0 },     // inside the case
        { false, 2, true, [2, 3, 4], 0.8 },
        { false, 1, true, [-5, -4, 3], 1.3 },    // over its corner
        { true, 2, false, [1, 2, 3], 1.2 },      // slices by themselves
        { true, 1, true, [6, -6, 9], 0.75 },
        { false, 1, false, [40, 40, 40], 1.0 },  // beside the case altogether
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Patch_is_the_processors(bool planar, int channels, bool withPrevious, int[] start, double scale)
    {
        Extent shape = new(12, 14, 13), patch = planar ? new(5, 8, 9) : new(7, 8, 9), initial = planar ? new(5, 14, 13) : new(11, 13, 12);
        var random = new Random(3);
        var image = Enumerable.Range(0, (int)shape.Voxels * channels).Select(_ => (float)((6 * random.NextDouble()) - 3)).ToArray();
        var labels = Enumerable.Range(0, (int)shape.Voxels).Select(v => (short)(v / 9 % 4 - 1)).ToArray();
        var previous = labels.Select(l => (short)Math.Max(0, l - 1)).ToArray();
        var source = new MemoryCase("case", shape, image, labels, [1, 2], previous: withPrevious ? previous : null);
        using var sampler = backend.OpenSpatialSampler();
        var (differ, all) = (0, 0);
        for (var draw = 0; draw < 4; draw++)
        {
            var angles = Enumerable.Range(0, 3).Select(_ => (random.NextDouble() - 0.5) * Math.PI).ToArray();
            var matrix = SpatialTransform.MatrixOf(angles[0], planar ? 0 : angles[1], planar ? 0 : angles[2], scale, planar, classic: false);
            var transform = new SpatialTransform(matrix, 0, 0, IsIdentity: false);
            var box = new SourceBox();
            var (first, last) = transform.Reach(patch, initial);
            box.Read(source, Extent.FromArray(start), initial, first, last, withPrevious);
            var expected = new PatchSample(patch, channels, withPrevious);
            LinearSampler.Sample(box, transform, planar, expected);
            var actual = new PatchSample(patch, channels, withPrevious);
            Array.Fill(actual.Image, float.NaN);
            sampler.Sample(
                transform.Sampling(box, planar, actual), box.Image, box.Labels, withPrevious ? box.Previous : default, actual.Image, actual.Labels,
                actual.Previous);
            for (var i = 0; i < expected.Image.Length; i++)
            {
                Assert.True(Math.Abs(expected.Image[i] - actual.Image[i]) <= 1e-4, $"draw {draw}, {i}: {actual.Image[i]}, not {expected.Image[i]}");
            }

            differ += Differences(expected.Labels, actual.Labels);
            all += expected.Labels.Length;
            if (withPrevious)
            {
                differ += Differences(expected.Previous!, actual.Previous!);
                all += expected.Labels.Length;
            }
        }

        Assert.InRange(differ, 0, all / 500); // where the sums of two labels' weights are equal to seven digits
    }

    private static int Differences(short[] expected, short[] actual) => expected.Zip(actual).Count(pair => pair.First != pair.Second);
}
