using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Normalization;

namespace SharpSeg.Kernels.Gpu;

internal sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void InstanceNormStatisticsCore(in InstanceNormProblem p, Tensor x, Tensor mean, Tensor rstd)
    {
        var sizes = new NormSizes(p);
        if (!UsesFast("instance norm"))
        {
            plainNorm.Value.LaunchStatistics(stream, sizes, View(x), View(mean), View(rstd));
        }
        else
        {
            normSums.Value.LaunchStatistics(
                stream, sizes, View(x), Scratch(InstanceNormSums.PartialsLength(sizes)), View(mean), View(rstd));
        }
    }

    /// <inheritdoc/>
    protected override void InstanceNormApplyCore(
        in InstanceNormProblem p, Tensor x, Tensor mean, Tensor rstd, Tensor gamma, Tensor beta, Tensor y)
    {
        var sizes = new NormSizes(p);
        if (sizes.IsVectorizable && UsesFast("instance norm"))
        {
            vectorNormApply.Value.LaunchApply(stream, sizes, View(x), View(mean), View(rstd), View(gamma), View(beta), View(y));
        }
        else
        {
            normApply.Value.LaunchApply(stream, sizes, View(x), View(mean), View(rstd), View(gamma), View(beta), View(y));
        }
    }

    /// <inheritdoc/>
    protected override void InstanceNormBackwardCore(
        in InstanceNormProblem p, Tensor dy, Tensor x, Tensor mean, Tensor rstd, Tensor gamma, Tensor beta,
        Tensor dx, Tensor dgamma, Tensor dbeta, bool accumulateParameters)
    {
        var sizes = new NormSizes(p);
        var fast = UsesFast("instance norm");
        var perChannel = p.StatisticsShape.Length;
        var partials = fast ? InstanceNormSums.PartialsLength(sizes) : 0;
        var sums = Scratch((2 * perChannel) + partials);
        var sumD = sums.SubView(0, perChannel);
        var sumDXhat = sums.SubView(perChannel, perChannel);
        if (!fast)
        {
            plainNorm.Value.LaunchGradientSums(
                stream, sizes, View(dy), View(x), View(mean), View(rstd), View(gamma), View(beta), sumD, sumDXhat);
        }
        else
        {
            normSums.Value.LaunchGradientSums(
                stream, sizes, View(dy), View(x), View(mean), View(rstd), View(gamma), View(beta), sums.SubView(2 * perChannel, partials),
                sumD, sumDXhat);
        }

        normApply.Value.LaunchParameters(stream, p.N, sumD, sumDXhat, View(dgamma), View(dbeta), accumulateParameters);
        if (fast && sizes.IsVectorizable)
        {
            vectorNormApply.Value.LaunchGradient(
                stream, sizes, View(dy), View(x), View(mean), View(rstd), View(gamma), View(beta), sumD, sumDXhat, View(dx));
        }
        else
        {
            normApply.Value.LaunchGradient(
                stream, sizes, View(dy), View(x), View(mean), View(rstd), View(gamma), View(beta), sumD, sumDXhat, View(dx));
        }
    }
}
