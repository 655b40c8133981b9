using System.Runtime.CompilerServices;

namespace SharpSeg.Kernels.Cpu.Simd;

/// <summary>
/// exp and log on lanes. Both split off the power of two and approximate the rest by a polynomial (the scheme of Cephes'
/// expf and logf, S. Moshier 1989); relative error of exp below 2·10⁻⁷, absolute error of log below 2·10⁻⁷ + 1 ulp.
/// </summary>
/// <typeparam name="TLanes">The instruction set.</typeparam>
/// <typeparam name="TVector">Its vector.</typeparam>
internal static class VectorMath<TLanes, TVector>
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>eˣ; x is clamped to −87..88, so that results stay normal and finite.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Exp(TVector x)
    {
        x = TLanes.Max(TLanes.Min(x, TLanes.Broadcast(88f)), TLanes.Broadcast(-87f));
        var n = TLanes.Round(TLanes.Multiply(x, TLanes.Broadcast(1.44269504088896341f)));
        var r = TLanes.MultiplyAdd(n, TLanes.Broadcast(-0.693359375f), x);
        r = TLanes.MultiplyAdd(n, TLanes.Broadcast(2.12194440e-4f), r);
        var p = TLanes.Broadcast(1.9875691500e-4f);
        p = TLanes.MultiplyAdd(p, r, TLanes.Broadcast(1.3981999507e-3f));
        p = TLanes.MultiplyAdd(p, r, TLanes.Broadcast(8.3334519073e-3f));
        p = TLanes.MultiplyAdd(p, r, TLanes.Broadcast(4.1665795894e-2f));
        p = TLanes.MultiplyAdd(p, r, TLanes.Broadcast(1.6666665459e-1f));
        p = TLanes.MultiplyAdd(p, r, TLanes.Broadcast(5.0000001201e-1f));
        p = TLanes.MultiplyAdd(p, TLanes.Multiply(r, r), TLanes.Add(r, TLanes.Broadcast(1f)));
        return TLanes.Multiply(p, TLanes.PowerOfTwo(n));
    }

    /// <summary>ln x for positive normal x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Log(TVector x)
    {
        var e = TLanes.SplitExponent(x, out var m);

        // Mantissas above √2 are halved, so that m − 1 stays within −0.3..0.42.
        var large = TLanes.Subtract(m, TLanes.Broadcast(1.41421356f));
        e = TLanes.SelectPositive(large, TLanes.Add(e, TLanes.Broadcast(1f)), e);
        m = TLanes.SelectPositive(large, TLanes.Multiply(m, TLanes.Broadcast(0.5f)), m);
        var r = TLanes.Subtract(m, TLanes.Broadcast(1f));
        var p = TLanes.Broadcast(7.0376836292e-2f);
        p = TLanes.MultiplyAdd(p, r, TLanes.Broadcast(-1.1514610310e-1f));
        p = TLanes.MultiplyAdd(p, r, TLanes.Broadcast(1.1676998740e-1f));
        p = TLanes.MultiplyAdd(p, r, TLanes.Broadcast(-1.2420140846e-1f));
        p = TLanes.MultiplyAdd(p, r, TLanes.Broadcast(1.4249322787e-1f));
        p = TLanes.MultiplyAdd(p, r, TLanes.Broadcast(-1.6668057665e-1f));
        p = TLanes.MultiplyAdd(p, r, TLanes.Broadcast(2.0000714765e-1f));
        p = TLanes.MultiplyAdd(p, r, TLanes.Broadcast(-2.4999993993e-1f));
        p = TLanes.MultiplyAdd(p, r, TLanes.Broadcast(3.3333331174e-1f));
        var r2 = TLanes.Multiply(r, r);
        var y = TLanes.Multiply(TLanes.Multiply(p, r), r2);
        y = TLanes.MultiplyAdd(e, TLanes.Broadcast(-2.12194440e-4f), y);
        y = TLanes.MultiplyAdd(r2, TLanes.Broadcast(-0.5f), y);
        return TLanes.MultiplyAdd(e, TLanes.Broadcast(0.693359375f), TLanes.Add(r, y));
    }
}
