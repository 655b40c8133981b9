using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Cpu.Pointwise;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Volumes;

/// <summary>Where volume &gt; best, or everywhere: best ← volume, labels ← label.</summary>
internal readonly unsafe struct KeepHighestWork<TLanes, TVector>(
    float* volume, float label, bool first, float* best, float* labels, long length) : IChunkedWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int chunk, int worker)
    {
        var start = FlatChunks.Range(chunk, length, out var count);
        float* v = volume + start, b = best + start, l = labels + start;
        if (first)
        {
            new ReadOnlySpan<float>(v, count).CopyTo(new Span<float>(b, count));
            new Span<float>(l, count).Fill(label);
            return;
        }

        var mine = TLanes.Broadcast(label);
        for (var i = 0; i < count; i += TLanes.Count)
        {
            TVector value = TLanes.Load(v + i), highest = TLanes.Load(b + i);
            var higher = TLanes.Subtract(value, highest); // positive if and only if value > highest
            var left = Math.Min(TLanes.Count, count - i);
            TLanes.StoreFirst(b + i, TLanes.SelectPositive(higher, value, highest), left);
            TLanes.StoreFirst(l + i, TLanes.SelectPositive(higher, mine, TLanes.Load(l + i)), left);
        }
    }
}

/// <summary>Where volume &gt; threshold: labels ← label.</summary>
internal readonly unsafe struct MarkAboveWork<TLanes, TVector>(
    float* volume, float threshold, float label, float* labels, long length)
    : IChunkedWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int chunk, int worker)
    {
        var start = FlatChunks.Range(chunk, length, out var count);
        float* v = volume + start, l = labels + start;
        TVector limit = TLanes.Broadcast(threshold), mine = TLanes.Broadcast(label);
        for (var i = 0; i < count; i += TLanes.Count)
        {
            var above = TLanes.Subtract(TLanes.Load(v + i), limit);
            TLanes.StoreFirst(l + i, TLanes.SelectPositive(above, mine, TLanes.Load(l + i)), Math.Min(TLanes.Count, count - i));
        }
    }
}
