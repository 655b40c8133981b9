using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Volumes;

/// <summary>
/// Elastic displacements without their strength (docs/method/augmentation.md §3.1): uniform noise, smoothed along each displaced
/// axis with zeros beyond the border.
/// <para>Shapes: fields (axis, z, y, x), weights (2·radius + 1). Noise as <see cref="UniformDraws"/> defines it.</para>
/// <para>Maths: y[o, j, i] = Σ_k w[k]·x[o, j + k − radius, i].</para>
/// <para>Mapping: one thread per element; neighbours come through the cache. The noise is bound by 64-bit products, smoothing by
/// reads.</para>
/// </summary>
internal sealed class ElasticKernels(KernelList list)
{
    private const ulong Weyl = 0x9E3779B97F4A7C15;

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ulong, ulong>> noise = new(
        list, Noise, (ArrayView<float> fields) => KernelCost.Of([], [fields]));

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        AxisSizes, int>> smooth = new(
        list, Smooth,
        (ArrayView<float> source, ArrayView<float> weights, ArrayView<float> target) =>
            KernelCost.Of([source, weights], [target]));

    /// <summary>Fields of displacement: their memory is either of the two that are given.</summary>
    /// <param name="stream">In order.</param>
    /// <param name="grid">Voxels of one field.</param>
    /// <param name="fields">How many: 3, or 2 in planar transforms, whose fields are not smoothed along z.</param>
    /// <param name="draws">The random numbers.</param>
    /// <param name="weights">Of the smoothing.</param>
    /// <param name="first">Memory for all fields.</param>
    /// <param name="second">As much memory again.</param>
    public ArrayView<float> Launch(
        AcceleratorStream stream, Extent grid, int fields, UniformDraws draws, ArrayView<float> weights, ArrayView<float> first,
        ArrayView<float> second)
    {
        noise.Launch(stream, ElementIndex.Over(first.Length), first, draws.Key, draws.First);
        for (var axis = 3 - fields; axis < 3; axis++)
        {
            smooth.Launch(
                stream, ElementIndex.OverSmall(first.Length), first, weights, second,
                new AxisSizes(grid, axis, grid[axis], volumes: fields),
                (int)(weights.Length - 1) / 2);
            (first, second) = (second, first);
        }

        return first;
    }

    private static void Noise(ArrayView<float> fields, ulong key, ulong first)
    {
        var element = ElementIndex.Current;
        if (element >= fields.Length)
        {
            return;
        }

        var x = key + ((first + (ulong)element) * Weyl);
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        x ^= x >> 31;
        var unit = (int)(x >> 40) * (1f / (1 << 24));     // the highest 24 bits: exact
        fields[element] = (2f * unit) - 1f;
    }

    private static void Smooth(
        ArrayView<float> source, ArrayView<float> weights, ArrayView<float> target, AxisSizes s, int radius)
    {
        var element = ElementIndex.Small;
        if (element >= target.Length)
        {
            return;
        }

        var inner = element % s.Inner;
        var row = element / s.Inner;
        var j = row % s.From;
        var line = ((long)(row / s.From) * s.From * s.Inner) + inner;
        var from = j > radius ? j - radius : 0;
        var to = j + radius < s.From - 1 ? j + radius : s.From - 1;
        var sum = 0f;
        for (var i = from; i <= to; i++)
        {
            sum += weights[i + radius - j] * source[line + ((long)i * s.Inner)];
        }

        target[element] = sum;
    }
}
