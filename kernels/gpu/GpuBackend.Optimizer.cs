using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Device;
using SharpSeg.Kernels.Gpu.Optimizer;

namespace SharpSeg.Kernels.Gpu;

internal sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override double SumOfSquaresCore(Tensor g)
    {
        var values = View(g);
        var groups = SquareSum.GroupsFor(g.Length);
        var partials = Scratch(groups);
        Kernels.SquareSum.LaunchLargest(Stream, values, partials);
        var largest = 0f;
        foreach (var value in ReadBack(partials, groups))
        {
            largest = GroupSum.Larger(largest, value);
        }

        if (largest == 0f || !float.IsFinite(largest))
        {
            return (double)largest * largest; // 0, ∞ or NaN
        }

        Kernels.SquareSum.LaunchSquares(Stream, values, largest, partials);
        var sum = 0.0;
        foreach (var value in ReadBack(partials, groups))
        {
            sum += value;
        }

        return sum * largest * largest;
    }

    /// <inheritdoc/>
    protected override void SgdStepCore(in SgdStep options, Tensor theta, Tensor gradient, Tensor velocity) =>
        Kernels.Optimizers.LaunchSgd(Stream, options, View(theta), View(gradient), View(velocity));

    /// <inheritdoc/>
    protected override void AdamStepCore(in AdamStep options, Tensor theta, Tensor gradient, Tensor m, Tensor v, Tensor? vmax) =>
        Kernels.Optimizers.LaunchAdam(Stream, options, View(theta), View(gradient), View(m), View(v), View(vmax ?? v));

    private Span<float> ReadBack(ArrayView<float> values, int length)
    {
        var host = staging.Rent(length, Stream);
        values.CopyToCPU<float, ArrayView<float>>(
            Stream, ref System.Runtime.InteropServices.MemoryMarshal.GetReference(host), length);
        staging.Reset();
        return host;
    }
}
