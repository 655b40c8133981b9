using ILGPU;
using ILGPU.Runtime;

namespace SharpSeg.Kernels.Gpu.Device;

/// <summary>
/// Multiply-adds in registers and nothing else, to measure a device's float32 peak.
/// <para>Mapping: every thread runs eight independent chains v ← v·a + b, four steps of each per round, so that the loop itself
/// is a tenth of the instructions; the sum is written so that nothing can be left out. Bound by arithmetic.</para>
/// </summary>
internal sealed class MultiplyAddPeak(KernelList list)
{
    private const int ChainSteps = 32;                    // multiply-adds per thread and round

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, float, float, int>> run = new(
        list, Run, (ArrayView<float> y) => KernelCost.Of([], [y]));

    /// <summary>Floating-point operations of a launch.</summary>
    public static double Flops(long threads, int rounds) => 2.0 * ChainSteps * threads * rounds;

    /// <summary>One thread per element of y.</summary>
    public void Launch(AcceleratorStream stream, ArrayView<float> y, int rounds) =>
        run.Launch(stream, ElementIndex.Over(y.Length), y, 0.999f, 0.001f, rounds);

    private static void Run(ArrayView<float> y, float a, float b, int rounds)
    {
        var i = ElementIndex.Current;
        if (i >= y.Length)
        {
            return;
        }

        float v0 = i, v1 = v0 + 1f, v2 = v0 + 2f, v3 = v0 + 3f, v4 = v0 + 4f, v5 = v0 + 5f, v6 = v0 + 6f, v7 = v0 + 7f;
        for (var round = 0; round < rounds; round++)
        {
            v0 = (v0 * a) + b;
            v1 = (v1 * a) + b;
            v2 = (v2 * a) + b;
            v3 = (v3 * a) + b;
            v4 = (v4 * a) + b;
            v5 = (v5 * a) + b;
            v6 = (v6 * a) + b;
            v7 = (v7 * a) + b;
            v0 = (v0 * a) + b;
            v1 = (v1 * a) + b;
            v2 = (v2 * a) + b;
            v3 = (v3 * a) + b;
            v4 = (v4 * a) + b;
            v5 = (v5 * a) + b;
            v6 = (v6 * a) + b;
            v7 = (v7 * a) + b;
            v0 = (v0 * a) + b;
            v1 = (v1 * a) + b;
            v2 = (v2 * a) + b;
            v3 = (v3 * a) + b;
            v4 = (v4 * a) + b;
            v5 = (v5 * a) + b;
            v6 = (v6 * a) + b;
            v7 = (v7 * a) + b;
            v0 = (v0 * a) + b;
            v1 = (v1 * a) + b;
            v2 = (v2 * a) + b;
            v3 = (v3 * a) + b;
            v4 = (v4 * a) + b;
            v5 = (v5 * a) + b;
            v6 = (v6 * a) + b;
            v7 = (v7 * a) + b;
        }

        y[i] = ((v0 + v1) + (v2 + v3)) + ((v4 + v5) + (v6 + v7));
    }
}
