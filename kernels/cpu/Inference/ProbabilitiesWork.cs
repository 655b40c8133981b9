using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Cpu.Loss;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Inference;

/// <summary>
/// Softmax over channels, or sigmoid per channel. y may be x. Scratch per worker: <see cref="VoxelBlock.Length"/>.
/// </summary>
internal readonly unsafe struct ProbabilitiesWork<TLanes, TVector>(
    float* x, int channels, bool sigmoid, float* y, long voxels, float* scratch, long scratchPerWorker) : IChunkedWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>Voxels per chunk.</summary>
    public const int Size = 1 << 12;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int chunk, int worker)
    {
        var first = (long)chunk * Size;
        var last = Math.Min(voxels, first + Size);
        var rows = scratch + (worker * scratchPerWorker);
        for (var i = first; i < last; i += VoxelBlock.Size)
        {
            var count = (int)Math.Min(VoxelBlock.Size, last - i);
            VoxelBlock.Gather(x + (i * channels), channels, count, rows);
            if (sigmoid)
            {
                ChannelProbabilities<TLanes, TVector>.Sigmoid(rows, channels);
            }
            else
            {
                ChannelProbabilities<TLanes, TVector>.Softmax(rows, channels, null);
            }

            VoxelBlock.Scatter(rows, channels, count, y + (i * channels));
        }
    }
}
