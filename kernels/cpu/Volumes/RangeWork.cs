using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Kernels.Cpu.Volumes;

/// <summary>
/// Least and greatest value of every slice across an axis (of the whole volume if there is none), one chunk per plane: plane z
/// writes its own least values, then its greatest ones, at partial + 2·z·slices.
/// </summary>
internal readonly unsafe struct RangeWork<TLanes, TVector>(float* values, Extent size, int? axis, float* partial) : IChunkedWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>Slices that a plane adds to.</summary>
    public static int Slices(Extent size, int? axis) => axis is { } a ? size[a] : 1;

    /// <inheritdoc/>
    public void Run(int chunk, int worker)
    {
        var slices = Slices(size, axis);
        float* low = partial + (2L * chunk * slices), high = low + slices;
        new Span<float>(low, slices).Fill(float.PositiveInfinity);
        new Span<float>(high, slices).Fill(float.NegativeInfinity);
        for (var y = 0; y < size.Y; y++)
        {
            var line = values + ((((long)chunk * size.Y) + y) * size.X);
            if (axis == 2)
            {
                for (var x = 0; x < size.X; x++)
                {
                    low[x] = Math.Min(low[x], line[x]);
                    high[x] = Math.Max(high[x], line[x]);
                }
            }
            else
            {
                var slice = axis == 0 ? chunk : axis == 1 ? y : 0;
                Widen(line, ref low[slice], ref high[slice]);
            }
        }
    }

    private void Widen(float* line, ref float low, ref float high)
    {
        var x = 0;
        if (size.X >= TLanes.Count)
        {
            TVector lows = TLanes.Load(line), highs = lows;
            for (x = TLanes.Count; x + TLanes.Count <= size.X; x += TLanes.Count)
            {
                lows = TLanes.Min(lows, TLanes.Load(line + x));
                highs = TLanes.Max(highs, TLanes.Load(line + x));
            }

            var lanes = stackalloc float[2 * TLanes.Count];
            TLanes.Store(lanes, lows);
            TLanes.Store(lanes + TLanes.Count, highs);
            for (var i = 0; i < TLanes.Count; i++)
            {
                low = Math.Min(low, lanes[i]);
                high = Math.Max(high, lanes[TLanes.Count + i]);
            }
        }

        for (; x < size.X; x++)
        {
            low = Math.Min(low, line[x]);
            high = Math.Max(high, line[x]);
        }
    }
}

/// <summary>
/// Clamps every slice across an axis to its range (low, then high values of all slices), one chunk per plane, in place.
/// </summary>
internal readonly unsafe struct ClampWork<TLanes, TVector>(float* values, Extent size, int? axis, float* ranges) : IChunkedWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <inheritdoc/>
    public void Run(int chunk, int worker)
    {
        float* low = ranges, high = ranges + RangeWork<TLanes, TVector>.Slices(size, axis);
        for (var y = 0; y < size.Y; y++)
        {
            var line = values + ((((long)chunk * size.Y) + y) * size.X);
            if (axis == 2)
            {
                for (var x = 0; x < size.X; x++)
                {
                    line[x] = Math.Clamp(line[x], low[x], high[x]);
                }
            }
            else
            {
                var slice = axis == 0 ? chunk : axis == 1 ? y : 0;
                Clamp(line, low[slice], high[slice]);
            }
        }
    }

    private void Clamp(float* line, float low, float high)
    {
        TVector lows = TLanes.Broadcast(low), highs = TLanes.Broadcast(high);
        var x = 0;
        for (; x + TLanes.Count <= size.X; x += TLanes.Count)
        {
            // In this order of operands a zero takes the sign of the bound that it equals below, and keeps its own above.
            TLanes.Store(line + x, TLanes.Min(highs, TLanes.Max(TLanes.Load(line + x), lows)));
        }

        for (; x < size.X; x++)
        {
            line[x] = Math.Clamp(line[x], low, high);
        }
    }
}
