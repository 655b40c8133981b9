using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Normalization;

/// <summary>
/// The element-wise halves of instance normalisation + leaky ReLU with sixteen-byte accesses: a thread keeps what belongs to its
/// four channels in registers and walks over the voxels of a chunk.
/// <para>Shapes, maths: <see cref="InstanceNormApply"/>; channel counts are multiples of four. Mapping:
/// <see cref="ChannelGroups"/> over fours of channels. Bound by memory. y may be x and dx may be dy: a thread reads its elements
/// before it writes them.</para>
/// </summary>
internal sealed class VectorNormApply(KernelList list)
{
    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        ArrayView<float>, ArrayView<float>, ArrayView<float>, NormSizes, int>> apply = new(list, Apply);

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, NormSizes,
        int>> gradient = new(list, Gradient);

    /// <summary>y from x.</summary>
    public void LaunchApply(
        AcceleratorStream stream, in NormSizes s, ArrayView<float> x, ArrayView<float> mean, ArrayView<float> rstd,
        ArrayView<float> gamma,
        ArrayView<float> beta, ArrayView<float> y) =>
        apply.Launch(
            stream, ChannelGroups.Over(s.C / 4, s.Voxels, s.N), x, mean, rstd, gamma, beta, y, s,
            ChannelGroups.ChunkLength(s.Voxels));

    /// <summary>dx from dy and the sums.</summary>
    public void LaunchGradient(
        AcceleratorStream stream, in NormSizes s, ArrayView<float> dy, ArrayView<float> x, ArrayView<float> mean,
        ArrayView<float> rstd,
        ArrayView<float> gamma, ArrayView<float> beta, ArrayView<float> sumD, ArrayView<float> sumDXhat, ArrayView<float> dx) =>
        gradient.Launch(
            stream, ChannelGroups.Over(s.C / 4, s.Voxels, s.N), dy, x, mean, rstd, gamma, beta, sumD, sumDXhat, dx, s,
            ChannelGroups.ChunkLength(s.Voxels));

    private static void Apply(
        ArrayView<float> x, ArrayView<float> mean, ArrayView<float> rstd, ArrayView<float> gamma, ArrayView<float> beta,
        ArrayView<float> y,
        NormSizes s, int chunkLength)
    {
        var fours = s.C >> 2;
        var q = (Grid.IdxX * Group.DimX) + Group.IdxX;
        if (q >= fours)
        {
            return;
        }

        var channels = new NormFour(mean, rstd, gamma, beta, Grid.IdxZ * fours, q);
        var from = Sample(x, s);
        var to = Sample(y, s);
        var start = Grid.IdxY * chunkLength;
        var end = start + chunkLength < s.Voxels ? start + chunkLength : s.Voxels;
        for (var v = start + Group.IdxY; v < end; v += Group.DimY)
        {
            var value = from[(v * fours) + q];
            value.X = NormElement.Output(value.X, channels.Mean.X, channels.Rstd.X, channels.Gamma.X, channels.Beta.X, s.Slope);
            value.Y = NormElement.Output(value.Y, channels.Mean.Y, channels.Rstd.Y, channels.Gamma.Y, channels.Beta.Y, s.Slope);
            value.Z = NormElement.Output(value.Z, channels.Mean.Z, channels.Rstd.Z, channels.Gamma.Z, channels.Beta.Z, s.Slope);
            value.W = NormElement.Output(value.W, channels.Mean.W, channels.Rstd.W, channels.Gamma.W, channels.Beta.W, s.Slope);
            to[(v * fours) + q] = value;
        }
    }

    private static void Gradient(
        ArrayView<float> dy, ArrayView<float> x, ArrayView<float> mean, ArrayView<float> rstd, ArrayView<float> gamma,
        ArrayView<float> beta,
        ArrayView<float> sumD, ArrayView<float> sumDXhat, ArrayView<float> dx, NormSizes s, int chunkLength)
    {
        var fours = s.C >> 2;
        var q = (Grid.IdxX * Group.DimX) + Group.IdxX;
        if (q >= fours)
        {
            return;
        }

        var channels = new NormFour(mean, rstd, gamma, beta, Grid.IdxZ * fours, q);
        var a = ReadOnlyMemory.Read(sumD.Cast<Float4>(), (Grid.IdxZ * fours) + q);
        var b = ReadOnlyMemory.Read(sumDXhat.Cast<Float4>(), (Grid.IdxZ * fours) + q);
        var share = 1f / s.Voxels;
        var values = Sample(x, s);
        var from = Sample(dy, s);
        var to = Sample(dx, s);
        var start = Grid.IdxY * chunkLength;
        var end = start + chunkLength < s.Voxels ? start + chunkLength : s.Voxels;
        for (var v = start + Group.IdxY; v < end; v += Group.DimY)
        {
            var at = (v * fours) + q;
            var value = values[at];
            var d = from[at];
            d.X = Element(d.X, value.X, channels.Mean.X, channels.Rstd.X, channels.Gamma.X, channels.Beta.X, a.X, b.X, share, s);
            d.Y = Element(d.Y, value.Y, channels.Mean.Y, channels.Rstd.Y, channels.Gamma.Y, channels.Beta.Y, a.Y, b.Y, share, s);
            d.Z = Element(d.Z, value.Z, channels.Mean.Z, channels.Rstd.Z, channels.Gamma.Z, channels.Beta.Z, a.Z, b.Z, share, s);
            d.W = Element(d.W, value.W, channels.Mean.W, channels.Rstd.W, channels.Gamma.W, channels.Beta.W, a.W, b.W, share, s);
            to[at] = d;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Element(
        float dy, float x, float mean, float rstd, float gamma, float beta, float sumD, float sumDXhat, float share, NormSizes s)
    {
        var xhat = (x - mean) * rstd;
        var d = NormElement.Slope(dy, xhat, gamma, beta, s.Slope);
        return s.Voxels == 1 ? 0f : gamma * rstd * NormElement.Centred(d, xhat, sumD, sumDXhat, share);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ArrayView<Float4> Sample(ArrayView<float> view, NormSizes s) =>
        view.SubView((long)Grid.IdxZ * s.Voxels * s.C, s.Voxels * s.C).AsAligned16().Cast<Float4>();
}
