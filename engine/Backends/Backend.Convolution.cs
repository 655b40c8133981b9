using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Backends;

public abstract partial class Backend
{
    /// <summary>
    /// y = conv([x, x2], w) + b. Shapes and formula: <see cref="ConvProblem"/>. x and y may be float32 or what
    /// <see cref="Activations"/> says, each by itself, and so may their gradients; x2 is what x is.
    /// </summary>
    /// <param name="p">Sizes.</param>
    /// <param name="x">First input.</param>
    /// <param name="x2">Second input; null if and only if p.Cin2 = 0.</param>
    /// <param name="w">Weights.</param>
    /// <param name="b">Bias (Cout), or null for none.</param>
    /// <param name="y">Output.</param>
    public void ConvForward(in ConvProblem p, Tensor x, Tensor? x2, Tensor w, Tensor? b, Tensor y)
    {
        RequireForward(p, x, x2, w, b, y);
        ConvForwardCore(p, x, x2, w, b, y);
    }

    /// <summary>
    /// <see cref="ConvForward"/>, then <see cref="InstanceNormStatistics"/> of y, in one: a device may take them from the results
    /// that it still holds instead of reading y again. They are those of y as it is written, rounded.
    /// </summary>
    /// <param name="p">Sizes.</param>
    /// <param name="x">First input.</param>
    /// <param name="x2">Second input; null if and only if p.Cin2 = 0.</param>
    /// <param name="w">Weights.</param>
    /// <param name="b">Bias (Cout), or null for none.</param>
    /// <param name="y">Output.</param>
    /// <param name="epsilon">Added to the variance.</param>
    /// <param name="mean">Mean of y, (n, Cout).</param>
    /// <param name="rstd">1/√(var + epsilon) of y, (n, Cout).</param>
    public void ConvForwardMeasured(
        in ConvProblem p, Tensor x, Tensor? x2, Tensor w, Tensor? b, Tensor y, float epsilon, Tensor mean, Tensor rstd)
    {
        RequireForward(p, x, x2, w, b, y);
        var norm = new InstanceNormProblem(p.N, p.Output, p.Cout, Slope: 1f, epsilon);
        ShapeException.Require(mean, norm.StatisticsShape, nameof(mean));
        ShapeException.Require(rstd, norm.StatisticsShape, nameof(rstd));
        ConvForwardMeasuredCore(p, x, x2, w, b, y, norm, mean, rstd);
    }

    /// <summary>
    /// Gradient with respect to the inputs: dx[i] = Σ_{o,k: o·s + k − pad = i} Σ_q dy[o, q]·w[k, ·, q]; dx2 likewise for the
    /// second input's channels. Either may be null if it is not needed, but not both.
    /// </summary>
    /// <param name="p">Sizes of the forward pass.</param>
    /// <param name="dy">Gradient with respect to the output.</param>
    /// <param name="w">Weights.</param>
    /// <param name="dx">Gradient with respect to x, or null.</param>
    /// <param name="accumulate">Add to dx instead of overwriting it.</param>
    /// <param name="dx2">Gradient with respect to x2, or null.</param>
    /// <param name="accumulate2">Add to dx2 instead of overwriting it.</param>
    public void ConvBackwardData(
        in ConvProblem p, Tensor dy, Tensor w, Tensor? dx, bool accumulate, Tensor? dx2 = null, bool accumulate2 = false)
    {
        p.Check();
        RequireActivation(dy, p.OutputShape, nameof(dy));
        ShapeException.Require(w, p.WeightShape, nameof(w));
        if (dx is null && dx2 is null)
        {
            throw new ShapeException("neither input's gradient was asked for");
        }

        if (dx is not null)
        {
            RequireActivation(dx, p.InputShape, nameof(dx));
        }

        if (dx2 is not null)
        {
            RequireActivation(dx2, p.Input2Shape, nameof(dx2));
        }

        ConvBackwardDataCore(p, dy, w, dx, accumulate, dx2, accumulate2);
    }

    /// <summary>
    /// Gradient with respect to the weights: dw[k, i, q] = Σ_{n,o} [x, x2][o·s + k − pad, i]·dy[o, q]; db[q] = Σ_{n,o} dy[o, q].
    /// </summary>
    /// <param name="p">Sizes of the forward pass.</param>
    /// <param name="x">First input.</param>
    /// <param name="x2">Second input; null if and only if p.Cin2 = 0.</param>
    /// <param name="dy">Gradient with respect to the output.</param>
    /// <param name="dw">Gradient with respect to the weights.</param>
    /// <param name="db">Gradient with respect to the bias, or null.</param>
    /// <param name="accumulate">Add to dw and db instead of overwriting them.</param>
    public void ConvBackwardWeights(in ConvProblem p, Tensor x, Tensor? x2, Tensor dy, Tensor dw, Tensor? db, bool accumulate)
    {
        p.Check();
        RequireActivation(x, p.InputShape, nameof(x));
        RequireSecond(p, x, x2, nameof(x2));
        RequireActivation(dy, p.OutputShape, nameof(dy));
        ShapeException.Require(dw, p.WeightShape, nameof(dw));
        RequireOptional(db, Shape.Vector(p.Cout), nameof(db));
        ConvBackwardWeightsCore(p, x, x2, dy, dw, db, accumulate);
    }

    /// <summary>
    /// y = transposed conv(x, w) + b with kernel = stride. Shapes and formula: <see cref="TransposedConvProblem"/>.
    /// </summary>
    public void TransposedConvForward(in TransposedConvProblem p, Tensor x, Tensor w, Tensor? b, Tensor y)
    {
        p.Check();
        RequireActivation(x, p.InputShape, nameof(x));
        ShapeException.Require(w, p.WeightShape, nameof(w));
        RequireOptional(b, Shape.Vector(p.Cout), nameof(b));
        RequireActivation(y, p.OutputShape, nameof(y));
        TransposedConvForwardCore(p, x, w, b, y);
    }

    /// <summary>Gradient with respect to the input: dx[i, c] = Σ_{r,q} dy[s·i + r, q]·w[r, c, q].</summary>
    public void TransposedConvBackwardData(in TransposedConvProblem p, Tensor dy, Tensor w, Tensor dx, bool accumulate)
    {
        p.Check();
        RequireActivation(dy, p.OutputShape, nameof(dy));
        ShapeException.Require(w, p.WeightShape, nameof(w));
        RequireActivation(dx, p.InputShape, nameof(dx));
        TransposedConvBackwardDataCore(p, dy, w, dx, accumulate);
    }

    /// <summary>Gradient with respect to the weights: dw[r, c, q] = Σ_{n,i} x[i, c]·dy[s·i + r, q]; db[q] = Σ dy[·, q].</summary>
    public void TransposedConvBackwardWeights(
        in TransposedConvProblem p, Tensor x, Tensor dy, Tensor dw, Tensor? db, bool accumulate)
    {
        p.Check();
        RequireActivation(x, p.InputShape, nameof(x));
        RequireActivation(dy, p.OutputShape, nameof(dy));
        ShapeException.Require(dw, p.WeightShape, nameof(dw));
        RequireOptional(db, Shape.Vector(p.Cout), nameof(db));
        TransposedConvBackwardWeightsCore(p, x, dy, dw, db, accumulate);
    }

    /// <inheritdoc cref="ConvForward"/>
    protected abstract void ConvForwardCore(in ConvProblem p, Tensor x, Tensor? x2, Tensor w, Tensor? b, Tensor y);

    /// <inheritdoc cref="ConvForwardMeasured"/>
    protected virtual void ConvForwardMeasuredCore(
        in ConvProblem p, Tensor x, Tensor? x2, Tensor w, Tensor? b, Tensor y, in InstanceNormProblem norm, Tensor mean,
        Tensor rstd)
    {
        ConvForwardCore(p, x, x2, w, b, y);
        InstanceNormStatisticsCore(norm, y, mean, rstd);
    }

    /// <inheritdoc cref="ConvBackwardData"/>
    protected abstract void ConvBackwardDataCore(
        in ConvProblem p, Tensor dy, Tensor w, Tensor? dx, bool accumulate, Tensor? dx2, bool accumulate2);

    /// <inheritdoc cref="ConvBackwardWeights"/>
    protected abstract void ConvBackwardWeightsCore(
        in ConvProblem p, Tensor x, Tensor? x2, Tensor dy, Tensor dw, Tensor? db, bool accumulate);

    /// <inheritdoc cref="TransposedConvForward"/>
    protected abstract void TransposedConvForwardCore(in TransposedConvProblem p, Tensor x, Tensor w, Tensor? b, Tensor y);

    /// <inheritdoc cref="TransposedConvBackwardData"/>
    protected abstract void TransposedConvBackwardDataCore(
        in TransposedConvProblem p, Tensor dy, Tensor w, Tensor dx, bool accumulate);

    /// <inheritdoc cref="TransposedConvBackwardWeights"/>
    protected abstract void TransposedConvBackwardWeightsCore(
        in TransposedConvProblem p, Tensor x, Tensor dy, Tensor dw, Tensor? db, bool accumulate);

    private void RequireForward(in ConvProblem p, Tensor x, Tensor? x2, Tensor w, Tensor? b, Tensor y)
    {
        p.Check();
        RequireActivation(x, p.InputShape, nameof(x));
        RequireSecond(p, x, x2, nameof(x2));
        ShapeException.Require(w, p.WeightShape, nameof(w));
        RequireOptional(b, Shape.Vector(p.Cout), nameof(b));
        RequireActivation(y, p.OutputShape, nameof(y));
    }

    private static void RequireSecond(in ConvProblem p, Tensor x, Tensor? x2, string name)
    {
        if (p.Cin2 == 0 != (x2 is null))
        {
            throw new ShapeException($"{name} must be given if and only if the problem has a second input (Cin2 = {p.Cin2})");
        }

        if (x2 is not null)
        {
            ShapeException.Require(x2, p.Input2Shape, x.Element, name);
        }
    }

    private static void RequireOptional(Tensor? tensor, Shape expected, string name)
    {
        if (tensor is not null)
        {
            ShapeException.Require(tensor, expected, name);
        }
    }
}
