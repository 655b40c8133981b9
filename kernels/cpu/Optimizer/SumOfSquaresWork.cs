using System.Numerics;
using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Cpu.Pointwise;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Optimizer;

/// <summary>Σ g² of each chunk in float64, one partial sum per chunk; the caller adds them in order.</summary>
internal readonly unsafe struct SumOfSquaresWork(float* g, double* partial, long length) : IChunkedWork
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int chunk, int worker)
    {
        var start = FlatChunks.Range(chunk, length, out var count);
        var p = g + start;

        // Four sums, because each addition has to wait for the previous one to the same sum.
        Vector<double> low = Vector<double>.Zero, high = Vector<double>.Zero, low2 = Vector<double>.Zero,
        high2 = Vector<double>.Zero;
        var i = 0;
        for (; i + (2 * Vector<float>.Count) <= count; i += 2 * Vector<float>.Count)
        {
            Vector.Widen(Unsafe.ReadUnaligned<Vector<float>>(p + i), out var a, out var b);
            Vector.Widen(Unsafe.ReadUnaligned<Vector<float>>(p + i + Vector<float>.Count), out var c, out var d);
            low += a * a;
            high += b * b;
            low2 += c * c;
            high2 += d * d;
        }

        for (; i + Vector<float>.Count <= count; i += Vector<float>.Count)
        {
            Vector.Widen(Unsafe.ReadUnaligned<Vector<float>>(p + i), out var a, out var b);
            low += a * a;
            high += b * b;
        }

        var sum = Vector.Sum(low + high + (low2 + high2));
        for (; i < count; i++)
        {
            sum += (double)p[i] * p[i];
        }

        partial[chunk] = sum;
    }
}
