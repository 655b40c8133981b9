using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Autograd.Ops;

/// <summary>
/// Differentiable convolution y = conv([x0, x1, …], w) + b over the concatenation of its inputs along channels, which is never
/// materialised: the backend reads two inputs at a time, and the results of further pairs (UNet++) are added, conv([a, b], w) =
/// conv(a, w_a) + conv(b, w_b). Formula: <see cref="ConvProblem"/>. Keeps its inputs, not its output.
/// </summary>
internal static class Convolution
{
    /// <summary>Records the convolution.</summary>
    /// <param name="tape">Where to record.</param>
    /// <param name="inputs">One or more variables of equal spatial size.</param>
    /// <param name="weights">One weight per pair of inputs.</param>
    /// <param name="bias">Bias, or null.</param>
    /// <param name="stride">Stride per axis.</param>
    /// <param name="biasCancels">
    /// The output is normalised next, which removes any constant: the gradient with respect to the bias is exactly 0 and need not
    /// be computed (docs/method/networks.md §2.6).
    /// </param>
    /// <param name="logits">The output is the network's: float32, whatever the backend keeps activations in.</param>
    /// <param name="epsilon">
    /// That of the instance norm which comes next, if one does: the output brings its statistics where one pass can measure them.
    /// </param>
    public static Variable Apply(
        Tape tape, IReadOnlyList<Variable> inputs, IReadOnlyList<Parameter> weights, Parameter? bias, Extent stride,
        bool biasCancels = false, bool logits = false, float? epsilon = null)
    {
        if (weights.Count != (inputs.Count + 1) / 2)
        {
            throw new ShapeException($"{inputs.Count} inputs need {(inputs.Count + 1) / 2} weights, not {weights.Count}");
        }

        var y = tape.Output(
            Problem(inputs, weights, 0, stride).OutputShape, logits ? ElementType.Fp32 : tape.Backend.Activations);
        for (var pair = 0; pair < weights.Count; pair++)
        {
            var p = Problem(inputs, weights, pair, stride);
            var x = tape.Value(inputs[2 * pair]);
            var x2 = p.Cin2 > 0 ? tape.Value(inputs[(2 * pair) + 1]) : null;
            if (pair == 0 && weights.Count == 1 && epsilon is { } added)
            {
                var statistics = NormStatistics.Rent(tape.Pool, new(p.N, p.Output, p.Cout, Slope: 1f, added));
                tape.Backend.ConvForwardMeasured(
                    p, x, x2, weights[pair].Value, bias?.Value, y.Value, added, statistics.Mean, statistics.Rstd);
                y.Statistics = statistics;
                continue;
            }

            if (pair == 0)
            {
                tape.Backend.ConvForward(p, x, x2, weights[pair].Value, bias?.Value, y.Value);
                continue;
            }

            var part = tape.Pool.Rent(y.Shape, y.Element);
            tape.Backend.ConvForward(p, x, x2, weights[pair].Value, null, part);
            tape.Backend.Axpby(1f, part, 1f, y.Value);
            tape.Pool.Return(part);
        }

        if (tape.Recording)
        {
            tape.Record(new ConvolutionNode(inputs, weights, bias, stride, biasCancels, y));
        }

        return y;
    }

    private static ConvProblem Problem(IReadOnlyList<Variable> inputs, IReadOnlyList<Parameter> weights, int pair, Extent stride)
    {
        var x = inputs[2 * pair].Shape;
        var second = (2 * pair) + 1 < inputs.Count ? inputs[(2 * pair) + 1].Shape.C : 0;
        var w = weights[pair].Shape;
        return new ConvProblem(x.N, x.Spatial, x.C, second, w.D4, KernelOf(w), stride);
    }

    /// <summary>The kernel of a weight shape (kz, ky, kx, cin, cout).</summary>
    private static Extent KernelOf(Shape weight) => new(weight.D0, weight.D1, weight.D2);

    private sealed class ConvolutionNode : Node
    {
        private readonly IReadOnlyList<Variable> inputs;
        private readonly IReadOnlyList<Parameter> weights;
        private readonly Parameter? bias;
        private readonly Extent stride;
        private readonly bool biasCancels;

        public ConvolutionNode(
            IReadOnlyList<Variable> inputs, IReadOnlyList<Parameter> weights, Parameter? bias, Extent stride,
            bool biasCancels, Variable y)
            : base(y)
        {
            (this.inputs, this.weights, this.bias, this.stride, this.biasCancels) = (inputs, weights, bias, stride, biasCancels);
            foreach (var x in inputs)
            {
                Keep(x);
            }
        }

        public override void Backward(Tape tape)
        {
            var dy = Output.Gradient!;
            for (var pair = 0; pair < weights.Count; pair++)
            {
                var p = Problem(inputs, weights, pair, stride);
                var x = inputs[2 * pair];
                var x2 = p.Cin2 > 0 ? inputs[(2 * pair) + 1] : null;

                // Weights first, so that the inputs' values can be returned before memory for their gradients is rented.
                WeightGradient(tape, p, pair, x, x2, dy);
                Release(tape, x);
                if (x2 is not null)
                {
                    Release(tape, x2);
                }

                DataGradient(tape, p, pair, x, x2, dy);
            }
        }

        private void WeightGradient(Tape tape, in ConvProblem p, int pair, Variable x, Variable? x2, Tensor dy)
        {
            var w = weights[pair];
            var accumulate = w.ContributeGradient();
            var db = pair == 0 && !biasCancels ? bias?.Gradient : null;
            if (pair == 0)
            {
                // A bias that cancels keeps the gradient 0 with which its buffer was filled.
                bias?.ContributeGradient();
            }

            tape.Backend.ConvBackwardWeights(
                p, tape.Value(x), x2 is null ? null : tape.Value(x2), dy, w.Gradient, db, accumulate);
        }

        private void DataGradient(Tape tape, in ConvProblem p, int pair, Variable x, Variable? x2, Tensor dy)
        {
            bool accumulate = false, accumulate2 = false;
            var dx = x.NeedsGradient ? tape.Contribute(x, out accumulate) : null;
            var dx2 = x2 is { NeedsGradient: true } ? tape.Contribute(x2, out accumulate2) : null;
            if (dx is not null || dx2 is not null)
            {
                tape.Backend.ConvBackwardData(p, dy, weights[pair].Value, dx, accumulate, dx2, accumulate2);
            }
        }
    }
}
