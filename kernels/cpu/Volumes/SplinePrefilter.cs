using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Cpu.Simd;

namespace SharpSeg.Kernels.Cpu.Volumes;

/// <summary>
/// Turns samples along an axis into cubic B-spline coefficients that interpolate them, for a block of lines at once (Unser 1999,
/// "Splines: a perfect fit for signal and image processing"; docs/method/preprocessing.md §4.4).
/// <para>With the pole z = √3 − 2: y_i = x_i + z·y_(i−1) forwards, w_i = z·(w_(i+1) − y_i) backwards. The usual factor 6 is left
/// to the weights. The samples continue with the edge value on both sides; the geometric sums over that constant tail are used in
/// closed form, which differs from twelve explicit copies by less than 10⁻¹³ of the range.</para>
/// <para>Products and sums are rounded one by one, never fused: all instruction sets give the same bytes.</para>
/// </summary>
internal static unsafe class SplinePrefilter<TLanes, TVector>
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    private static readonly double Pole = Math.Sqrt(3) - 2;

    /// <summary>Filters in place.</summary>
    /// <param name="rows">
    /// samples + 4 rows: row i + 2 holds sample i of every line on entry; on return rows hold the coefficients of positions −2 to
    /// samples + 1.
    /// </param>
    /// <param name="samples">Samples of the axis, at least 1.</param>
    /// <param name="pitch">Floats per row, whole vectors.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Apply(float* rows, int samples, int pitch)
    {
        var z = TLanes.Broadcast((float)Pole);
        var tail = TLanes.Broadcast((float)(1 / (1 - Pole)));
        var tailCoefficient = TLanes.Broadcast((float)(-Pole / (1 - Pole)));
        var decay1 = TLanes.Broadcast((float)(-Pole * Pole / (1 - (Pole * Pole))));
        var decay2 = TLanes.Broadcast((float)(-Pole * Pole * Pole / (1 - (Pole * Pole))));
        float* first = rows + (2 * pitch), last = first + ((samples - 1) * pitch), after = last + pitch, beyond = after + pitch;
        for (var l = 0; l < pitch; l += TLanes.Count)
        {
            // The last sample is needed once more after the forward sweep has overwritten it.
            TLanes.Store(after + l, TLanes.Load(last + l));
            var constant = TLanes.Multiply(TLanes.Load(first + l), tail);
            TLanes.Store(rows + l, constant);
            TLanes.Store(first + l, constant);
        }

        for (var current = first + pitch; current <= last; current += pitch)
        {
            for (var l = 0; l < pitch; l += TLanes.Count)
            {
                TLanes.Store(
                    current + l, TLanes.Add(TLanes.Load(current + l), TLanes.Multiply(z, TLanes.Load(current - pitch + l))));
            }
        }

        for (var l = 0; l < pitch; l += TLanes.Count)
        {
            var steady = TLanes.Multiply(TLanes.Load(after + l), tail);
            var excess = TLanes.Subtract(TLanes.Load(last + l), steady);
            var limit = TLanes.Multiply(steady, tailCoefficient);
            TLanes.Store(after + l, TLanes.Add(limit, TLanes.Multiply(excess, decay1)));
            TLanes.Store(beyond + l, TLanes.Add(limit, TLanes.Multiply(excess, decay2)));
        }

        for (var current = last; current >= first; current -= pitch)
        {
            for (var l = 0; l < pitch; l += TLanes.Count)
            {
                TLanes.Store(
                    current + l, TLanes.Multiply(z, TLanes.Subtract(TLanes.Load(current + pitch + l), TLanes.Load(current + l))));
            }
        }

        for (var l = 0; l < pitch; l += TLanes.Count)
        {
            var constant = TLanes.Load(rows + l);
            var before = TLanes.Multiply(z, TLanes.Subtract(TLanes.Load(first + l), constant));
            TLanes.Store(rows + pitch + l, before);
            TLanes.Store(rows + l, TLanes.Multiply(z, TLanes.Subtract(before, constant)));
        }
    }
}
