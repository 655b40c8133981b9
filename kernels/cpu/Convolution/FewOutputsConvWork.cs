using System.Runtime.CompilerServices;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Convolution;

/// <summary>
/// 1×1×1 convolution to a few output channels, as a network's head computes its classes: a tile of the direct convolution would
/// multiply 2·lanes outputs to store three. Some voxels at a time are transposed to rows of one channel each, so that the lanes
/// hold voxels and no product is left unused; then reading the input from memory is what takes the time.
/// </summary>
internal unsafe struct FewOutputsConvWork<TLanes, TVector> : IScratchWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    private const int BlocksPerChunk = 32;

    private TapProblem p;
    private float* w;
    private nint inputPitch;
    private nint outputPitch;
    private float* bias;
    private bool accumulate;
    private float* rows;

    /// <summary>Number of chunks.</summary>
    public readonly int Chunks => checked((int)((Voxels + ChunkVoxels - 1) / ChunkVoxels));

    /// <summary>Floats of scratch memory per worker: rows of all inputs and all outputs.</summary>
    public readonly long ScratchPerWorker => VoxelBlock.Length(p.C) + (2 * VoxelBlock.Length(p.Cout));

    private static int ChunkVoxels => BlocksPerChunk * VoxelBlock.Size;

    private readonly long Voxels => p.N * p.Grid.Voxels;

    /// <summary>
    /// Whether a problem has this form, and at most half a tile of outputs: from there on the direct convolution's tiles are
    /// filled well enough.
    /// </summary>
    public static bool Fits(in TapProblem p) =>
        p.Cout <= TLanes.Count && p.C2 == 0 && p.Window == Extent.One && p.Step == Extent.One && p.First == default
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
    public void UseScratch(float* memory) => rows = memory;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int chunk, int worker)
    {
        var inputs = rows + (worker * ScratchPerWorker);
        float* outputs = inputs + VoxelBlock.Length(p.C), before = outputs + VoxelBlock.Length(p.Cout);
        var first = (long)chunk * ChunkVoxels;
        var last = Math.Min(first + ChunkVoxels, Voxels);
        for (; first < last; first += VoxelBlock.Size)
        {
            var count = (int)Math.Min(VoxelBlock.Size, last - first);
            var target = p.Y + (first * p.Cout);
            VoxelBlock.Gather(p.X + (first * p.C), p.C, count, inputs);
            for (var q = 0; q < p.Cout; q += 2)
            {
                for (var i = 0; i < VoxelBlock.Size; i += 4 * TLanes.Count)
                {
                    Two(inputs + i, q, Math.Min(q + 1, p.Cout - 1), outputs + i);
                }
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

    /// <summary>Two output channels (the last one twice, if they are odd in number) of 4·lanes voxels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly void Two(float* x, int first, int second, float* outputs)
    {
        int lanes = TLanes.Count, pitch = VoxelBlock.Size;
        float* w0 = w + (first * outputPitch), w1 = w + (second * outputPitch);
        var a0 = bias is null ? TLanes.Zero : TLanes.Broadcast(bias[first]);
        var b0 = bias is null ? TLanes.Zero : TLanes.Broadcast(bias[second]);
        TVector a1 = a0, a2 = a0, a3 = a0, b1 = b0, b2 = b0, b3 = b0;
        for (var c = 0; c < p.C; c++, x += pitch, w0 += inputPitch, w1 += inputPitch)
        {
            TVector u = TLanes.Broadcast(*w0), v = TLanes.Broadcast(*w1);
            var x0 = TLanes.Load(x);
            a0 = TLanes.MultiplyAdd(x0, u, a0);
            b0 = TLanes.MultiplyAdd(x0, v, b0);
            var x1 = TLanes.Load(x + lanes);
            a1 = TLanes.MultiplyAdd(x1, u, a1);
            b1 = TLanes.MultiplyAdd(x1, v, b1);
            var x2 = TLanes.Load(x + (2 * lanes));
            a2 = TLanes.MultiplyAdd(x2, u, a2);
            b2 = TLanes.MultiplyAdd(x2, v, b2);
            var x3 = TLanes.Load(x + (3 * lanes));
            a3 = TLanes.MultiplyAdd(x3, u, a3);
            b3 = TLanes.MultiplyAdd(x3, v, b3);
        }

        Put(outputs + (first * pitch), a0, a1, a2, a3);
        Put(outputs + (second * pitch), b0, b1, b2, b3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(float* target, TVector a, TVector b, TVector c, TVector d)
    {
        TLanes.Store(target, a);
        TLanes.Store(target + TLanes.Count, b);
        TLanes.Store(target + (2 * TLanes.Count), c);
        TLanes.Store(target + (3 * TLanes.Count), d);
    }
}
