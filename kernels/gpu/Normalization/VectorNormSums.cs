using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Kernels.Gpu.Convolution;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Normalization;

/// <summary>
/// The per-chunk sums of <see cref="InstanceNormSums"/> with sixteen-byte loads: a lane is four channels, and rows are added by
/// <see cref="WarpRows"/>. At 32 channels a warp reads four neighbouring voxels, 512 bytes, at once.
/// <para>Shapes and maths: there. Channel counts are multiples of four; activations are float32 or of 16 bits, which are read by
/// eight bytes.</para>
/// </summary>
internal static class VectorNormSums
{
    /// <summary>Mean and Σ(x − mean)² of a chunk of float32.</summary>
    internal static void ChunkStatisticsFloat32(
        ArrayView<float> x, ArrayView<float> means, ArrayView<float> squares, NormSizes s, int chunkLength) =>
        ChunkStatistics(x, means, squares, s, chunkLength, TileWords.Float32);

    /// <summary>Mean and Σ(x − mean)² of a chunk of bfloat16.</summary>
    internal static void ChunkStatisticsBf16(
        ArrayView<float> x, ArrayView<float> means, ArrayView<float> squares, NormSizes s, int chunkLength) =>
        ChunkStatistics(x, means, squares, s, chunkLength, TileWords.Bf16);

    /// <summary>Mean and Σ(x − mean)² of a chunk of float16.</summary>
    internal static void ChunkStatisticsFp16(
        ArrayView<float> x, ArrayView<float> means, ArrayView<float> squares, NormSizes s, int chunkLength) =>
        ChunkStatistics(x, means, squares, s, chunkLength, TileWords.Fp16);

    /// <summary>Σd and Σd·x̂ of a chunk of float32.</summary>
    internal static void ChunkGradientSumsFloat32(
        ArrayView<float> dy, ArrayView<float> x, ArrayView<float> mean, ArrayView<float> rstd, ArrayView<float> gamma,
        ArrayView<float> beta, ArrayView<float> sumsD, ArrayView<float> sumsDXhat, NormSizes s, int chunkLength) =>
        ChunkGradientSums(dy, x, mean, rstd, gamma, beta, sumsD, sumsDXhat, s, chunkLength, TileWords.Float32);

    /// <summary>Σd and Σd·x̂ of a chunk of bfloat16.</summary>
    internal static void ChunkGradientSumsBf16(
        ArrayView<float> dy, ArrayView<float> x, ArrayView<float> mean, ArrayView<float> rstd, ArrayView<float> gamma,
        ArrayView<float> beta, ArrayView<float> sumsD, ArrayView<float> sumsDXhat, NormSizes s, int chunkLength) =>
        ChunkGradientSums(dy, x, mean, rstd, gamma, beta, sumsD, sumsDXhat, s, chunkLength, TileWords.Bf16);

    /// <summary>Σd and Σd·x̂ of a chunk of float16.</summary>
    internal static void ChunkGradientSumsFp16(
        ArrayView<float> dy, ArrayView<float> x, ArrayView<float> mean, ArrayView<float> rstd, ArrayView<float> gamma,
        ArrayView<float> beta, ArrayView<float> sumsD, ArrayView<float> sumsDXhat, NormSizes s, int chunkLength) =>
        ChunkGradientSums(dy, x, mean, rstd, gamma, beta, sumsD, sumsDXhat, s, chunkLength, TileWords.Fp16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void ChunkStatistics(
        ArrayView<float> x, ArrayView<float> means, ArrayView<float> squares, NormSizes s, int chunkLength, int format)
    {
        var shared = SharedMemory.Allocate<Float4>(WarpRows.SharedLength);
        var fours = s.C >> 2;
        var q = (Grid.IdxX * Group.DimX) + Group.IdxX;
        var inside = q < fours; // no early return: every thread must reach the barriers
        var sample = s.Sample(x, format);
        var start = Grid.IdxY * chunkLength;
        var end = start + chunkLength < s.Voxels ? start + chunkLength : s.Voxels;
        var count = 0f;
        var mean = default(Float4);
        var square = default(Float4);
        for (var v = start + Group.IdxY; inside && v < end; v += Group.DimY)
        {
            var value = Read(sample, (v * fours) + q, format);
            count += 1f;
            var share = 1f / count;
            Welford.Add(value.X, share, ref mean.X, ref square.X);
            Welford.Add(value.Y, share, ref mean.Y, ref square.Y);
            Welford.Add(value.Z, share, ref mean.Z, ref square.Z);
            Welford.Add(value.W, share, ref mean.W, ref square.W);
        }

        var chunkMean = Float4.Scaled(WarpRows.Sum(shared, Float4.Scaled(mean, count)), 1f / (end - start));
        square.X += count * (mean.X - chunkMean.X) * (mean.X - chunkMean.X);
        square.Y += count * (mean.Y - chunkMean.Y) * (mean.Y - chunkMean.Y);
        square.Z += count * (mean.Z - chunkMean.Z) * (mean.Z - chunkMean.Z);
        square.W += count * (mean.W - chunkMean.W) * (mean.W - chunkMean.W);
        square = WarpRows.Sum(shared, square);
        if (inside && Group.IdxY == 0)
        {
            var at = (((Grid.IdxZ * Grid.DimY) + Grid.IdxY) * fours) + q;
            means.AsAligned16().Cast<Float4>()[at] = chunkMean;
            squares.AsAligned16().Cast<Float4>()[at] = square;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void ChunkGradientSums(
        ArrayView<float> dy, ArrayView<float> x, ArrayView<float> mean, ArrayView<float> rstd, ArrayView<float> gamma,
        ArrayView<float> beta, ArrayView<float> sumsD, ArrayView<float> sumsDXhat, NormSizes s, int chunkLength, int format)
    {
        var shared = SharedMemory.Allocate<Float4>(WarpRows.SharedLength);
        var fours = s.C >> 2;
        var q = (Grid.IdxX * Group.DimX) + Group.IdxX;
        var inside = q < fours;
        var values = s.Sample(x, format);
        var gradients = s.Sample(dy, format);
        var start = Grid.IdxY * chunkLength;
        var end = start + chunkLength < s.Voxels ? start + chunkLength : s.Voxels;
        var a = default(Float4);
        var b = default(Float4);
        if (inside)
        {
            var channels = new NormFour(mean, rstd, gamma, beta, Grid.IdxZ * fours, q);
            for (var v = start + Group.IdxY; v < end; v += Group.DimY)
            {
                var value = Read(values, (v * fours) + q, format);
                var d = Read(gradients, (v * fours) + q, format);
                Add(d.X, value.X, channels.Mean.X, channels.Rstd.X, channels.Gamma.X, channels.Beta.X, s.Slope, ref a.X, ref b.X);
                Add(d.Y, value.Y, channels.Mean.Y, channels.Rstd.Y, channels.Gamma.Y, channels.Beta.Y, s.Slope, ref a.Y, ref b.Y);
                Add(d.Z, value.Z, channels.Mean.Z, channels.Rstd.Z, channels.Gamma.Z, channels.Beta.Z, s.Slope, ref a.Z, ref b.Z);
                Add(d.W, value.W, channels.Mean.W, channels.Rstd.W, channels.Gamma.W, channels.Beta.W, s.Slope, ref a.W, ref b.W);
            }
        }

        a = WarpRows.Sum(shared, a);
        b = WarpRows.Sum(shared, b);
        if (inside && Group.IdxY == 0)
        {
            var at = (((Grid.IdxZ * Grid.DimY) + Grid.IdxY) * fours) + q;
            sumsD.AsAligned16().Cast<Float4>()[at] = a;
            sumsDXhat.AsAligned16().Cast<Float4>()[at] = b;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(
        float dy, float x, float mean, float rstd, float gamma, float beta, float slope, ref float sumD, ref float sumDXhat)
    {
        var xhat = (x - mean) * rstd;
        var d = NormElement.Slope(dy, xhat, gamma, beta, slope);
        sumD += d;
        sumDXhat += d * xhat;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Float4 Read(ArrayView<float> sample, int quad, int format) => format == TileWords.Float32
        ? ReadOnlyMemory.Read(sample.Cast<Float4>(), quad)
        : Elements.Four(sample, quad, format);
}
