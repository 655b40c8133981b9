using ILGPU;
using ILGPU.Algorithms;
using ILGPU.Runtime;
using SharpSeg.Kernels.Gpu.Device;
using SharpSeg.Kernels.Gpu.Loss;

namespace SharpSeg.Kernels.Gpu.Inference;

/// <summary>
/// Sliding-window prediction: adding a weighted tile, dividing by the weights, probabilities, arg max
/// (docs/method/inference.md §4).
/// <para>Shapes: tile (tz, ty, tx, c), one sample; weights (tz, ty, tx); sum (z, y, x, c); weightSum (z, y, x). Indices are
/// 64-bit: a whole volume times its channels may exceed 2³¹ elements.</para>
/// <para>Mapping: one thread per element of the tile, or per voxel where a voxel's channels belong together.</para>
/// </summary>
internal sealed class InferenceKernels(KernelList list)
{
    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        ArrayView<float>, BlendSizes>> blendAdd = new(
        list, BlendAdd,
        (ArrayView<float> tile, ArrayView<float> weights) =>
            KernelCost.OfWords((2 * tile.Length) + (2 * weights.Length), tile.Length + weights.Length));

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, int>> divide =
        new(
        list, Divide,
        (ArrayView<float> x, ArrayView<float> divisor) => KernelCost.Of([x, divisor], [x]));

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, int>> argMax =
        new(
        list, ArgMax,
        (ArrayView<float> x, ArrayView<float> y) => KernelCost.Of([x], [y]));

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>>> sigmoid =
        new(
        list, Sigmoid,
        (ArrayView<float> x, ArrayView<float> y) => KernelCost.Of([x], [y]));

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, long, int>> softmax =
        new(
        list, Softmax,
        (ArrayView<float> x, ArrayView<float> y) => KernelCost.Of([x], [y]));

    /// <summary>
    /// sum[origin + i, c] += w[i]·tile[i, c]; weightSum[origin + i] += w[i]; where origin + i lies in the volume.
    /// </summary>
    public void LaunchBlendAdd(
        AcceleratorStream stream, in BlendSizes s, ArrayView<float> tile, ArrayView<float> weights, ArrayView<float> sum,
        ArrayView<float> weightSum) =>
        blendAdd.Launch(stream, RowIndex.Over(s.TileX * s.C, s.TileY, s.TileZ), tile, weights, sum, weightSum, s);

    /// <summary>x[i, c] ← x[i, c]/divisor[i].</summary>
    public void LaunchDivide(AcceleratorStream stream, ArrayView<float> x, ArrayView<float> divisor, int channels) =>
        divide.Launch(stream, ElementIndex.Over(divisor.Length), x, divisor, channels);

    /// <summary>y[i] ← lowest c with the highest x[i, c].</summary>
    public void LaunchArgMax(AcceleratorStream stream, ArrayView<float> x, ArrayView<float> y, int channels) =>
        argMax.Launch(stream, ElementIndex.Over(y.Length), x, y, channels);

    /// <summary>y ← sigmoid of every element, or softmax over the channels of every voxel.</summary>
    public void LaunchProbabilities(
        AcceleratorStream stream, ArrayView<float> x, bool perChannel, ArrayView<float> y, int channels)
    {
        if (perChannel)
        {
            sigmoid.Launch(stream, ElementIndex.Over(x.Length), x, y);
        }
        else
        {
            softmax.Launch(stream, ElementIndex.Over(x.Length / channels), x, y, x.Length / channels, channels);
        }
    }

    private static void BlendAdd(
        ArrayView<float> tile, ArrayView<float> weights, ArrayView<float> sum, ArrayView<float> weightSum, BlendSizes s)
    {
        var e = RowIndex.Element;
        var row = RowIndex.Row;
        if (e >= s.TileX * s.C || row >= s.TileY)
        {
            return;
        }

        var c = e % s.C;
        var i = ((((long)RowIndex.Plane * s.TileY) + row) * s.TileX) + (e / s.C);
        var x = (e / s.C) + s.OriginX;
        var y = row + s.OriginY;
        var z = RowIndex.Plane + s.OriginZ;
        if (x < 0 || x >= s.X || y < 0 || y >= s.Y || z < 0 || z >= s.Z)
        {
            return;
        }

        var voxel = ((((long)z * s.Y) + y) * s.X) + x;
        var weight = weights[i];
        sum[(voxel * s.C) + c] += weight * tile[(i * s.C) + c];
        if (c == 0)
        {
            weightSum[voxel] += weight;
        }
    }

    private static void Divide(ArrayView<float> x, ArrayView<float> divisor, int channels)
    {
        var voxel = ElementIndex.Current;
        if (voxel >= divisor.Length)
        {
            return;
        }

        var factor = divisor[voxel];
        for (var c = 0; c < channels; c++)
        {
            x[(voxel * channels) + c] /= factor;
        }
    }

    private static void ArgMax(ArrayView<float> x, ArrayView<float> y, int channels)
    {
        var voxel = ElementIndex.Current;
        if (voxel >= y.Length)
        {
            return;
        }

        var best = 0;
        var highest = x[voxel * channels];
        for (var c = 1; c < channels; c++)
        {
            var value = x[(voxel * channels) + c];
            if (value > highest)
            {
                best = c;
                highest = value;
            }
        }

        y[voxel] = best;
    }

    private static void Sigmoid(ArrayView<float> x, ArrayView<float> y)
    {
        var element = ElementIndex.Current;
        if (element < x.Length)
        {
            y[element] = Logits.Sigmoid(x[element]);
        }
    }

    private static void Softmax(ArrayView<float> x, ArrayView<float> y, long voxels, int channels)
    {
        var voxel = ElementIndex.Current;
        if (voxel >= voxels)
        {
            return;
        }

        var first = voxel * channels;
        var highest = Logits.Highest(x, first, channels);
        var inverse = 1f / Logits.SumOfExponentials(x, first, channels, highest);
        for (var c = 0; c < channels; c++)
        {
            y[first + c] = XMath.Exp(x[first + c] - highest) * inverse;
        }
    }
}
