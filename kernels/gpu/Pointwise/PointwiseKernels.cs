using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Pointwise;

/// <summary>
/// Element-wise operations on arrays of equal length: fill, copy, y ← a·x + b·y, residual join + leaky ReLU and its gradient.
/// <para>Mapping: one thread per element, neighbouring threads on neighbouring elements; bound by memory. Outputs may be inputs
/// where the backend's contract says so: a thread reads its element before it writes it.</para>
/// </summary>
internal sealed class PointwiseKernels(KernelList list)
{
    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, float>> fill = new(
        list, Fill,
        (ArrayView<float> y) => KernelCost.Of([], [y]));

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>>> copy =
        new(
        list, Copy,
        (ArrayView<float> x, ArrayView<float> y) => KernelCost.Of([x], [y]));

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, float, ArrayView<float>, float, ArrayView<float>>> axpby =
        new(
        list, Axpby,
        (ArrayView<float> x, float b, ArrayView<float> y) => KernelCost.OfWords(x.Length + (b == 0f ? 0 : y.Length), y.Length));

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, float,
        ArrayView<float>>> addLeakyRelu = new(
        list, AddLeakyRelu,
        (ArrayView<float> a, ArrayView<float> b, ArrayView<float> y) => KernelCost.Of([a, b], [y]));

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, float,
        ArrayView<float>>> gradient = new(
        list, AddLeakyReluGradient,
        (ArrayView<float> dy, ArrayView<float> y, ArrayView<float> d) => KernelCost.Of([dy, y], [d]));

    /// <summary>y ← value.</summary>
    public void LaunchFill(AcceleratorStream stream, ArrayView<float> y, float value) =>
        fill.Launch(stream, ElementIndex.Over(y.Length), y, value);

    /// <summary>y ← x.</summary>
    public void LaunchCopy(AcceleratorStream stream, ArrayView<float> x, ArrayView<float> y) =>
        copy.Launch(stream, ElementIndex.Over(y.Length), x, y);

    /// <summary>y ← a·x + b·y; b = 0 does not read y.</summary>
    public void LaunchAxpby(AcceleratorStream stream, float a, ArrayView<float> x, float b, ArrayView<float> y) =>
        axpby.Launch(stream, ElementIndex.Over(y.Length), a, x, b, y);

    /// <summary>y ← leaky(a + b).</summary>
    public void LaunchAddLeakyRelu(
        AcceleratorStream stream, ArrayView<float> a, ArrayView<float> b, float slope, ArrayView<float> y) =>
        addLeakyRelu.Launch(stream, ElementIndex.Over(y.Length), a, b, slope, y);

    /// <summary>d ← dy·(y &gt; 0 ? 1 : slope).</summary>
    public void LaunchAddLeakyReluGradient(
        AcceleratorStream stream, ArrayView<float> dy, ArrayView<float> y, float slope, ArrayView<float> d) =>
        gradient.Launch(stream, ElementIndex.Over(d.Length), dy, y, slope, d);

    private static void Fill(ArrayView<float> y, float value)
    {
        var i = ElementIndex.Current;
        if (i < y.Length)
        {
            y[i] = value;
        }
    }

    private static void Copy(ArrayView<float> x, ArrayView<float> y)
    {
        var i = ElementIndex.Current;
        if (i < y.Length)
        {
            y[i] = x[i];
        }
    }

    private static void Axpby(float a, ArrayView<float> x, float b, ArrayView<float> y)
    {
        var i = ElementIndex.Current;
        if (i < y.Length)
        {
            var value = a * x[i];
            y[i] = b != 0f ? value + (b * y[i]) : value;
        }
    }

    private static void AddLeakyRelu(ArrayView<float> a, ArrayView<float> b, float slope, ArrayView<float> y)
    {
        var i = ElementIndex.Current;
        if (i < y.Length)
        {
            var z = a[i] + b[i];
            y[i] = z > 0f ? z : slope * z;
        }
    }

    private static void AddLeakyReluGradient(ArrayView<float> dy, ArrayView<float> y, float slope, ArrayView<float> d)
    {
        var i = ElementIndex.Current;
        if (i < d.Length)
        {
            d[i] = dy[i] * (y[i] > 0f ? 1f : slope);
        }
    }
}
