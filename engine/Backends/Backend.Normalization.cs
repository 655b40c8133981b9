using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Backends;

public abstract partial class Backend
{
    /// <summary>
    /// Mean and 1/√(var + eps) per sample and channel. Shapes and formula: <see cref="InstanceNormProblem"/>. Here and below x
    /// may be what <see cref="Activations"/> says; y and both gradients are what x is.
    /// </summary>
    public void InstanceNormStatistics(in InstanceNormProblem p, Tensor x, Tensor mean, Tensor rstd)
    {
        RequireActivation(x, p.ActivationShape, nameof(x));
        ShapeException.Require(mean, p.StatisticsShape, nameof(mean));
        ShapeException.Require(rstd, p.StatisticsShape, nameof(rstd));
        InstanceNormStatisticsCore(p, x, mean, rstd);
    }

    /// <summary>
    /// y = leaky(gamma·(x − mean)·rstd + beta) from given statistics. Separate from the statistics so that the backward pass can
    /// recompute y instead of keeping it. y may be x itself.
    /// </summary>
    public void InstanceNormApply(
        in InstanceNormProblem p, Tensor x, Tensor mean, Tensor rstd, Tensor gamma, Tensor beta, Tensor y)
    {
        RequireActivation(x, p.ActivationShape, nameof(x));
        ShapeException.Require(mean, p.StatisticsShape, nameof(mean));
        ShapeException.Require(rstd, p.StatisticsShape, nameof(rstd));
        ShapeException.Require(gamma, p.ParameterShape, nameof(gamma));
        ShapeException.Require(beta, p.ParameterShape, nameof(beta));
        ShapeException.Require(y, p.ActivationShape, x.Element, nameof(y));
        InstanceNormApplyCore(p, x, mean, rstd, gamma, beta, y);
    }

    /// <summary>
    /// Backward pass of norm + leaky ReLU (docs/method/networks.md §2.6). x̂ = (x − mean)·rstd; z = gamma·x̂ + beta; d = dy·(z
    /// &gt; 0 ? 1 : slope); A = Σd, B = Σd·x̂ over the V voxels of a sample and channel; dx = gamma·rstd/V·(V·d − A − x̂·B);
    /// dgamma = Σ_n B; dbeta = Σ_n A. V = 1 gives dx = 0. dx is overwritten and may be dy itself.
    /// </summary>
    public void InstanceNormBackward(
        in InstanceNormProblem p, Tensor dy, Tensor x, Tensor mean, Tensor rstd, Tensor gamma, Tensor beta,
        Tensor dx, Tensor dgamma, Tensor dbeta, bool accumulateParameters)
    {
        RequireActivation(x, p.ActivationShape, nameof(x));
        ShapeException.Require(dy, p.ActivationShape, x.Element, nameof(dy));
        ShapeException.Require(mean, p.StatisticsShape, nameof(mean));
        ShapeException.Require(rstd, p.StatisticsShape, nameof(rstd));
        ShapeException.Require(gamma, p.ParameterShape, nameof(gamma));
        ShapeException.Require(beta, p.ParameterShape, nameof(beta));
        ShapeException.Require(dx, p.ActivationShape, x.Element, nameof(dx));
        ShapeException.Require(dgamma, p.ParameterShape, nameof(dgamma));
        ShapeException.Require(dbeta, p.ParameterShape, nameof(dbeta));
        InstanceNormBackwardCore(p, dy, x, mean, rstd, gamma, beta, dx, dgamma, dbeta, accumulateParameters);
    }

    /// <inheritdoc cref="InstanceNormStatistics"/>
    protected abstract void InstanceNormStatisticsCore(in InstanceNormProblem p, Tensor x, Tensor mean, Tensor rstd);

    /// <inheritdoc cref="InstanceNormApply"/>
    protected abstract void InstanceNormApplyCore(
        in InstanceNormProblem p, Tensor x, Tensor mean, Tensor rstd, Tensor gamma, Tensor beta, Tensor y);

    /// <inheritdoc cref="InstanceNormBackward"/>
    protected abstract void InstanceNormBackwardCore(
        in InstanceNormProblem p, Tensor dy, Tensor x, Tensor mean, Tensor rstd, Tensor gamma, Tensor beta,
        Tensor dx, Tensor dgamma, Tensor dbeta, bool accumulateParameters);
}
