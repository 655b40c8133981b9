using System.Runtime.CompilerServices;
using SharpSeg.Engine.Backends;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Loss;

/// <summary>
/// Logits of partly labelled samples as the loss sees them (Backend.MergeUnlabelled), or, given the gradient of those, the one of
/// the logits. Scratch per worker: <see cref="ScratchLength"/>.
/// </summary>
internal readonly unsafe struct MergeUnlabelledWork<TLanes, TVector>(
    float* logits, float* unlabelled, bool regions, int classes, long voxels, float* dmerged, float* result, float* scratch,
    long scratchPerWorker) : IChunkedWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>Voxels per chunk.</summary>
    private const int Size = 1 << 13;

    /// <summary>Chunks per sample.</summary>
    public static int PerSample(long voxels) => checked((int)((voxels + Size - 1) / Size));

    /// <summary>Floats of scratch memory per worker: rows of logits and of gradients.</summary>
    public static long ScratchLength(int classes) => 2 * VoxelBlock.Length(classes);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int chunk, int worker)
    {
        int perSample = PerSample(voxels), sample = chunk / perSample;
        long start = (long)(chunk % perSample) * Size, first = (sample * voxels) + start;
        var last = first + Math.Min(Size, voxels - start);
        var rows = scratch + (worker * scratchPerWorker);
        var gradients = rows + VoxelBlock.Length(classes);
        var marks = unlabelled + ((long)sample * classes);
        for (var i = first; i < last; i += VoxelBlock.Size)
        {
            var count = (int)Math.Min(VoxelBlock.Size, last - i);
            VoxelBlock.Gather(logits + (i * classes), classes, count, rows);
            if (dmerged is not null)
            {
                VoxelBlock.Gather(dmerged + (i * classes), classes, count, gradients);
            }

            for (var j = 0; j < VoxelBlock.Size; j += TLanes.Count)
            {
                Merge(rows + j, gradients + j, marks);
            }

            VoxelBlock.Scatter(dmerged is null ? rows : gradients, classes, count, result + (i * classes));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Merge(float* z, float* d, float* marks)
    {
        var background = regions ? TLanes.Zero : LogOfMerged(z, marks);
        var slope = TLanes.Load(d);
        for (var c = 0; c < classes; c++)
        {
            var at = c * VoxelBlock.Size;
            var isBackground = c == 0 && !regions;
            if (!isBackground && marks[c] == 0f)
            {
                continue;
            }

            if (dmerged is null)
            {
                TLanes.Store(z + at, isBackground ? background : TLanes.Broadcast(Backend.Impossible));
            }
            else
            {
                var share = VectorMath<TLanes, TVector>.Exp(TLanes.Subtract(TLanes.Load(z + at), background));
                TLanes.Store(d + at, regions ? TLanes.Zero : TLanes.Multiply(slope, share));
            }
        }
    }

    /// <summary>log(exp z_0 + Σ exp z_k) over the classes that are not labelled.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private TVector LogOfMerged(float* z, float* marks)
    {
        var highest = TLanes.Load(z);
        for (var c = 1; c < classes; c++)
        {
            highest = marks[c] == 0f ? highest : TLanes.Max(highest, TLanes.Load(z + (c * VoxelBlock.Size)));
        }

        var sum = VectorMath<TLanes, TVector>.Exp(TLanes.Subtract(TLanes.Load(z), highest));
        for (var c = 1; c < classes; c++)
        {
            if (marks[c] != 0f)
            {
                var e = VectorMath<TLanes, TVector>.Exp(TLanes.Subtract(TLanes.Load(z + (c * VoxelBlock.Size)), highest));
                sum = TLanes.Add(sum, e);
            }
        }

        return TLanes.Add(highest, VectorMath<TLanes, TVector>.Log(sum));
    }
}
