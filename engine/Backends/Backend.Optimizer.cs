using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Backends;

public abstract partial class Backend
{
    /// <summary>
    /// Σ g² over all given tensors, summed so that float32 overflow and rounding do not matter; waits for the result.
    /// Any infinite or NaN element makes the result non-finite.
    /// </summary>
    public double SumOfSquares(Tensor g)
    {
        RequireFloat32(g, nameof(g));
        RequireNotRecording();
        return SumOfSquaresCore(g);
    }

    /// <summary>
    /// One step of SGD with Nesterov momentum, in place. All tensors have the same shape. Formula:
    /// <see cref="Backends.SgdStep"/>.
    /// </summary>
    public void SgdStep(in SgdStep options, Tensor theta, Tensor gradient, Tensor velocity)
    {
        RequireFloat32(theta, nameof(theta));
        ShapeException.Require(gradient, theta.Shape, nameof(gradient));
        ShapeException.Require(velocity, theta.Shape, nameof(velocity));
        SgdStepCore(options, theta, gradient, velocity);
    }

    /// <summary>
    /// One step of Adam, in place. All tensors have the same shape; vmax is given if and only if AMSGrad is on. Formula:
    /// <see cref="Backends.AdamStep"/>.
    /// </summary>
    public void AdamStep(in AdamStep options, Tensor theta, Tensor gradient, Tensor m, Tensor v, Tensor? vmax)
    {
        RequireFloat32(theta, nameof(theta));
        ShapeException.Require(gradient, theta.Shape, nameof(gradient));
        ShapeException.Require(m, theta.Shape, nameof(m));
        ShapeException.Require(v, theta.Shape, nameof(v));
        if (options.AmsGrad != (vmax is not null))
        {
            throw new ShapeException("vmax must be given if and only if AMSGrad is on");
        }

        RequireOptional(vmax, theta.Shape, nameof(vmax));
        AdamStepCore(options, theta, gradient, m, v, vmax);
    }

    /// <inheritdoc cref="SumOfSquares"/>
    protected abstract double SumOfSquaresCore(Tensor g);

    /// <inheritdoc cref="SgdStep"/>
    protected abstract void SgdStepCore(in SgdStep options, Tensor theta, Tensor gradient, Tensor velocity);

    /// <inheritdoc cref="AdamStep"/>
    protected abstract void AdamStepCore(in AdamStep options, Tensor theta, Tensor gradient, Tensor m, Tensor v, Tensor? vmax);
}
