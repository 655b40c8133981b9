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
        Vector<double> low = Vector<double>.Zero, high = Vector<double>.Zero;
        var i = 0;
        for (; i + Vector<float>.Count <= count; i += Vector<float>.Count)
        {
            Vector.Widen(Unsafe.ReadUnaligned<Vector<float>>(p + i), out var a, out var b);
            low += a * a;
            high += b * b;
        }

        var sum = Vector.Sum(low + high);
        for (; i < count; i++)
        {
            sum += (double)p[i] * p[i];
        }

        partial[chunk] = sum;
    }
}
