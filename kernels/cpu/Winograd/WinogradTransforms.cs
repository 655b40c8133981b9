using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Cpu.Simd;

namespace SharpSeg.Kernels.Cpu.Winograd;

/// <summary>
/// The one-dimensional transforms. F(2, 3) and F(3, 2) use the points 0, 1, −1, ∞ and share the data transform:
/// <para>data v = (d0 − d2, d1 + d2, d2 − d1, d3 − d1);</para>
/// <para>three taps u = (g0, (g0 + g1 + g2)/2, (g0 − g1 + g2)/2, g2), two outputs (m0 + m1 + m2, m1 − m2 + m3);</para>
/// <para>two taps u = (g0, (g0 + g1)/2, (g0 − g1)/2, g1), three outputs (m0 + m1 + m2, m1 − m2, m1 + m2 + m3).</para>
/// Their factors are 1 and ½, so float32 loses about one bit against the direct sum. F(4, 3) and F(3, 4) use the points 0, 1, −1,
/// 2, −2, ∞ with factors up to 8 and down to 1/24; the errors measured against float64 stay below 2·10⁻⁵ of the largest output.
/// </summary>
internal static class WinogradTransforms<TLanes, TVector>
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>4 values → 4 points.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Data(
        TVector d0, TVector d1, TVector d2, TVector d3, out TVector v0, out TVector v1, out TVector v2, out TVector v3)
    {
        v0 = TLanes.Subtract(d0, d2);
        v1 = TLanes.Add(d1, d2);
        v2 = TLanes.Subtract(d2, d1);
        v3 = TLanes.Subtract(d3, d1);
    }

    /// <summary>3 taps → the two middle points (the outer ones are g0 and g2).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ThreeTaps(TVector g0, TVector g1, TVector g2, TVector half, out TVector u1, out TVector u2)
    {
        TVector even = TLanes.Multiply(half, TLanes.Add(g0, g2)), odd = TLanes.Multiply(half, g1);
        u1 = TLanes.Add(even, odd);
        u2 = TLanes.Subtract(even, odd);
    }

    /// <summary>2 taps → the two middle points (the outer ones are g0 and g1).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void TwoTaps(TVector g0, TVector g1, TVector half, out TVector u1, out TVector u2)
    {
        g0 = TLanes.Multiply(half, g0);
        g1 = TLanes.Multiply(half, g1);
        u1 = TLanes.Add(g0, g1);
        u2 = TLanes.Subtract(g0, g1);
    }

    /// <summary>4 points → 2 outputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void TwoOutputs(TVector m0, TVector m1, TVector m2, TVector m3, out TVector y0, out TVector y1)
    {
        y0 = TLanes.Add(TLanes.Add(m0, m1), m2);
        y1 = TLanes.Add(TLanes.Subtract(m1, m2), m3);
    }

    /// <summary>4 points → 3 outputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ThreeOutputs(
        TVector m0, TVector m1, TVector m2, TVector m3, out TVector y0, out TVector y1, out TVector y2)
    {
        var sum = TLanes.Add(m1, m2);
        y0 = TLanes.Add(m0, sum);
        y1 = TLanes.Subtract(m1, m2);
        y2 = TLanes.Add(sum, m3);
    }

    /// <summary>4 values → 4 points in an array.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void Data(TVector d0, TVector d1, TVector d2, TVector d3, float* v, nint pitch)
    {
        Data(d0, d1, d2, d3, out var v0, out var v1, out var v2, out var v3);
        TLanes.Store(v, v0);
        TLanes.Store(v + pitch, v1);
        TLanes.Store(v + (2 * pitch), v2);
        TLanes.Store(v + (3 * pitch), v3);
    }

    /// <summary>6 values → 6 points 0, 1, −1, 2, −2, ∞ (for F(4, 3) and F(3, 4)) in an array.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void WideData(
        TVector d0, TVector d1, TVector d2, TVector d3, TVector d4, TVector d5, float* v, nint pitch)
    {
        TVector four = TLanes.Broadcast(4f), minusFour = TLanes.Broadcast(-4f), minusFive = TLanes.Broadcast(-5f);
        TVector even = TLanes.MultiplyAdd(minusFour, d2, d4), odd = TLanes.MultiplyAdd(minusFour, d1, d3);
        TVector even2 = TLanes.Subtract(d4, d2), odd2 = TLanes.Subtract(d3, d1);
        TLanes.Store(v, TLanes.MultiplyAdd(four, d0, TLanes.MultiplyAdd(minusFive, d2, d4)));
        TLanes.Store(v + pitch, TLanes.Add(even, odd));
        TLanes.Store(v + (2 * pitch), TLanes.Subtract(even, odd));
        TLanes.Store(v + (3 * pitch), TLanes.MultiplyAdd(TLanes.Broadcast(2f), odd2, even2));
        TLanes.Store(v + (4 * pitch), TLanes.MultiplyAdd(TLanes.Broadcast(-2f), odd2, even2));
        TLanes.Store(v + (5 * pitch), TLanes.MultiplyAdd(four, d1, TLanes.MultiplyAdd(minusFive, d3, d5)));
    }

    /// <summary>3 taps → 6 points.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void WideThreeTaps(TVector g0, TVector g1, TVector g2, float* u, nint pitch)
    {
        TVector sixth = TLanes.Broadcast(-1f / 6), twentyFourth = TLanes.Broadcast(1f / 24);
        TVector even = TLanes.Multiply(sixth, TLanes.Add(g0, g2)), odd = TLanes.Multiply(sixth, g1);
        var even2 = TLanes.Multiply(twentyFourth, TLanes.MultiplyAdd(TLanes.Broadcast(4f), g2, g0));
        var odd2 = TLanes.Multiply(TLanes.Broadcast(1f / 12), g1);
        TLanes.Store(u, TLanes.Multiply(TLanes.Broadcast(0.25f), g0));
        TLanes.Store(u + pitch, TLanes.Add(even, odd));
        TLanes.Store(u + (2 * pitch), TLanes.Subtract(even, odd));
        TLanes.Store(u + (3 * pitch), TLanes.Add(even2, odd2));
        TLanes.Store(u + (4 * pitch), TLanes.Subtract(even2, odd2));
        TLanes.Store(u + (5 * pitch), g2);
    }

    /// <summary>4 taps → 6 points.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void WideFourTaps(TVector g0, TVector g1, TVector g2, TVector g3, float* u, nint pitch)
    {
        TVector sixth = TLanes.Broadcast(-1f / 6), twentyFourth = TLanes.Broadcast(1f / 24), four = TLanes.Broadcast(4f);
        TVector even = TLanes.Multiply(sixth, TLanes.Add(g0, g2)), odd = TLanes.Multiply(sixth, TLanes.Add(g1, g3));
        var even2 = TLanes.Multiply(twentyFourth, TLanes.MultiplyAdd(four, g2, g0));
        var odd2 = TLanes.Multiply(TLanes.Broadcast(1f / 12), TLanes.MultiplyAdd(four, g3, g1));
        TLanes.Store(u, TLanes.Multiply(TLanes.Broadcast(0.25f), g0));
        TLanes.Store(u + pitch, TLanes.Add(even, odd));
        TLanes.Store(u + (2 * pitch), TLanes.Subtract(even, odd));
        TLanes.Store(u + (3 * pitch), TLanes.Add(even2, odd2));
        TLanes.Store(u + (4 * pitch), TLanes.Subtract(even2, odd2));
        TLanes.Store(u + (5 * pitch), g3);
    }

    /// <summary>6 points of an array → 4 outputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void WideFourOutputs(float* m, nint step, out TVector y0, out TVector y1, out TVector y2, out TVector y3)
    {
        TVector m1 = TLanes.Load(m + step), m2 = TLanes.Load(m + (2 * step)), m3 = TLanes.Load(m + (3 * step)),
        m4 = TLanes.Load(m + (4 * step));
        TVector even = TLanes.Add(m1, m2), odd = TLanes.Subtract(m1, m2), even2 = TLanes.Add(m3, m4),
        odd2 = TLanes.Subtract(m3, m4);
        y0 = TLanes.Add(TLanes.Add(TLanes.Load(m), even), even2);
        y1 = TLanes.MultiplyAdd(TLanes.Broadcast(2f), odd2, odd);
        y2 = TLanes.MultiplyAdd(TLanes.Broadcast(4f), even2, even);
        y3 = TLanes.Add(TLanes.MultiplyAdd(TLanes.Broadcast(8f), odd2, odd), TLanes.Load(m + (5 * step)));
    }

    /// <summary>6 points → 3 outputs, between arrays.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void WideThreeOutputs(float* m, nint step, float* y, nint pitch)
    {
        TVector m1 = TLanes.Load(m + step), m2 = TLanes.Load(m + (2 * step)), m3 = TLanes.Load(m + (3 * step)),
        m4 = TLanes.Load(m + (4 * step));
        TVector even = TLanes.Add(m1, m2), even2 = TLanes.Add(m3, m4);
        TLanes.Store(y, TLanes.Add(TLanes.Add(TLanes.Load(m), even), even2));
        TLanes.Store(y + pitch, TLanes.MultiplyAdd(TLanes.Broadcast(2f), TLanes.Subtract(m3, m4), TLanes.Subtract(m1, m2)));
        TLanes.Store(
            y + (2 * pitch), TLanes.Add(TLanes.MultiplyAdd(TLanes.Broadcast(4f), even2, even), TLanes.Load(m + (5 * step))));
    }
}
