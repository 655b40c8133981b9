using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Normalization;

/// <summary>
/// The element-wise halves of instance normalisation + leaky ReLU, given the sums over voxels.
/// <para>Shapes: x, y, dy, dx (n, z, y, x, c); gamma, beta, dgamma, dbeta (c); mean, rstd, sumD, sumDXhat (n, c).</para>
/// <para>Maths: y = leaky(gamma·x̂ + beta); dx = gamma·rstd/V·(V·d − A − x̂·B); dgamma = Σ_n B; dbeta = Σ_n A. Source:
/// docs/method/networks.md §2.5, §2.6; Ulyanov, Vedaldi, Lempitsky 2016, arXiv:1607.08022.</para>
/// <para>Mapping: one thread per element, any channel count; <see cref="VectorNormApply"/> is faster. y may be x and dx may be
/// dy: a thread reads its element before it writes.</para>
/// </summary>
internal sealed class InstanceNormApply(KernelList list)
{
    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        ArrayView<float>, ArrayView<float>, ArrayView<float>, NormSizes>> apply = new(
        list, Apply,
        (ArrayView<float> x, ArrayView<float> y) => KernelCost.Of([x], [y]));

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, NormSizes>>
        gradient = new(
        list, Gradient,
        (ArrayView<float> dy, ArrayView<float> x, ArrayView<float> dx) => KernelCost.Of([dy, x], [dx]));

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        ArrayView<float>, int, int>> parameters = new(
        list, Parameters,
        (ArrayView<float> sumD, ArrayView<float> sumDXhat, ArrayView<float> dgamma, ArrayView<float> dbeta) =>
            KernelCost.Of([sumD, sumDXhat], [dgamma, dbeta]));

    /// <summary>y from x.</summary>
    public void LaunchApply(
        AcceleratorStream stream, in NormSizes s, ArrayView<float> x, ArrayView<float> mean, ArrayView<float> rstd,
        ArrayView<float> gamma,
        ArrayView<float> beta, ArrayView<float> y) =>
        apply.Launch(stream, ElementIndex.Over(x.Length), x, mean, rstd, gamma, beta, y, s);

    /// <summary>dx from dy and the sums.</summary>
    public void LaunchGradient(
        AcceleratorStream stream, in NormSizes s, ArrayView<float> dy, ArrayView<float> x, ArrayView<float> mean,
        ArrayView<float> rstd,
        ArrayView<float> gamma, ArrayView<float> beta, ArrayView<float> sumD, ArrayView<float> sumDXhat, ArrayView<float> dx) =>
        gradient.Launch(stream, ElementIndex.Over(x.Length), dy, x, mean, rstd, gamma, beta, sumD, sumDXhat, dx, s);

    /// <summary>dgamma and dbeta from the sums.</summary>
    public void LaunchParameters(
        AcceleratorStream stream, int samples, ArrayView<float> sumD, ArrayView<float> sumDXhat, ArrayView<float> dgamma,
        ArrayView<float> dbeta, bool accumulate) =>
        parameters.Launch(stream, ElementIndex.Over(dgamma.Length), sumD, sumDXhat, dgamma, dbeta, samples, accumulate ? 1 : 0);

    private static void Apply(
        ArrayView<float> x, ArrayView<float> mean, ArrayView<float> rstd, ArrayView<float> gamma, ArrayView<float> beta,
        ArrayView<float> y,
        NormSizes s)
    {
        var element = ElementIndex.Current;
        if (element >= x.Length)
        {
            return;
        }

        var c = (int)(element % s.C);
        var channel = (int)(element / s.C / s.Voxels * s.C) + c;
        y[element] = NormElement.Output(x[element], mean[channel], rstd[channel], gamma[c], beta[c], s.Slope);
    }

    private static void Gradient(
        ArrayView<float> dy, ArrayView<float> x, ArrayView<float> mean, ArrayView<float> rstd, ArrayView<float> gamma,
        ArrayView<float> beta,
        ArrayView<float> sumD, ArrayView<float> sumDXhat, ArrayView<float> dx, NormSizes s)
    {
        var element = ElementIndex.Current;
        if (element >= x.Length)
        {
            return;
        }

        var c = (int)(element % s.C);
        var channel = (int)(element / s.C / s.Voxels * s.C) + c;
        var xhat = (x[element] - mean[channel]) * rstd[channel];
        var d = NormElement.Slope(dy[element], xhat, gamma[c], beta[c], s.Slope);
        var centred = NormElement.Centred(d, xhat, sumD[channel], sumDXhat[channel], 1f / s.Voxels);
        dx[element] = s.Voxels == 1 ? 0f : gamma[c] * rstd[channel] * centred;
    }

    private static void Parameters(
        ArrayView<float> sumD, ArrayView<float> sumDXhat, ArrayView<float> dgamma, ArrayView<float> dbeta, int samples,
        int accumulate)
    {
        var c = (int)ElementIndex.Current;
        var channels = (int)dgamma.Length;
        if (c >= channels)
        {
            return;
        }

        var a = accumulate != 0 ? dbeta[c] : 0f;
        var b = accumulate != 0 ? dgamma[c] : 0f;
        for (var n = 0; n < samples; n++)
        {
            a += sumD[(n * channels) + c];
            b += sumDXhat[(n * channels) + c];
        }

        dbeta[c] = a;
        dgamma[c] = b;
    }
}
