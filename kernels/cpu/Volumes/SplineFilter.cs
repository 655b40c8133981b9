using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Cpu.Simd;

namespace SharpSeg.Kernels.Cpu.Volumes;

/// <summary>
/// Turns samples into cubic B-spline coefficients, axis by axis, so that the spline passes through the samples. Mirror boundary
/// without edge repetition (docs/method/augmentation.md §3.2; Unser 1999, "Splines: a perfect fit for signal and image
/// processing").
/// <para>Products and sums are rounded one by one, never fused: all instruction sets give the same bytes.</para>
/// </summary>
internal static unsafe class SplineFilter<TLanes, TVector>
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>
    /// |pole|^k falls below float precision after so many voxels: samples that lie further away do not affect a coefficient.
    /// </summary>
    public const int Horizon = 14;

    // Columns that are filtered together, floats: a block of 200 samples stays in the second-level cache.
    private const int Block = 128;

    private static readonly double Pole = Math.Sqrt(3) - 2;

    // The recursion's answer to a single 1: √3·z^|k|. What it sums up one after the other is here summed up side by side.
    private static readonly float[] Response =
        [.. Enumerable.Range(0, Horizon + 1).Select(k => (float)(6 * Pole / ((Pole * Pole) - 1) * Math.Pow(Pole, k)))];

    /// <summary>Filters a row of neighbours in memory.</summary>
    /// <param name="samples">The row with its mirror images, <see cref="Horizon"/> more on both sides than results.</param>
    /// <param name="to">Receives the coefficients.</param>
    /// <param name="count">Results, whole vectors.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Row(float* samples, float* to, int count)
    {
        fixed (float* response = Response)
        {
            samples += Horizon;
            for (var i = 0; i < count; i += TLanes.Count)
            {
                var sum = TLanes.Multiply(TLanes.Load(samples + i), TLanes.Broadcast(response[0]));
                for (var k = 1; k <= Horizon; k++)
                {
                    var pair = TLanes.Add(TLanes.Load(samples + i - k), TLanes.Load(samples + i + k));
                    sum = TLanes.Add(sum, TLanes.Multiply(pair, TLanes.Broadcast(response[k])));
                }

                TLanes.Store(to + i, sum);
            }
        }
    }

    /// <summary>
    /// Filters columns in place, all those of a row together, by the recursion of docs/method/augmentation.md §3.2.
    /// </summary>
    /// <param name="first">The columns' first samples, neighbours in memory.</param>
    /// <param name="stride">Floats from one sample of a column to the next.</param>
    /// <param name="count">Samples of a column.</param>
    /// <param name="width">Columns, whole vectors.</param>
    public static void Columns(float* first, nint stride, int count, int width)
    {
        if (count == 1)
        {
            return; // a single sample is its own coefficient
        }

        fixed (float* boundary = BoundaryWeights(count))
        {
            for (var l = 0; l < width; l += Block)
            {
                Filter(first + l, stride, count, Math.Min(Block, width - l), boundary);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Filter(float* first, nint stride, int count, int width, float* boundary)
    {
        var last = first + ((count - 1) * stride);
        TVector pole = TLanes.Broadcast((float)Pole), six = TLanes.Broadcast(6);
        var gain = TLanes.Broadcast((float)(Pole / ((Pole * Pole) - 1)));
        for (var l = 0; l < width; l += TLanes.Count)
        {
            var sum = TLanes.Zero;
            for (var k = 0; k < count; k++)
            {
                if (boundary[k] != 0)
                {
                    sum = TLanes.Add(sum, TLanes.Multiply(TLanes.Load(first + (k * stride) + l), TLanes.Broadcast(boundary[k])));
                }
            }

            TLanes.Store(first + l, sum);
        }

        for (var row = first + stride; row <= last; row += stride)
        {
            for (var l = 0; l < width; l += TLanes.Count)
            {
                TLanes.Store(
                    row + l,
                    TLanes.Add(
                        TLanes.Multiply(TLanes.Load(row + l), six), TLanes.Multiply(TLanes.Load(row - stride + l), pole)));
            }
        }

        for (var l = 0; l < width; l += TLanes.Count)
        {
            var sum = TLanes.Add(TLanes.Load(last + l), TLanes.Multiply(TLanes.Load(last - stride + l), pole));
            TLanes.Store(last + l, TLanes.Multiply(sum, gain));
        }

        for (var row = last - stride; row >= first; row -= stride)
        {
            for (var l = 0; l < width; l += TLanes.Count)
            {
                TLanes.Store(
                    row + l, TLanes.Multiply(TLanes.Subtract(TLanes.Load(row + stride + l), TLanes.Load(row + l)), pole));
            }
        }
    }

    // c₀ = Σ weight[k]·s_k: the causal filter of the mirrored signal, summed up in closed form, times the gain 6.
    private static float[] BoundaryWeights(int count)
    {
        var weights = new float[count];
        var gain = 6 / (1 - Math.Pow(Pole, (2 * count) - 2));
        for (var k = 0; k < count; k++)
        {
            var far = (2 * count) - 2 - k;
            var once = k == 0 || k == count - 1;
            weights[k] = k > Horizon && far > Horizon
                ? 0
                : (float)(gain * (Math.Pow(Pole, k) + (once ? 0 : Math.Pow(Pole, far))));
        }

        return weights;
    }
}
