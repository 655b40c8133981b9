using System.Globalization;
using SharpSeg.Conformance;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.Engine.Tests;

/// <summary>
/// The backward operations of <see cref="ReferenceBackend"/> against central differences of F(x) = Σ dy·f(x) with random dy, for
/// every input. Never the plain sum: normalisation makes it constant and would hide every error. This is what makes the reference
/// a reference; all other backends are compared with it.
/// </summary>
public sealed class ReferenceGradients : IDisposable
{
    /// <summary>
    /// Central differences with step h are off by h² ≈ 10⁻¹⁰ times a third derivative, and by rounding 10⁻¹⁶/h ≈ 10⁻¹¹.
    /// </summary>
    private const double Step = 1e-5;

    private const double Tolerance = 1e-7;

    private readonly ReferenceBackend backend = new();
    private readonly Random random = new(Seed);

    private static int Seed { get; } =
        int.TryParse(Environment.GetEnvironmentVariable("SHARPSEG_TEST_SEED"), CultureInfo.InvariantCulture, out var seed)
            ? seed
            : Random.Shared.Next();

    /// <inheritdoc/>
    public void Dispose()
    {
        backend.Dispose();
    }

    [Theory]
    [InlineData(1, 3, 1, 0)]
    [InlineData(2, 3, 2, 0)]
    [InlineData(1, 3, 2, 3)]
    [InlineData(1, 1, 1, 2)]
    [InlineData(2, 5, 3, 0)]
    public void Convolution(int samples, int kernel, int stride, int secondChannels)
    {
        var p = new ConvProblem(
            samples, new(3, 4, 5), 2, secondChannels, 3, new(kernel, 3, kernel), new(stride, 1, stride));
        var (x, w, b, dy, y) =
            (Drawn(p.InputShape), Drawn(p.WeightShape), Drawn(Shape.Vector(p.Cout)), Drawn(p.OutputShape), New(p.OutputShape));
        var x2 = secondChannels > 0 ? Drawn(p.Input2Shape) : null;
        var (dx, dw, db) = (New(x.Shape), New(w.Shape), New(b.Shape));
        var dx2 = x2 is null ? null : New(x2.Shape);
        backend.ConvBackwardData(p, dy, w, dx, false, dx2, false);
        backend.ConvBackwardWeights(p, x, x2, dy, dw, db, false);

        double F()
        {
            backend.ConvForward(p, x, x2, w, b, y);
            return Dot(dy, y);
        }

        RequireDerivative("x", F, x, dx);
        RequireDerivative("w", F, w, dw);
        RequireDerivative("b", F, b, db);
        if (x2 is not null)
        {
            RequireDerivative("x2", F, x2, dx2!);
        }
    }

    [Theory]
    [InlineData(2, 2, 2)]
    [InlineData(1, 2, 3)]
    public void TransposedConvolution(int strideZ, int strideY, int strideX)
    {
        var p = new TransposedConvProblem(2, new(2, 3, 2), 3, 2, new(strideZ, strideY, strideX));
        var (x, w, b, dy, y) =
            (Drawn(p.InputShape), Drawn(p.WeightShape), Drawn(Shape.Vector(p.Cout)), Drawn(p.OutputShape), New(p.OutputShape));
        var (dx, dw, db) = (New(x.Shape), New(w.Shape), New(b.Shape));
        backend.TransposedConvBackwardData(p, dy, w, dx, false);
        backend.TransposedConvBackwardWeights(p, x, dy, dw, db, false);

        double F()
        {
            backend.TransposedConvForward(p, x, w, b, y);
            return Dot(dy, y);
        }

        RequireDerivative("x", F, x, dx);
        RequireDerivative("w", F, w, dw);
        RequireDerivative("b", F, b, db);
    }

    /// <summary>
    /// The statistics depend on x, so F runs them too. Values of z near the kink of the leaky ReLU are moved away.
    /// </summary>
    [Theory]
    [InlineData(0.01f)]
    [InlineData(1f)]
    public void InstanceNormWithLeakyRelu(float slope)
    {
        const double Kink = 1e-3;
        var p = new InstanceNormProblem(2, new(2, 3, 4), 3, slope);
        var (x, gamma, beta, dy) = (
            Drawn(p.ActivationShape), Drawn(p.ParameterShape), Drawn(p.ParameterShape), Drawn(p.ActivationShape));
        var (mean, rstd, y) = (New(p.StatisticsShape), New(p.StatisticsShape), New(p.ActivationShape));
        var (dx, dgamma, dbeta) = (New(x.Shape), New(gamma.Shape), New(beta.Shape));

        double F()
        {
            backend.InstanceNormStatistics(p, x, mean, rstd);
            backend.InstanceNormApply(p, x, mean, rstd, gamma, beta, y);
            return Dot(dy, y);
        }

        while (true)
        {
            F();
            if (backend.Read(y).All(v => v > Kink || v < -Kink * slope))
            {
                break;
            }

            backend.Write(x, Draw(x.Length));
        }

        backend.InstanceNormBackward(p, dy, x, mean, rstd, gamma, beta, dx, dgamma, dbeta, false);
        RequireDerivative("x", F, x, dx);
        RequireDerivative("gamma", F, gamma, dgamma);
        RequireDerivative("beta", F, beta, dbeta);
    }

    [Fact]
    public void AddLeakyRelu()
    {
        var shape = Shape.Activation(2, new(2, 3, 4), 3);
        var (a, b, dy, y, d) = (Drawn(shape), Drawn(shape), Drawn(shape), New(shape), New(shape));
        var (first, second) = (backend.Read(a), backend.Read(b));
        for (var i = 0; i < first.Length; i++)
        {
            first[i] += Math.Abs(first[i] + second[i]) < 1e-3 ? 0.1 : 0;          // away from the kink
        }

        backend.Write(a, first);

        double F()
        {
            backend.AddLeakyReluForward(a, b, 0.01f, y);
            return Dot(dy, y);
        }

        F();
        backend.AddLeakyReluBackward(dy, y, 0.01f, d);
        RequireDerivative("a", F, a, d);
        RequireDerivative("b", F, b, d);
    }

    /// <summary>Average pooling and nearest up-sampling are each other's backward passes.</summary>
    [Fact]
    public void BlockSumAndBlockRepeat()
    {
        var block = new Extent(1, 2, 3);
        var (fineShape, coarseShape) = (Shape.Activation(2, new(2, 4, 6), 3), Shape.Activation(2, new(2, 2, 2), 3));
        var (fine, coarse, dFine, dCoarse) = (Drawn(fineShape), Drawn(coarseShape), Drawn(fineShape), Drawn(coarseShape));
        var (toFine, toCoarse) = (New(fineShape), New(coarseShape));

        backend.BlockRepeat(dCoarse, block, 0.25f, toFine, accumulate: false);
        RequireDerivative("pooled x", () => Sum(New(coarseShape)), fine, toFine);
        backend.BlockSum(dFine, block, 0.25f, toCoarse, accumulate: false);
        RequireDerivative("repeated x", () => Repeat(New(fineShape)), coarse, toCoarse);

        double Sum(Tensor output)
        {
            backend.BlockSum(fine, block, 0.25f, output, accumulate: false);
            return Dot(dCoarse, output);
        }

        double Repeat(Tensor output)
        {
            backend.BlockRepeat(coarse, block, 0.25f, output, accumulate: false);
            return Dot(dFine, output);
        }
    }

    /// <summary>The derivative of weight·(CE − mean Dice) by every logit, in all forms of the loss.</summary>
    [Theory]
    [InlineData(false, false, -1, false)]
    [InlineData(false, true, -1, false)]
    [InlineData(false, false, 3, true)]
    [InlineData(false, true, 3, true)]
    [InlineData(true, false, -1, false)]
    [InlineData(true, true, -1, false)]
    [InlineData(true, false, 3, false)]
    [InlineData(true, true, 3, false)]
    [InlineData(false, true, 3, false, LossTerms.Dice)]
    [InlineData(true, false, 3, false, LossTerms.Dice)]
    [InlineData(false, true, 3, false, LossTerms.CrossEntropy)]
    [InlineData(true, false, 3, false, LossTerms.CrossEntropy)]
    public void DiceAndCrossEntropy(
        bool regions, bool batchDice, int ignoreLabel, bool background, LossTerms terms = LossTerms.DiceAndCrossEntropy)
    {
        const float Weight = 0.375f;
        var p = new LossProblem(
            2, new(2, 3, 2), 3, regions, batchDice, ignoreLabel, DiceIncludesBackground: background, Terms: terms);
        var (logits, target, sums, dlogits) = (Drawn(p.LogitsShape), New(p.TargetShape), New(p.SumsShape), New(p.LogitsShape));
        var labels = new double[p.TargetShape.Length];
        for (var i = 0; i < labels.Length; i++)
        {
            labels[i] = random.Next(regions ? 2 : ignoreLabel >= 0 ? 4 : 3);
        }

        backend.Write(target, labels);

        double F()
        {
            backend.SegmentationLossForward(p, logits, target, sums);
            var (crossEntropy, dice) = LossFromSums.Evaluate(p, backend.Read(sums));
            return Weight * (crossEntropy + dice);
        }

        F();
        backend.SegmentationLossBackward(p, logits, target, sums, Weight, dlogits);
        RequireDerivative("logits", F, logits, dlogits);
    }

    /// <summary>Of two samples the first lacks class 1, the second nothing, or class 2.</summary>
    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void WhatIsNotLabelled(bool regions, bool lacksTwo)
    {
        var shape = Shape.Activation(2, new(2, 3, 2), 3);
        var (logits, merged, dy, dlogits) = (Drawn(shape), New(shape), Drawn(shape), New(shape));
        var unlabelled = New(Backend.UnlabelledShape(2, 3));
        backend.Write(unlabelled, [regions ? 1 : 0, 1, 0, 0, 0, lacksTwo ? 1 : 0]);

        double F()
        {
            backend.MergeUnlabelled(logits, unlabelled, regions, merged);

            // a constant, so large that the difference of two sums with it would be rounding
            backend.Write(merged, [.. backend.Read(merged).Select(value => value == Backend.Impossible ? 0 : value)]);
            return Dot(dy, merged);
        }

        backend.MergeUnlabelledBackward(logits, unlabelled, regions, dy, dlogits);
        RequireDerivative("logits", F, logits, dlogits);
    }

    /// <summary>Compares every element of a gradient with (F(x + h) − F(x − h))/2h.</summary>
    private void RequireDerivative(string name, Func<double> function, Tensor x, Tensor gradient)
    {
        var (values, analytic) = (backend.Read(x), backend.Read(gradient));
        var largest = analytic.Max(Math.Abs);
        Assert.True(largest > 0, $"seed {Seed}: the gradient by {name} is zero everywhere: nothing was tested");
        for (var i = 0; i < values.Length; i++)
        {
            var centre = values[i];
            values[i] = centre + Step;
            backend.Write(x, values);
            var above = function();
            values[i] = centre - Step;
            backend.Write(x, values);
            var below = function();
            values[i] = centre;
            backend.Write(x, values);
            var numeric = (above - below) / (2 * Step);
            Assert.True(
                Math.Abs(numeric - analytic[i]) <= Tolerance * Math.Max(largest, 1),
                $"seed {Seed}: gradient by {name}[{i}] is {analytic[i]:R}, central differences give {numeric:R}");
        }
    }

    private Tensor New(Shape shape) => new(backend.Allocate(shape.Length), 0, shape);

    private Tensor Drawn(Shape shape)
    {
        var tensor = New(shape);
        backend.Write(tensor, Draw(shape.Length));
        return tensor;
    }

    private double[] Draw(long length)
    {
        var values = new double[length];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = (2 * random.NextDouble()) - 1;
        }

        return values;
    }

    private double Dot(Tensor a, Tensor b)
    {
        var (first, second) = (backend.Read(a), backend.Read(b));
        return first.Zip(second, (x, y) => x * y).Sum();
    }
}
