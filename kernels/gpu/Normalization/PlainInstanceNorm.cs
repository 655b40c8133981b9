using ILGPU;
using ILGPU.Algorithms;
using ILGPU.Runtime;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Normalization;

/// <summary>
/// The sums of instance normalisation, one thread per sample and channel: mean and 1/√(var + eps) forward, A = Σd and B = Σd·x̂
/// backward.
/// <para>Shapes: x, dy (n, z, y, x, c); gamma, beta (c); mean, rstd, sumD, sumDXhat (n, c).</para>
/// <para>Maths: see <see cref="Engine.Backends.InstanceNormProblem"/> and Backend.InstanceNormBackward. Sums of rows, then of
/// rows' sums.
/// </para>
/// </summary>
internal sealed class PlainInstanceNorm(KernelList list)
{
    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        NormSizes>> statistics = new(
        list, Statistics,
        (ArrayView<float> x, ArrayView<float> mean) => KernelCost.OfWords(x.Length, 2 * mean.Length, 2 * x.Length));

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, NormSizes>> gradientSums =
        new(
            list, GradientSums,
            (ArrayView<float> dy, ArrayView<float> x, ArrayView<float> sumD, ArrayView<float> sumDXhat) =>
                KernelCost.Of([dy, x], [sumD, sumDXhat]));

    /// <summary>mean and rstd from x.</summary>
    public void LaunchStatistics(
        AcceleratorStream stream, in NormSizes s, ArrayView<float> x, ArrayView<float> mean, ArrayView<float> rstd) =>
        statistics.Launch(stream, ElementIndex.Over(mean.Length), x, mean, rstd, s);

    /// <summary>sumD and sumDXhat.</summary>
    public void LaunchGradientSums(
        AcceleratorStream stream, in NormSizes s, ArrayView<float> dy, ArrayView<float> x, ArrayView<float> mean,
        ArrayView<float> rstd,
        ArrayView<float> gamma, ArrayView<float> beta, ArrayView<float> sumD, ArrayView<float> sumDXhat) =>
        gradientSums.Launch(stream, ElementIndex.Over(mean.Length), dy, x, mean, rstd, gamma, beta, sumD, sumDXhat, s);

    private static void Statistics(ArrayView<float> x, ArrayView<float> mean, ArrayView<float> rstd, NormSizes s)
    {
        var index = ElementIndex.Current;
        if (index >= mean.Length)
        {
            return;
        }

        var sample = x.SubView(index / s.C * s.Voxels * s.C);
        var c = (int)(index % s.C);
        var total = 0f;
        for (var row = 0; row < s.Voxels; row += s.RowLength)
        {
            var sum = 0f;
            for (var v = row; v < row + s.RowLength; v++)
            {
                sum += sample[(v * s.C) + c];
            }

            total += sum;
        }

        var average = total / s.Voxels;
        var squares = 0f;
        for (var row = 0; row < s.Voxels; row += s.RowLength)
        {
            var sum = 0f;
            for (var v = row; v < row + s.RowLength; v++)
            {
                var difference = sample[(v * s.C) + c] - average;
                sum += difference * difference;
            }

            squares += sum;
        }

        mean[index] = average;
        rstd[index] = 1f / XMath.Sqrt((squares / s.Voxels) + s.Epsilon);
    }

    private static void GradientSums(
        ArrayView<float> dy, ArrayView<float> x, ArrayView<float> mean, ArrayView<float> rstd, ArrayView<float> gamma,
        ArrayView<float> beta,
        ArrayView<float> sumD, ArrayView<float> sumDXhat, NormSizes s)
    {
        var index = ElementIndex.Current;
        if (index >= mean.Length)
        {
            return;
        }

        var first = index / s.C * s.Voxels * s.C;
        var values = x.SubView(first);
        var gradients = dy.SubView(first);
        var c = (int)(index % s.C);
        var average = mean[index];
        var inverse = rstd[index];
        var scale = gamma[c];
        var shift = beta[c];
        var a = 0f;
        var b = 0f;
        for (var row = 0; row < s.Voxels; row += s.RowLength)
        {
            var rowA = 0f;
            var rowB = 0f;
            for (var v = row; v < row + s.RowLength; v++)
            {
                var xhat = (values[(v * s.C) + c] - average) * inverse;
                var z = (scale * xhat) + shift;
                var d = gradients[(v * s.C) + c] * (z > 0f ? 1f : s.Slope);
                rowA += d;
                rowB += d * xhat;
            }

            a += rowA;
            b += rowB;
        }

        sumD[index] = a;
        sumDXhat[index] = b;
    }
}
