using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Tests.Volumes;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Variants;
using Xunit;

namespace SharpSeg.Kernels.Gpu.Tests;

/// <summary>Whole grid changes on the device, which conformance checks axis by axis.</summary>
public sealed class ResamplingTests : IDisposable
{
    private static readonly Random Random = new(7);

    private readonly GpuBackend backend = DeviceUnderTest.Open(KernelChoice.Fast);

    public void Dispose() => backend.Dispose();

    public static TheoryData<int, int?, int[], int[]> Changes => new()
    {
        { 0, null, [5, 4, 6], [3, 7, 6] },
        { 1, null, [5, 4, 6], [3, 7, 11] },
        { 3, null, [5, 4, 6], [3, 7, 11] },
        { 3, null, [1, 7, 5], [1, 5, 9] },
        { 3, 0, [4, 5, 3], [7, 8, 5] },
        { 3, 1, [5, 6, 3], [4, 3, 7] },
        { 3, 2, [3, 4, 5], [5, 3, 5] },
        { 1, 0, [6, 5, 4], [3, 5, 4] },
        { 1, 2, [3, 4, 2], [5, 7, 6] },
        { 3, 0, [2, 1, 1], [5, 1, 1] },
    };

    [Theory]
    [MemberData(nameof(Changes))]
    public void Volume_is_resampled_as_the_float64_reference_does(int order, int? separate, int[] fromAxes, int[] toAxes)
    {
        Extent from = Extent.FromArray(fromAxes), to = Extent.FromArray(toAxes);
        var values = Enumerable.Range(0, (int)from.Voxels).Select(_ => (float)((20 * Random.NextDouble()) - 10)).ToArray();
        var actual = Resampling.ResampleImage(backend, values, from, to, order, separate);
        var expected = ReferenceResampling.Image(Array.ConvertAll(values, v => (double)v), from, to, order, separate);
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < actual.Length; i++)
        {
            Assert.Equal(expected[i], actual[i], 5e-5);
        }
    }

    [Theory]
    [InlineData(false, null)]
    [InlineData(true, null)]
    [InlineData(false, 0)]
    public void Device_decides_for_the_same_labels_as_the_processor(bool regions, int? separate)
    {
        var labels = regions
            ? new LabelScheme([new("background", [0]), new("whole", [1, 2]), new("core", [2])], [1, 2])
            : new LabelScheme([new("background", [0]), new("a", [1]), new("b", [2])]);
        var change = new GridChange(new(4, 5, 6), new(6, 9, 7), 1, separate);
        var maps = Enumerable.Range(0, (int)change.From.Voxels * labels.HeadCount)
            .Select(_ => (float)((4 * Random.NextDouble()) - 2)).ToArray();
        using var processor = Kernels.Cpu.Cpu.Open(threads: 1);
        var expected = SegmentationExporter.Decide(new(processor, maps, change.From), change, 0, labels);
        using var onDevice = new NetworkOutputs(backend, maps, change.From);
        var before = 0L;
        foreach (var slab in new[] { change.To.Voxels, 1 })
        {
            // Rounding may decide where two maps are equal to seven digits; hardly ever.
            var actual = SegmentationExporter.Decide(onDevice, change, 0, labels, slab);
            Assert.InRange(expected.Zip(actual).Count(pair => pair.First != pair.Second), 0, 1);
            before = before == 0 ? backend.AllocatedBytes : before; // the backend's scratch memory, as large as it must be
            Assert.Equal(before, backend.AllocatedBytes);
        }

        Assert.True(expected.Distinct().Count() == 3);
    }
}
