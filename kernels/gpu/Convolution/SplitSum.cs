using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// result[i] = Σ_split partials[split, i], in the order of the splits, so that every run gives the same bytes.
/// <para>Mapping: one thread per element; neighbouring threads read neighbouring elements. Bound by memory.</para>
/// </summary>
internal sealed class SplitSum(KernelList list)
{
    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, int, int>> kernel =
        new(
            list, Sum,
            (ArrayView<float> partials, ArrayView<float> result, int splits, int accumulate) =>
                KernelCost.OfWords((splits + accumulate) * result.Length, result.Length));

    /// <summary>Adds the partial results, on top of what result holds if asked to.</summary>
    public void Launch(
        AcceleratorStream stream, ArrayView<float> partials, int splits, ArrayView<float> result, bool accumulate) =>
        kernel.Launch(stream, ElementIndex.Over(result.Length), partials, result, splits, accumulate ? 1 : 0);

    private static void Sum(ArrayView<float> partials, ArrayView<float> result, int splits, int accumulate)
    {
        var i = ElementIndex.Current;
        if (i >= result.Length)
        {
            return;
        }

        var sum = 0f;
        for (var split = 0; split < splits; split++)
        {
            sum += partials[(split * result.Length) + i];
        }

        result[i] = accumulate != 0 ? result[i] + sum : sum;
    }
}
