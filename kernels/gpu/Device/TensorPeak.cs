using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Kernels.Gpu.Convolution;

namespace SharpSeg.Kernels.Gpu.Device;

/// <summary>
/// mma.sync in registers and nothing else, to measure what a device's tensor cores can do in one number format.
/// <para>Mapping: every warp runs eight independent chains c ← c + a·b, four steps of each per round, so that the loop itself is
/// a few of its instructions; a thread's sums are written so that nothing can be left out. Launches are whole warps. Bound by
/// arithmetic.</para>
/// </summary>
internal sealed class TensorPeak(KernelList list)
{
    private const int ChainSteps = 32;                    // mma per warp and round
    private const int WarpSize = 32;
    private const int Rows = 16, Columns = 8;

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, int>>[] runs =
        list.Add<Action<AcceleratorStream, KernelConfig, ArrayView<float>, int>>(
            tensorCores: true, (ArrayView<float> y) => KernelCost.Of([], [y]), Tf32, Bf16, Fp16);

    /// <summary>Floating-point operations of a launch.</summary>
    public static double Flops(long threads, int rounds, GpuPrecision precision) =>
        2.0 * Rows * Columns * (precision == GpuPrecision.Tf32 ? 8 : 16) * ChainSteps * (threads / WarpSize) * rounds;

    /// <summary>One thread per element of y, whose length is a multiple of 512.</summary>
    public void Launch(AcceleratorStream stream, GpuPrecision precision, ArrayView<float> y, int rounds) =>
        runs[precision switch
        {
            GpuPrecision.Tf32 => 0,
            GpuPrecision.Bf16 => 1,
            _ => 2,
        }].Launch(stream, ElementIndex.Over(y.Length), y, rounds);

    private static void Tf32(ArrayView<float> y, int rounds) => Run(y, rounds, TileWords.Tf32);

    private static void Bf16(ArrayView<float> y, int rounds) => Run(y, rounds, TileWords.Bf16);

    private static void Fp16(ArrayView<float> y, int rounds) => Run(y, rounds, TileWords.Fp16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Run(ArrayView<float> y, int rounds, int precision)
    {
        var i = ElementIndex.Current;
        var bits = (uint)Group.IdxX; // instructions take registers, not constants; tiny numbers multiply as fast as any others
        TensorFragment a, b;
        a.R0 = bits & 1;
        a.R1 = bits & 2;
        a.R2 = bits & 4;
        a.R3 = bits & 8;
        b.R0 = bits & 16;
        b.R1 = bits & 32;
        b.R2 = a.R0;
        b.R3 = a.R1;
        Float4 c0 = default, c1 = default, c2 = default, c3 = default, c4 = default, c5 = default, c6 = default, c7 = default;
        for (var round = 0; round < rounds; round++)
        {
            for (var step = 0; step < ChainSteps / 8; step++)
            {
                TensorFragment.Multiply(ref c0, a, b, precision);
                TensorFragment.Multiply(ref c1, a, b, precision);
                TensorFragment.Multiply(ref c2, a, b, precision);
                TensorFragment.Multiply(ref c3, a, b, precision);
                TensorFragment.Multiply(ref c4, a, b, precision);
                TensorFragment.Multiply(ref c5, a, b, precision);
                TensorFragment.Multiply(ref c6, a, b, precision);
                TensorFragment.Multiply(ref c7, a, b, precision);
            }
        }

        var sum = Float4.Sum(
            Float4.Sum(Float4.Sum(c0, c1), Float4.Sum(c2, c3)), Float4.Sum(Float4.Sum(c4, c5), Float4.Sum(c6, c7)));
        if (i < y.Length)
        {
            y[i] = (sum.X + sum.Y) + (sum.Z + sum.W);
        }
    }
}
