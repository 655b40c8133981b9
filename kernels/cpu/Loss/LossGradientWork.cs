using System.Runtime.CompilerServices;
using SharpSeg.Engine.Backends;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Loss;

/// <summary>
/// Second pass of Dice + cross-entropy. With g_c = m·(a_c·y_c + b_c) (a = −2/(N·D), b = (2I + s)/(N·D²), given per sample and
/// class, already times the loss weight): softmax dz_k = p_k(g_k − Σ_j p_j g_j) + e·m(p_k − y_k); regions dz = g·σ(1 − σ) + e·m(σ
/// − y).
/// </summary>
internal readonly unsafe struct LossGradientWork<TLanes, TVector>(
    LossProblem problem, float* logits, float* target, float* coefficients, float entropyScale, float* dlogits,
    float* scratch, long scratchPerWorker) : IChunkedWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int chunk, int worker)
    {
        int perSample = LossSumsWork<TLanes, TVector>.PerSample(problem), classes = problem.C, sample = chunk / perSample;
        const int Size = LossSumsWork<TLanes, TVector>.Size;
        long voxels = problem.Spatial.Voxels, start = (long)(chunk % perSample) * Size;
        long first = (sample * voxels) + start, last = first + Math.Min(Size, voxels - start);
        var block = new LossBlock<TLanes, TVector>(problem, logits, target, scratch + (worker * scratchPerWorker));
        var ab = coefficients + (sample * 2 * classes);
        for (var i = first; i < last; i += VoxelBlock.Size)
        {
            var count = (int)Math.Min(VoxelBlock.Size, last - i);
            block.Load(i, count, crossEntropy: false);
            for (var j = 0; j < VoxelBlock.Size; j += TLanes.Count)
            {
                if (problem.Regions)
                {
                    Regions(block.P + j, block.Y + j, TLanes.Load(block.Mask + j), ab);
                }
                else
                {
                    Softmax(block.P + j, block.Y + j, TLanes.Load(block.Mask + j), ab);
                }
            }

            VoxelBlock.Scatter(block.P, classes, count, dlogits + (i * classes));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Softmax(float* p, float* y, TVector mask, float* ab)
    {
        var mean = TLanes.Zero;
        for (var c = 0; c < problem.C; c++)
        {
            mean = TLanes.MultiplyAdd(TLanes.Load(p + (c * VoxelBlock.Size)), DiceGradient(y, mask, ab, c), mean);
        }

        var entropy = TLanes.Multiply(mask, TLanes.Broadcast(entropyScale));
        for (var c = 0; c < problem.C; c++)
        {
            var at = p + (c * VoxelBlock.Size);
            var pc = TLanes.Load(at);
            var dz = TLanes.Multiply(pc, TLanes.Subtract(DiceGradient(y, mask, ab, c), mean));
            TLanes.Store(at, TLanes.MultiplyAdd(entropy, TLanes.Subtract(pc, TLanes.Load(y + (c * VoxelBlock.Size))), dz));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Regions(float* p, float* y, TVector mask, float* ab)
    {
        var entropy = TLanes.Multiply(mask, TLanes.Broadcast(entropyScale));
        for (var c = 0; c < problem.C; c++)
        {
            var at = p + (c * VoxelBlock.Size);
            var pc = TLanes.Load(at);
            var slope = TLanes.Multiply(pc, TLanes.Subtract(TLanes.Broadcast(1f), pc));
            var dz = TLanes.Multiply(slope, DiceGradient(y, mask, ab, c));
            TLanes.Store(at, TLanes.MultiplyAdd(entropy, TLanes.Subtract(pc, TLanes.Load(y + (c * VoxelBlock.Size))), dz));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector DiceGradient(float* y, TVector mask, float* ab, int c) => TLanes.Multiply(
        mask,
        TLanes.MultiplyAdd(
            TLanes.Broadcast(ab[2 * c]), TLanes.Load(y + (c * VoxelBlock.Size)), TLanes.Broadcast(ab[(2 * c) + 1])));
}
