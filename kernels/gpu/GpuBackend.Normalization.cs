using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Device;
using SharpSeg.Kernels.Gpu.Normalization;
using SharpSeg.Kernels.Gpu.Variants;

namespace SharpSeg.Kernels.Gpu;

/// <content>Instance normalisation with leaky ReLU.</content>
internal sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void InstanceNormStatisticsCore(in InstanceNormProblem p, Tensor x, Tensor mean, Tensor rstd) =>
        InstanceNormStatistics(variants.For(Operation.InstanceNorm), p, x, mean, rstd);

    /// <inheritdoc/>
    protected override void InstanceNormApplyCore(
        in InstanceNormProblem p, Tensor x, Tensor mean, Tensor rstd, Tensor gamma, Tensor beta, Tensor y) =>
        InstanceNormApply(variants.For(Operation.InstanceNorm), p, x, mean, rstd, gamma, beta, y);

    /// <inheritdoc/>
    protected override void InstanceNormBackwardCore(
        in InstanceNormProblem p, Tensor dy, Tensor x, Tensor mean, Tensor rstd, Tensor gamma, Tensor beta,
        Tensor dx, Tensor dgamma, Tensor dbeta, bool accumulateParameters) =>
        InstanceNormBackward(
            variants.For(Operation.InstanceNorm), p, dy, x, mean, rstd, gamma, beta, dx, dgamma, dbeta, accumulateParameters);

    /// <summary>mean and rstd from x.</summary>
    internal void InstanceNormStatistics(Variant variant, in InstanceNormProblem p, Tensor x, Tensor mean, Tensor rstd)
    {
        var sizes = new NormSizes(p);
        if (NeedsWide(variant, sizes, x))
        {
            Wide.Begin(x);
            InstanceNormStatistics(variant, p, Wide.Of(x), mean, rstd);
        }
        else if (variant == Variant.Plain)
        {
            Kernels.PlainInstanceNorm.LaunchStatistics(Stream, sizes, View(x), View(mean), View(rstd));
        }
        else
        {
            Kernels.InstanceNormSums.LaunchStatistics(
                Stream, Elements.IndexOf(x), sizes, View(x), Scratch(InstanceNormSums.PartialsLength(sizes)), View(mean),
                View(rstd));
        }
    }

    /// <summary>y from x.</summary>
    internal void InstanceNormApply(
        Variant variant, in InstanceNormProblem p, Tensor x, Tensor mean, Tensor rstd, Tensor gamma, Tensor beta, Tensor y)
    {
        var sizes = new NormSizes(p);
        if (NeedsWide(variant, sizes, x))
        {
            Wide.Begin(x, y);
            var (from, to) = (Wide.Of(x), Wide.For(y, read: false));
            InstanceNormApply(variant, p, from, mean, rstd, gamma, beta, to);
            CopyCore(to, y);
        }
        else if (variant == Variant.Fast && sizes.IsVectorizable)
        {
            Kernels.VectorNormApply.LaunchApply(
                Stream, Elements.IndexOf(x), sizes, View(x), View(mean), View(rstd), View(gamma), View(beta), View(y));
        }
        else
        {
            Kernels.InstanceNormApply.LaunchApply(
                Stream, sizes, View(x), View(mean), View(rstd), View(gamma), View(beta), View(y));
        }
    }

    /// <summary>dx, dgamma and dbeta from dy.</summary>
    internal void InstanceNormBackward(
        Variant variant, in InstanceNormProblem p, Tensor dy, Tensor x, Tensor mean, Tensor rstd, Tensor gamma, Tensor beta,
        Tensor dx, Tensor dgamma, Tensor dbeta, bool accumulateParameters)
    {
        var sizes = new NormSizes(p);
        if (NeedsWide(variant, sizes, x))
        {
            Wide.Begin(dy, x);
            var (from, values) = (Wide.Of(dy), Wide.Of(x));
            InstanceNormBackward(
                variant, p, from, values, mean, rstd, gamma, beta, from, dgamma, dbeta, accumulateParameters);
            CopyCore(from, dx);
            return;
        }

        var perChannel = p.StatisticsShape.Length;
        var partials = variant == Variant.Plain ? 0 : InstanceNormSums.PartialsLength(sizes);
        var sums = Scratch((2 * perChannel) + partials);
        var sumD = sums.SubView(0, perChannel);
        var sumDXhat = sums.SubView(perChannel, perChannel);
        if (variant == Variant.Plain)
        {
            Kernels.PlainInstanceNorm.LaunchGradientSums(
                Stream, sizes, View(dy), View(x), View(mean), View(rstd), View(gamma), View(beta), sumD, sumDXhat);
        }
        else
        {
            Kernels.InstanceNormSums.LaunchGradientSums(
                Stream, Elements.IndexOf(x), sizes, View(dy), View(x), View(mean), View(rstd), View(gamma), View(beta),
                sums.SubView(2 * perChannel, partials));
            Kernels.PartSum.Launch(
                Stream, sums.SubView(2 * perChannel, partials), ChannelGroups.Chunks(sizes.Voxels), p.C,
                sums.SubView(0, 2 * perChannel), accumulate: false);
        }

        Kernels.InstanceNormApply.LaunchParameters(Stream, p.N, sumD, sumDXhat, View(dgamma), View(dbeta), accumulateParameters);
        if (variant == Variant.Fast && sizes.IsVectorizable)
        {
            Kernels.VectorNormApply.LaunchGradient(
                Stream, Elements.IndexOf(x), sizes, View(dy), View(x), View(mean), View(rstd), View(gamma), View(beta),
                sumD, sumDXhat, View(dx));
        }
        else
        {
            Kernels.InstanceNormApply.LaunchGradient(
                Stream, sizes, View(dy), View(x), View(mean), View(rstd), View(gamma), View(beta), sumD, sumDXhat, View(dx));
        }
    }

    private bool NeedsWide(Variant variant, in NormSizes sizes, Tensor x) =>
        IsHalf(x) && (variant == Variant.Plain || !Kernels.InstanceNormSums.IsVector(sizes));
}
