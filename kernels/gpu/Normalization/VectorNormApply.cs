using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Kernels.Gpu.Convolution;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Normalization;

/// <summary>
/// The element-wise halves of instance normalisation + leaky ReLU with sixteen-byte accesses: a thread keeps what belongs to its
/// four channels in registers and walks over the voxels of a chunk.
/// <para>Shapes, maths: <see cref="InstanceNormApply"/>; channel counts are multiples of four. Mapping:
/// <see cref="ChannelGroups"/> over fours of channels. Bound by memory. y may be x and dx may be dy: a thread reads its elements
/// before it writes them. Activations are float32 or of 16 bits (<see cref="Elements"/>), sums are float32.</para>
/// </summary>
internal sealed class VectorNormApply(KernelList list)
{
    private readonly GpuKernel<ApplyLauncher>[] apply =
    [
        .. list.Add<ApplyLauncher>(tensorCores: false, CostOfApply, ApplyFloat32),
        .. list.Add<ApplyLauncher>(tensorCores: true, CostOfApply, ApplyBf16, ApplyFp16),
    ];

    private readonly GpuKernel<GradientLauncher>[] gradient =
    [
        .. list.Add<GradientLauncher>(tensorCores: false, CostOfGradient, GradientFloat32),
        .. list.Add<GradientLauncher>(tensorCores: true, CostOfGradient, GradientBf16, GradientFp16),
    ];

    private delegate void ApplyLauncher(
        AcceleratorStream stream, KernelConfig config, ArrayView<float> x, ArrayView<float> mean, ArrayView<float> rstd,
        ArrayView<float> gamma, ArrayView<float> beta, ArrayView<float> y, NormSizes s, int chunkLength);

    private delegate void GradientLauncher(
        AcceleratorStream stream, KernelConfig config, ArrayView<float> dy, ArrayView<float> x, ArrayView<float> mean,
        ArrayView<float> rstd, ArrayView<float> gamma, ArrayView<float> beta, ArrayView<float> sumD, ArrayView<float> sumDXhat,
        ArrayView<float> dx, NormSizes s, int chunkLength);

    /// <summary>y from x; <paramref name="kernel"/>: place of their elements (<see cref="Elements.IndexOf"/>).</summary>
    public void LaunchApply(
        AcceleratorStream stream, int kernel, in NormSizes s, ArrayView<float> x, ArrayView<float> mean, ArrayView<float> rstd,
        ArrayView<float> gamma, ArrayView<float> beta, ArrayView<float> y) =>
        apply[kernel].Launch(
            stream, ChannelGroups.Over(s.C / 4, s.Voxels, s.N), x, mean, rstd, gamma, beta, y, s,
            ChannelGroups.ChunkLength(s.Voxels));

    /// <summary>dx from dy and the sums; <paramref name="kernel"/> as above.</summary>
    public void LaunchGradient(
        AcceleratorStream stream, int kernel, in NormSizes s, ArrayView<float> dy, ArrayView<float> x, ArrayView<float> mean,
        ArrayView<float> rstd, ArrayView<float> gamma, ArrayView<float> beta, ArrayView<float> sumD, ArrayView<float> sumDXhat,
        ArrayView<float> dx) =>
        gradient[kernel].Launch(
            stream, ChannelGroups.Over(s.C / 4, s.Voxels, s.N), dy, x, mean, rstd, gamma, beta, sumD, sumDXhat, dx, s,
            ChannelGroups.ChunkLength(s.Voxels));

    private static KernelCost CostOfApply(ArrayView<float> x, ArrayView<float> y) => KernelCost.Of([x], [y]);

    private static KernelCost CostOfGradient(ArrayView<float> dy, ArrayView<float> x, ArrayView<float> dx) =>
        KernelCost.Of([dy, x], [dx]);

    private static void ApplyFloat32(
        ArrayView<float> x, ArrayView<float> mean, ArrayView<float> rstd, ArrayView<float> gamma, ArrayView<float> beta,
        ArrayView<float> y, NormSizes s, int chunkLength) =>
        Apply(x, mean, rstd, gamma, beta, y, s, chunkLength, TileWords.Float32);

    private static void ApplyBf16(
        ArrayView<float> x, ArrayView<float> mean, ArrayView<float> rstd, ArrayView<float> gamma, ArrayView<float> beta,
        ArrayView<float> y, NormSizes s, int chunkLength) =>
        Apply(x, mean, rstd, gamma, beta, y, s, chunkLength, TileWords.Bf16);

    private static void ApplyFp16(
        ArrayView<float> x, ArrayView<float> mean, ArrayView<float> rstd, ArrayView<float> gamma, ArrayView<float> beta,
        ArrayView<float> y, NormSizes s, int chunkLength) =>
        Apply(x, mean, rstd, gamma, beta, y, s, chunkLength, TileWords.Fp16);

    private static void GradientFloat32(
        ArrayView<float> dy, ArrayView<float> x, ArrayView<float> mean, ArrayView<float> rstd, ArrayView<float> gamma,
        ArrayView<float> beta, ArrayView<float> sumD, ArrayView<float> sumDXhat, ArrayView<float> dx, NormSizes s,
        int chunkLength) =>
        Gradient(dy, x, mean, rstd, gamma, beta, sumD, sumDXhat, dx, s, chunkLength, TileWords.Float32);

    private static void GradientBf16(
        ArrayView<float> dy, ArrayView<float> x, ArrayView<float> mean, ArrayView<float> rstd, ArrayView<float> gamma,
        ArrayView<float> beta, ArrayView<float> sumD, ArrayView<float> sumDXhat, ArrayView<float> dx, NormSizes s,
        int chunkLength) =>
        Gradient(dy, x, mean, rstd, gamma, beta, sumD, sumDXhat, dx, s, chunkLength, TileWords.Bf16);

    private static void GradientFp16(
        ArrayView<float> dy, ArrayView<float> x, ArrayView<float> mean, ArrayView<float> rstd, ArrayView<float> gamma,
        ArrayView<float> beta, ArrayView<float> sumD, ArrayView<float> sumDXhat, ArrayView<float> dx, NormSizes s,
        int chunkLength) =>
        Gradient(dy, x, mean, rstd, gamma, beta, sumD, sumDXhat, dx, s, chunkLength, TileWords.Fp16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Apply(
        ArrayView<float> x, ArrayView<float> mean, ArrayView<float> rstd, ArrayView<float> gamma, ArrayView<float> beta,
        ArrayView<float> y, NormSizes s, int chunkLength, int format)
    {
        var fours = s.C >> 2;
        var q = (Grid.IdxX * Group.DimX) + Group.IdxX;
        if (q >= fours)
        {
            return;
        }

        var channels = new NormFour(mean, rstd, gamma, beta, Grid.IdxZ * fours, q);
        var from = s.Sample(x, format);
        var to = s.Sample(y, format);
        var start = Grid.IdxY * chunkLength;
        var end = start + chunkLength < s.Voxels ? start + chunkLength : s.Voxels;
        for (var v = start + Group.IdxY; v < end; v += Group.DimY)
        {
            var value = Read(from, (v * fours) + q, format);
            value.X = NormElement.Output(value.X, channels.Mean.X, channels.Rstd.X, channels.Gamma.X, channels.Beta.X, s.Slope);
            value.Y = NormElement.Output(value.Y, channels.Mean.Y, channels.Rstd.Y, channels.Gamma.Y, channels.Beta.Y, s.Slope);
            value.Z = NormElement.Output(value.Z, channels.Mean.Z, channels.Rstd.Z, channels.Gamma.Z, channels.Beta.Z, s.Slope);
            value.W = NormElement.Output(value.W, channels.Mean.W, channels.Rstd.W, channels.Gamma.W, channels.Beta.W, s.Slope);
            Write(to, (v * fours) + q, value, format);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Gradient(
        ArrayView<float> dy, ArrayView<float> x, ArrayView<float> mean, ArrayView<float> rstd, ArrayView<float> gamma,
        ArrayView<float> beta, ArrayView<float> sumD, ArrayView<float> sumDXhat, ArrayView<float> dx, NormSizes s,
        int chunkLength, int format)
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
        var values = s.Sample(x, format);
        var from = s.Sample(dy, format);
        var to = s.Sample(dx, format);
        var start = Grid.IdxY * chunkLength;
        var end = start + chunkLength < s.Voxels ? start + chunkLength : s.Voxels;
        for (var v = start + Group.IdxY; v < end; v += Group.DimY)
        {
            var at = (v * fours) + q;
            var value = Read(values, at, format);
            var d = Read(from, at, format);
            d.X = Element(d.X, value.X, channels.Mean.X, channels.Rstd.X, channels.Gamma.X, channels.Beta.X, a.X, b.X, share, s);
            d.Y = Element(d.Y, value.Y, channels.Mean.Y, channels.Rstd.Y, channels.Gamma.Y, channels.Beta.Y, a.Y, b.Y, share, s);
            d.Z = Element(d.Z, value.Z, channels.Mean.Z, channels.Rstd.Z, channels.Gamma.Z, channels.Beta.Z, a.Z, b.Z, share, s);
            d.W = Element(d.W, value.W, channels.Mean.W, channels.Rstd.W, channels.Gamma.W, channels.Beta.W, a.W, b.W, share, s);
            Write(to, at, d, format);
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
    private static Float4 Read(ArrayView<float> sample, int quad, int format) => format == TileWords.Float32
        ? sample.AsAligned16().Cast<Float4>()[quad]
        : Elements.Four(GlobalMemory.Read(sample.Cast<Float2>(), quad), format);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Write(ArrayView<float> sample, int quad, Float4 value, int format)
    {
        if (format == TileWords.Float32)
        {
            sample.AsAligned16().Cast<Float4>()[quad] = value;
        }
        else
        {
            GlobalMemory.Write(sample.Cast<Float2>(), quad, Elements.Words(value, format));
        }
    }
}
