using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Inference;

/// <summary>x[i, c] ← x[i, c] / divisor[i].</summary>
internal readonly unsafe struct DivideWork<TLanes, TVector>(float* x, float* divisor, int channels, long voxels) : IChunkedWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>Voxels per chunk.</summary>
    public const int Size = 1 << 13;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int chunk, int worker)
    {
        var lanes = TLanes.Count;
        long i = (long)chunk * Size, last = Math.Min(voxels, i + Size);
        var p = x + (i * channels);
        if (channels < lanes)
        {
            var table = stackalloc int[Spread<TLanes, TVector>.TableLength];
            Spread<TLanes, TVector>.Fill(table, channels);
            for (; i + lanes <= last; i += lanes)
            {
                var weight = TLanes.Load(divisor + i);
                for (var j = 0; j < channels; j++, p += lanes)
                {
                    TLanes.Store(p, TLanes.Divide(TLanes.Load(p), TLanes.Permute(weight, table + (j * lanes))));
                }
            }
        }

        for (; i < last; i++)
        {
            for (var c = 0; c < channels; c++, p++)
            {
                *p /= divisor[i];
            }
        }
    }
}
