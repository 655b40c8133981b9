using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// db[q] = Σ dy[·, q], the gradient with respect to a bias, one thread per channel. Sums of 256 voxels, then of those sums.
/// <para>Shapes: dy (voxels of the whole batch, channels); db (channels).</para>
/// </summary>
internal sealed class PlainChannelSum(KernelList list)
{
    private const int Run = 256; // voxels summed before their sum is added, so that rounding stays small

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, int>> kernel =
        new(
        list, Sum,
        (ArrayView<float> dy, ArrayView<float> db) => KernelCost.Of([dy], [db]));

    /// <summary>db from dy.</summary>
    public void Launch(AcceleratorStream stream, ArrayView<float> dy, ArrayView<float> db, bool accumulate) =>
        kernel.Launch(stream, ElementIndex.Over(db.Length), dy, db, accumulate ? 1 : 0);

    private static void Sum(ArrayView<float> dy, ArrayView<float> db, int accumulate)
    {
        var q = ElementIndex.Current;
        if (q >= db.Length)
        {
            return;
        }

        var total = 0f;
        for (var start = q; start < dy.Length; start += Run * db.Length)
        {
            var end = start + (Run * db.Length);
            end = end < dy.Length ? end : dy.Length;
            var sum = 0f;
            for (var i = start; i < end; i += db.Length)
            {
                sum += dy[i];
            }

            total += sum;
        }

        db[q] = accumulate != 0 ? db[q] + total : total;
    }
}
