using System.Runtime.Intrinsics;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Volumes;
using Xunit;

namespace SharpSeg.Kernels.Cpu.Tests;

public sealed class SplineSamplerTests
{
    /// <summary>
    /// Nothing is fused and every sum has one order, so that a training sees the same patches on every processor. Rows have many
    /// vectors and a rest; the box is smaller than the initial patch, and some positions leave that.
    /// </summary>
    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void Every_instruction_set_gives_the_same_bytes(bool planar, bool deformed)
    {
        var (image, labels) = Sample<PortableLanes, Vector128<float>>(planar, deformed);
        Assert.Equal(new short[] { -1, 0, 1, 2 }, labels.Distinct().Order());
        Assert.InRange(image.Count(v => v == 0), 1, image.Length / 2);
        Assert.InRange(image.Distinct().Count(), image.Length / 2, image.Length);
        if (Avx2Lanes.IsSupported)
        {
            AssertSame(image, labels, Sample<Avx2Lanes, Vector256<float>>(planar, deformed));
        }

        if (Avx512Lanes.IsSupported)
        {
            AssertSame(image, labels, Sample<Avx512Lanes, Vector512<float>>(planar, deformed));
        }
    }

    private static void AssertSame(float[] image, short[] labels, (float[] Image, short[] Labels) other)
    {
        Assert.Equal(image.Select(BitConverter.SingleToInt32Bits), other.Image.Select(BitConverter.SingleToInt32Bits));
        Assert.Equal(labels, other.Labels);
    }

    private static (float[] Image, short[] Labels) Sample<TLanes, TVector>(bool planar, bool deformed)
        where TLanes : struct, ILanes<TVector>
        where TVector : unmanaged
    {
        Extent patch = new(3, 6, 75), initial = new(3, 12, 80), box = new(3, 10, 70);
        var random = new Random(5);
        var image = Enumerable.Range(0, 2 * (int)box.Voxels).Select(_ => random.NextSingle()).ToArray();
        var labels = Enumerable.Range(0, (int)box.Voxels).Select(i => (short)((i / 37 % 4) - 1)).ToArray();
        var kernel = new float[] { 0.1f, 0.2f, 0.4f, 0.2f, 0.1f };
        var map = new AffineSampling(
            patch, initial, new(0, 1, 5), box, 2, planar, new(1, 0.02, 0), new(0.1, 1.3, -0.01), new(0.001, 0.01, 1.1));
        var sampling = new SplineSampling(
            map, default, initial, 0, deformed ? new(new UniformDraws(7, 11), kernel, Strength: 3) : null);
        var (toImage, toLabels) = (new float[2 * patch.Voxels], new short[patch.Voxels]);
        new SplineSampler<TLanes, TVector>().Sample(sampling, new(image, labels, default), new(toImage, toLabels, default));
        return (toImage, toLabels);
    }
}
