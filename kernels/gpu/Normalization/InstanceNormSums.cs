using ILGPU;
using ILGPU.Algorithms;
using ILGPU.Runtime;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Normalization;

/// <summary>
/// The sums of instance normalisation by groups: statistics forward, A = Σd and B = Σd·x̂ backward.
/// <para>Shapes: x, dy (n, z, y, x, c); mean, rstd, sumD, sumDXhat (n, c); partials (2, n, chunks, c).</para>
/// <para>Maths: each thread's mean and Σ(x − mean)² by <see cref="Welford"/>; parts of n_k elements with mean m_k and sum M_k,
/// threads and then chunks of voxels, are joined in order by mean = Σ n_k·m_k/Σ n_k, M = Σ (M_k + n_k·(m_k − mean)²). Never E[x²]
/// − E[x]².</para>
/// <para>Mapping: <see cref="ChannelGroups"/>, twice: over voxels, then over parts. Reads x once (backward: x and dy). Channel
/// counts that are multiples of four go by <see cref="VectorNormSums"/> where warps can exchange values.</para>
/// </summary>
internal sealed class InstanceNormSums(KernelList list)
{
    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        NormSizes, int>> chunkStatistics = new(
        list, ChunkStatistics,
        (ArrayView<float> x, ArrayView<float> means, ArrayView<float> squares) => KernelCost.Of([x], [means, squares]));

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        ArrayView<float>, NormSizes, NormParts>> joinStatistics = new(
        list, JoinStatistics,
        (ArrayView<float> means, ArrayView<float> squares, ArrayView<float> mean, ArrayView<float> rstd) =>
            KernelCost.Of([means, squares], [mean, rstd]));

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, NormSizes, int>>
        chunkGradientSums = new(
        list, ChunkGradientSums,
        (ArrayView<float> dy, ArrayView<float> x, ArrayView<float> sumsD, ArrayView<float> sumsDXhat) =>
            KernelCost.Of([dy, x], [sumsD, sumsDXhat]));

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        NormSizes, int>>[] vectorStatistics = list.Add<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>,
        ArrayView<float>, NormSizes, int>>(
            tensorCores: false,
            (ArrayView<float> x, ArrayView<float> means, ArrayView<float> squares) => KernelCost.Of([x], [means, squares]),
            VectorNormSums.ChunkStatisticsFloat32, VectorNormSums.ChunkStatisticsBf16,
            VectorNormSums.ChunkStatisticsFp16);

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, NormSizes, int>>[]
        vectorGradientSums = list.Add<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>,
        ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, NormSizes,
        int>>(
            tensorCores: false,
            (ArrayView<float> dy, ArrayView<float> x, ArrayView<float> sumsD, ArrayView<float> sumsDXhat) =>
                KernelCost.Of([dy, x], [sumsD, sumsDXhat]),
            VectorNormSums.ChunkGradientSumsFloat32, VectorNormSums.ChunkGradientSumsBf16,
            VectorNormSums.ChunkGradientSumsFp16);

    /// <summary>Elements of scratch memory that a launch needs.</summary>
    public static long PartialsLength(in NormSizes s) => 2L * s.N * ChannelGroups.Chunks(s.Voxels) * s.C;

    /// <summary>
    /// Whether there is a kernel that reads fours of channels, as only such kernels read elements of 16 bits.
    /// </summary>
    public bool IsVector(in NormSizes s) => s.IsVectorizable && WarpRows.CanRunOn(list.Accelerator);

    /// <summary>mean and rstd from x; <paramref name="kernel"/>: <see cref="Elements.IndexOf"/> of x.</summary>
    public void LaunchStatistics(
        AcceleratorStream stream, int kernel, in NormSizes s, ArrayView<float> x, ArrayView<float> partials,
        ArrayView<float> mean, ArrayView<float> rstd)
    {
        var length = ChannelGroups.ChunkLength(s.Voxels);
        var (first, second) = Halves(partials);
        if (IsVector(s))
        {
            vectorStatistics[kernel].Launch(stream, ChannelGroups.Over(s.C / 4, s.Voxels, s.N), x, first, second, s, length);
        }
        else
        {
            chunkStatistics.Launch(stream, ChannelGroups.Over(s.C, s.Voxels, s.N), x, first, second, s, length);
        }

        LaunchJoin(stream, s, new NormParts(s.Voxels), partials, mean, rstd);
    }

    /// <summary>mean and rstd from those of parts: (2, n, parts, c), mean and Σ(x − mean)² of each.</summary>
    public void LaunchJoin(
        AcceleratorStream stream, in NormSizes s, in NormParts parts, ArrayView<float> partials, ArrayView<float> mean,
        ArrayView<float> rstd)
    {
        var (means, squares) = Halves(partials);
        joinStatistics.Launch(stream, ChannelGroups.OverParts(s.C, s.N), means, squares, mean, rstd, s, parts);
    }

    /// <summary>
    /// The partial sums of d and of d·x̂, which <see cref="PartSum"/> adds; <paramref name="kernel"/> as above.
    /// </summary>
    public void LaunchGradientSums(
        AcceleratorStream stream, int kernel, in NormSizes s, ArrayView<float> dy, ArrayView<float> x, ArrayView<float> mean,
        ArrayView<float> rstd,
        ArrayView<float> gamma, ArrayView<float> beta, ArrayView<float> partials)
    {
        var (first, second) = Halves(partials);
        var length = ChannelGroups.ChunkLength(s.Voxels);
        if (IsVector(s))
        {
            vectorGradientSums[kernel].Launch(
                stream, ChannelGroups.Over(s.C / 4, s.Voxels, s.N), dy, x, mean, rstd, gamma, beta, first, second, s, length);
        }
        else
        {
            chunkGradientSums.Launch(
                stream, ChannelGroups.Over(s.C, s.Voxels, s.N), dy, x, mean, rstd, gamma, beta, first, second, s, length);
        }
    }

    private static (ArrayView<float> First, ArrayView<float> Second) Halves(ArrayView<float> partials) =>
        (partials.SubView(0, partials.Length / 2), partials.SubView(partials.Length / 2, partials.Length / 2));

    private static void ChunkStatistics(
        ArrayView<float> x, ArrayView<float> means, ArrayView<float> squares, NormSizes s, int chunkLength)
    {
        var shared = SharedMemory.Allocate<float>(ChannelGroups.Threads);
        var c = (Grid.IdxX * Group.DimX) + Group.IdxX;
        var inside = c < s.C; // no early return: every thread must reach the barriers
        var sample = x.SubView((long)Grid.IdxZ * s.Voxels * s.C, s.Voxels * s.C);
        var start = Grid.IdxY * chunkLength;
        var end = start + chunkLength < s.Voxels ? start + chunkLength : s.Voxels;
        var count = 0f;
        var mean = 0f;
        var square = 0f;
        for (var v = start + Group.IdxY; inside && v < end; v += Group.DimY)
        {
            count += 1f;
            Welford.Add(sample[(v * s.C) + c], 1f / count, ref mean, ref square);
        }

        var chunkMean = ChannelGroups.SumOverRows(shared, count * mean) / (end - start);
        square = ChannelGroups.SumOverRows(shared, square + (count * (mean - chunkMean) * (mean - chunkMean)));
        if (inside && Group.IdxY == 0)
        {
            var at = (((Grid.IdxZ * Grid.DimY) + Grid.IdxY) * s.C) + c;
            means[at] = chunkMean;
            squares[at] = square;
        }
    }

    private static void JoinStatistics(
        ArrayView<float> means, ArrayView<float> squares, ArrayView<float> mean, ArrayView<float> rstd, NormSizes s,
        NormParts parts)
    {
        var shared = SharedMemory.Allocate<float>(ChannelGroups.Threads);
        var c = (Grid.IdxX * Group.DimX) + Group.IdxX;
        var inside = c < s.C;
        var count = parts.Count;
        var first = (Grid.IdxZ * count * s.C) + c;
        var sum = 0f;
        for (var part = Group.IdxY; inside && part < count; part += Group.DimY)
        {
            sum += parts.Voxels(part) * means[first + (part * s.C)];
        }

        var average = ChannelGroups.SumOverRows(shared, sum) / s.Voxels;
        var square = 0f;
        for (var part = Group.IdxY; inside && part < count; part += Group.DimY)
        {
            var difference = means[first + (part * s.C)] - average;
            square += squares[first + (part * s.C)] + (parts.Voxels(part) * difference * difference);
        }

        square = ChannelGroups.SumOverRows(shared, square);
        if (inside && Group.IdxY == 0)
        {
            var at = (Grid.IdxZ * s.C) + c;
            mean[at] = average;
            rstd[at] = 1f / XMath.Sqrt((square / s.Voxels) + s.Epsilon);
        }
    }

    private static void ChunkGradientSums(
        ArrayView<float> dy, ArrayView<float> x, ArrayView<float> mean, ArrayView<float> rstd, ArrayView<float> gamma,
        ArrayView<float> beta,
        ArrayView<float> sumsD, ArrayView<float> sumsDXhat, NormSizes s, int chunkLength)
    {
        var shared = SharedMemory.Allocate<float>(ChannelGroups.Threads);
        var c = (Grid.IdxX * Group.DimX) + Group.IdxX;
        var inside = c < s.C;
        var offset = (long)Grid.IdxZ * s.Voxels * s.C;
        var values = x.SubView(offset, s.Voxels * s.C);
        var gradients = dy.SubView(offset, s.Voxels * s.C);
        var start = Grid.IdxY * chunkLength;
        var end = start + chunkLength < s.Voxels ? start + chunkLength : s.Voxels;
        var a = 0f;
        var b = 0f;
        if (inside)
        {
            var average = mean[(Grid.IdxZ * s.C) + c];
            var inverse = rstd[(Grid.IdxZ * s.C) + c];
            var scale = gamma[c];
            var shift = beta[c];
            for (var v = start + Group.IdxY; v < end; v += Group.DimY)
            {
                var xhat = (values[(v * s.C) + c] - average) * inverse;
                var d = NormElement.Slope(gradients[(v * s.C) + c], xhat, scale, shift, s.Slope);
                a += d;
                b += d * xhat;
            }
        }

        a = ChannelGroups.SumOverRows(shared, a);
        b = ChannelGroups.SumOverRows(shared, b);
        if (inside && Group.IdxY == 0)
        {
            var at = (((Grid.IdxZ * Grid.DimY) + Grid.IdxY) * s.C) + c;
            sumsD[at] = a;
            sumsDXhat[at] = b;
        }
    }
}
