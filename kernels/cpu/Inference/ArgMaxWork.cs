using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Inference;

/// <summary>Index of the highest channel per voxel; the lowest index wins ties. Scratch per worker:
/// <see cref="VoxelBlock.Length"/>.</summary>
internal readonly unsafe struct ArgMaxWork<TLanes, TVector>(
    float* x, int channels, float* y, long voxels, float* scratch, long scratchPerWorker)
    : IChunkedWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>Voxels per chunk.</summary>
    public const int Size = 1 << 13;

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
            for (var lane = 0; lane < count; lane += TLanes.Count)
            {
                TVector best = TLanes.Zero, value = TLanes.Load(rows + lane);
                for (var c = 1; c < channels; c++)
                {
                    var other = TLanes.Load(rows + (c * VoxelBlock.Size) + lane);
                    var above = TLanes.Subtract(other, value);
                    best = TLanes.SelectPositive(above, TLanes.Broadcast(c), best);
                    value = TLanes.SelectPositive(above, other, value);
                }

                TLanes.StoreFirst(y + i + lane, best, Math.Min(TLanes.Count, count - lane));
            }
        }
    }
}
