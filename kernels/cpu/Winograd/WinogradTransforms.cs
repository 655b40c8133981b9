using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Cpu.Simd;

namespace SharpSeg.Kernels.Cpu.Winograd;

/// <summary>
/// The one-dimensional transforms of F(2, 3) and F(3, 2) at the points 0, 1, −1, ∞. Both use the same data transform:
/// <para>data v = (d0 − d2, d1 + d2, d2 − d1, d3 − d1);</para>
/// <para>three taps u = (g0, (g0 + g1 + g2)/2, (g0 − g1 + g2)/2, g2), two outputs (m0 + m1 + m2, m1 − m2 + m3);</para>
/// <para>two taps u = (g0, (g0 + g1)/2, (g0 − g1)/2, g1), three outputs (m0 + m1 + m2, m1 − m2, m1 + m2 + m3).</para>
/// All factors are 1 and ½, so float32 loses about one bit against the direct sum.
/// </summary>
internal static class WinogradTransforms<TLanes, TVector>
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>4 values → 4 points.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Data(TVector d0, TVector d1, TVector d2, TVector d3, out TVector v0, out TVector v1, out TVector v2, out TVector v3)
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
    public static void ThreeOutputs(TVector m0, TVector m1, TVector m2, TVector m3, out TVector y0, out TVector y1, out TVector y2)
    {
        var sum = TLanes.Add(m1, m2);
        y0 = TLanes.Add(m0, sum);
        y1 = TLanes.Subtract(m1, m2);
        y2 = TLanes.Add(sum, m3);
    }
}
