using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Inference;

/// <summary>x[i, c] ← x[i, c] / divisor[i].</summary>
internal readonly unsafe struct DivideWork(float* x, float* divisor, int channels, long voxels) : IChunkedWork
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
            for (var c = 0; c < channels; c++)
            {
                p[c] /= divisor[i];
            }
        }
    }
}
