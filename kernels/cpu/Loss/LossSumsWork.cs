using System.Runtime.CompilerServices;
using SharpSeg.Engine.Backends;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Loss;

/// <summary>
/// First pass of Dice + cross-entropy: per chunk of voxels of one sample, in float64: I = Σ m·p·y, P = Σ m·p, G = Σ m·y per
/// class, then the cross-entropy and the number of valid voxels. The caller adds the chunks in order.
/// </summary>
internal readonly unsafe struct LossSumsWork<TLanes, TVector>(
    LossProblem problem, float* logits, float* target, double* partial, float* scratch, long scratchPerWorker) : IChunkedWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>Voxels per chunk.</summary>
    public const int Size = 1 << 12;

    /// <summary>Chunks per sample.</summary>
    public static int PerSample(in LossProblem p) => checked((int)((p.Spatial.Voxels + Size - 1) / Size));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int chunk, int worker)
    {
        int perSample = PerSample(problem), classes = problem.C;
        long voxels = problem.Spatial.Voxels, start = (long)(chunk % perSample) * Size;
        long first = (chunk / perSample * voxels) + start, last = first + Math.Min(Size, voxels - start);
        var sums = partial + ((long)chunk * ((3 * classes) + 2));
        new Span<double>(sums, (3 * classes) + 2).Clear();
        var block = new LossBlock<TLanes, TVector>(problem, logits, target, scratch + (worker * scratchPerWorker));
        float* m = block.Mask;
        for (var i = first; i < last; i += VoxelBlock.Size)
        {
            sums[3 * classes] += block.Load(i, (int)Math.Min(VoxelBlock.Size, last - i), crossEntropy: true);
            for (var c = 0; c < classes; c++)
            {
                float* p = block.P + (c * VoxelBlock.Size), y = block.Y + (c * VoxelBlock.Size);
                TVector overlap = TLanes.Zero, predicted = TLanes.Zero, truth = TLanes.Zero;
                for (var j = 0; j < VoxelBlock.Size; j += TLanes.Count)
                {
                    var mask = TLanes.Load(m + j);
                    var mp = TLanes.Multiply(mask, TLanes.Load(p + j));
                    overlap = TLanes.MultiplyAdd(mp, TLanes.Load(y + j), overlap);
                    predicted = TLanes.Add(predicted, mp);
                    truth = TLanes.MultiplyAdd(mask, TLanes.Load(y + j), truth);
                }

                sums[3 * c] += TLanes.Sum(overlap);
                sums[(3 * c) + 1] += TLanes.Sum(predicted);
                sums[(3 * c) + 2] += TLanes.Sum(truth);
            }

            var valid = TLanes.Zero;
            for (var j = 0; j < VoxelBlock.Size; j += TLanes.Count)
            {
                valid = TLanes.Add(valid, TLanes.Load(m + j));
            }

            sums[(3 * classes) + 1] += TLanes.Sum(valid);
        }
    }
}
