using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Convolution;

/// <summary>
/// 1×1×1 convolution to a few output channels, as a network's head computes its classes: a tile of the direct convolution would
/// multiply 2·lanes outputs to store three. Here the lanes hold input channels, as they lie in memory; the sums of four voxels'
/// lanes are added together. Few instructions are left, so the next voxels are prefetched meanwhile.
/// </summary>
internal unsafe struct FewOutputsConvWork<TLanes, TVector> : IScratchWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    private const int BlocksPerChunk = 32;
    private const int VoxelsAtOnce = 4;

    /// <summary>Instructions that add up an output's lanes and store it.</summary>
    private const int PerOutput = 7;

    private TapProblem p;
    private float* w;
    private nint inputPitch;
    private nint outputPitch;
    private float* bias;
    private bool accumulate;
    private float* scratch;

    /// <summary>Number of chunks.</summary>
    public readonly int Chunks => checked((int)((Voxels + ChunkVoxels - 1) / ChunkVoxels));

    /// <summary>Floats of scratch memory per worker: rows of outputs, before and after, and the weights.</summary>
    public readonly long ScratchPerWorker => (2 * VoxelBlock.Length(p.Cout)) + ((long)p.Cout * p.C);

    private static int ChunkVoxels => BlocksPerChunk * VoxelBlock.Size;

    private readonly long Voxels => p.N * p.Grid.Voxels;

    /// <summary>
    /// Whether a problem has this form, input channels that fill whole vectors, and so few outputs that adding lanes takes fewer
    /// instructions than the direct convolution's tiles.
    /// </summary>
    public static bool Fits(in TapProblem p) =>
        p.C % TLanes.Count == 0 && p.Cout * ((p.C / TLanes.Count) + PerOutput) <= 2 * p.C
            && p.C2 == 0 && p.Window == Extent.One && p.Step == Extent.One && p.First == default
            && p.OutputStep == Extent.One && p.OutputFirst == default && p.Grid == p.Input && p.Grid == p.Output;

    /// <summary>Takes the weights as they lie in the tensor.</summary>
    public static FewOutputsConvWork<TLanes, TVector> Plan(
        in TapProblem problem, in PackWeightsWork<TLanes, TVector> weights, float* bias, bool accumulate) => new()
        {
            p = problem,
            w = weights.W + (weights.Transposed ? (long)weights.RowFirst * weights.Columns : 0),
            inputPitch = weights.Transposed ? 1 : weights.Columns,
            outputPitch = weights.Transposed ? weights.Columns : 1,
            bias = bias,
            accumulate = accumulate,
        };

    /// <summary>Sets the scratch memory: <see cref="ScratchPerWorker"/> floats for each worker.</summary>
    public void UseScratch(float* memory) => scratch = memory;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int chunk, int worker)
    {
        var outputs = scratch + (worker * ScratchPerWorker);
        float* before = outputs + VoxelBlock.Length(p.Cout), matrix = before + VoxelBlock.Length(p.Cout);
        for (var q = 0; q < p.Cout; q++)
        {
            for (var c = 0; c < p.C; c++)
            {
                matrix[(q * p.C) + c] = w[(q * outputPitch) + (c * inputPitch)];
            }
        }

        var first = (long)chunk * ChunkVoxels;
        var last = Math.Min(first + ChunkVoxels, Voxels);
        for (; first < last; first += VoxelBlock.Size)
        {
            var count = (int)Math.Min(VoxelBlock.Size, last - first);
            var target = p.Y + (first * p.Cout);
            for (var voxel = 0; voxel < count; voxel += VoxelsAtOnce)
            {
                Four(p.X + ((first + voxel) * p.C), Math.Min(VoxelsAtOnce, count - voxel) - 1, matrix, outputs + voxel);
            }

            if (accumulate)
            {
                VoxelBlock.Gather(target, p.Cout, count, before);
                for (var i = 0; i < p.Cout * VoxelBlock.Size; i += TLanes.Count)
                {
                    TLanes.Store(outputs + i, TLanes.Add(TLanes.Load(outputs + i), TLanes.Load(before + i)));
                }
            }

            VoxelBlock.Scatter(outputs, p.Cout, count, target);
        }
    }

    /// <summary>All outputs of four voxels; of fewer, voxel <paramref name="last"/> stands in for those behind it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly void Four(float* x, int last, float* matrix, float* outputs)
    {
        int channels = p.C, lanes = TLanes.Count;
        CacheHint.Fetch(x + (VoxelBlock.Size * channels), VoxelsAtOnce * channels);
        float* x1 = x + (Math.Min(1, last) * channels), x2 = x + (Math.Min(2, last) * channels), x3 = x + (last * channels);
        for (var q = 0; q < p.Cout; q++, outputs += VoxelBlock.Size)
        {
            TVector a = TLanes.Zero, b = a, c = a, d = a;
            for (var i = 0; i < channels; i += lanes, matrix += lanes)
            {
                var u = TLanes.Load(matrix);
                a = TLanes.MultiplyAdd(TLanes.Load(x + i), u, a);
                b = TLanes.MultiplyAdd(TLanes.Load(x1 + i), u, b);
                c = TLanes.MultiplyAdd(TLanes.Load(x2 + i), u, c);
                d = TLanes.MultiplyAdd(TLanes.Load(x3 + i), u, d);
            }

            (TLanes.Sums(a, b, c, d) + Vector128.Create(bias is null ? 0 : bias[q])).Store(outputs);
        }
    }
}
