using ILGPU;
using ILGPU.Algorithms;
using ILGPU.Runtime;
using SharpSeg.Engine.Backends;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Optimizer;

/// <summary>
/// One optimiser step over all parameters of a network in one launch (they lie in one buffer).
/// <para>Maths: <see cref="SgdStep"/> and <see cref="AdamStep"/>; the powers of Adam's betas are taken on the host in
/// double.</para>
/// <para>Mapping: one thread per parameter; bound by memory: 5 words moved per parameter for SGD, 7 for Adam, 9 for
/// AMSGrad.</para>
/// </summary>
internal sealed class OptimizerKernels(KernelList list)
{
    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        SgdStep>> sgd = new(
        list, Sgd,
        (ArrayView<float> theta, ArrayView<float> gradient, ArrayView<float> velocity) =>
            KernelCost.Of([theta, gradient, velocity], [theta, velocity]));

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        ArrayView<float>, ArrayView<float>, AdamFactors>> adam = new(
        list, Adam,
        (ArrayView<float> theta, AdamFactors o) =>
            KernelCost.OfWords((4 + o.AmsGrad) * theta.Length, (3 + o.AmsGrad) * theta.Length));

    /// <summary>SGD with Nesterov momentum.</summary>
    public void LaunchSgd(
        AcceleratorStream stream, in SgdStep options, ArrayView<float> theta, ArrayView<float> gradient,
        ArrayView<float> velocity) =>
        sgd.Launch(stream, ElementIndex.Over(theta.Length), theta, gradient, velocity, options);

    /// <summary>Adam; vmax may be any view unless AMSGrad is on.</summary>
    public void LaunchAdam(
        AcceleratorStream stream, in AdamStep options, ArrayView<float> theta, ArrayView<float> gradient, ArrayView<float> m,
        ArrayView<float> v, ArrayView<float> vmax) =>
        adam.Launch(stream, ElementIndex.Over(theta.Length), theta, gradient, m, v, vmax, new AdamFactors(options));

    private static void Sgd(ArrayView<float> theta, ArrayView<float> gradient, ArrayView<float> velocity, SgdStep o)
    {
        var i = ElementIndex.Current;
        if (i >= theta.Length)
        {
            return;
        }

        var weight = theta[i];
        var g = (o.GradientScale * gradient[i]) + (o.WeightDecay * weight);
        var v = (o.Momentum * velocity[i]) + g;
        velocity[i] = v;
        theta[i] = weight - (o.LearningRate * (g + (o.Momentum * v)));
    }

    private static void Adam(
        ArrayView<float> theta, ArrayView<float> gradient, ArrayView<float> m, ArrayView<float> v, ArrayView<float> vmax,
        AdamFactors o)
    {
        var i = ElementIndex.Current;
        if (i >= theta.Length)
        {
            return;
        }

        var weight = theta[i];
        var g = (o.GradientScale * gradient[i]) + (o.WeightDecay * weight);
        var first = (o.Beta1 * m[i]) + (o.OneMinusBeta1 * g);
        var second = (o.Beta2 * v[i]) + (o.OneMinusBeta2 * g * g);
        m[i] = first;
        v[i] = second;
        if (o.AmsGrad != 0)
        {
            var highest = vmax[i];
            second = second > highest ? second : highest;
            vmax[i] = second;
        }

        theta[i] = weight - (o.StepSize * first / ((XMath.Sqrt(second) * o.InverseRootCorrection2) + o.Epsilon));
    }
}

/// <summary><see cref="AdamStep"/> with everything that does not depend on the parameter precomputed.</summary>
internal readonly struct AdamFactors
{
    public readonly float StepSize, InverseRootCorrection2, WeightDecay, GradientScale;
    public readonly float Beta1, OneMinusBeta1, Beta2, OneMinusBeta2, Epsilon;
    public readonly int AmsGrad;

    public AdamFactors(in AdamStep o)
    {
        StepSize = (float)(o.LearningRate / (1.0 - Math.Pow(o.Beta1, o.Step)));
        InverseRootCorrection2 = (float)(1.0 / Math.Sqrt(1.0 - Math.Pow(o.Beta2, o.Step)));
        (WeightDecay, GradientScale, Epsilon) = (o.WeightDecay, o.GradientScale, (float)o.Epsilon);
        (Beta1, OneMinusBeta1) = ((float)o.Beta1, (float)(1.0 - o.Beta1));
        (Beta2, OneMinusBeta2) = ((float)o.Beta2, (float)(1.0 - o.Beta2));
        AmsGrad = o.AmsGrad ? 1 : 0;
    }
}
