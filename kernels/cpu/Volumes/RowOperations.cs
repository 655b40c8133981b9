using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Cpu.Simd;

namespace SharpSeg.Kernels.Cpu.Volumes;

/// <summary>
/// The two loops over runs of neighbouring voxels that separable filters are made of. Products and sums are rounded one by one,
/// never fused, and nothing is read or written behind a run.
/// </summary>
internal static unsafe class RowOperations<TLanes, TVector>
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>to += factor·from.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddScaled(ReadOnlySpan<float> from, float factor, Span<float> to)
    {
        fixed (float* source = from, target = to)
        {
            var f = TLanes.Broadcast(factor);
            var i = 0;
            for (; i + TLanes.Count <= to.Length; i += TLanes.Count)
            {
                TLanes.Store(target + i, TLanes.Add(TLanes.Load(target + i), TLanes.Multiply(TLanes.Load(source + i), f)));
            }

            for (; i < to.Length; i++)
            {
                target[i] += factor * source[i];
            }
        }
    }

    /// <summary>to = factor·to + otherFactor·other; other may be to.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Combine(Span<float> to, float factor, ReadOnlySpan<float> other, float otherFactor)
    {
        fixed (float* source = other, target = to)
        {
            TVector f = TLanes.Broadcast(factor), g = TLanes.Broadcast(otherFactor);
            var i = 0;
            for (; i + TLanes.Count <= to.Length; i += TLanes.Count)
            {
                TLanes.Store(
                    target + i,
                    TLanes.Add(TLanes.Multiply(TLanes.Load(target + i), f), TLanes.Multiply(TLanes.Load(source + i), g)));
            }

            for (; i < to.Length; i++)
            {
                target[i] = (factor * target[i]) + (otherFactor * source[i]);
            }
        }
    }
}
