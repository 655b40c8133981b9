using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Inference;

/// <summary>Index of the highest channel per voxel; the lowest index wins ties.</summary>
internal readonly unsafe struct ArgMaxWork(float* x, int channels, float* y, long voxels) : IChunkedWork
{
    /// <summary>Voxels per chunk.</summary>
    public const int Size = 1 << 13;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int chunk, int worker)
    {
        var first = (long)chunk * Size;
        var last = Math.Min(voxels, first + Size);
        for (var i = first; i < last; i++)
        {
            var p = x + (i * channels);
            var best = 0;
            var value = p[0];
            for (var c = 1; c < channels; c++)
            {
                if (p[c] > value)
                {
                    value = p[c];
                    best = c;
                }
            }

            y[i] = best;
        }
    }
}
