using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Autograd.Ops;

/// <summary>
/// Differentiable transposed convolution with kernel = stride: learned up-sampling. Formula: <see cref="TransposedConvProblem"/>.
/// Keeps its input; recomputing its output costs one twenty-seventh of the convolution that reads it.
/// </summary>
internal static class TransposedConvolution
{
    /// <summary>Records the up-sampling of x; the stride is the weight's extent.</summary>
    public static Variable Apply(Tape tape, Variable x, Parameter weight, Parameter? bias)
    {
        var w = weight.Shape;
        var p = new TransposedConvProblem(x.Shape.N, x.Shape.Spatial, w.D3, w.D4, new Extent(w.D0, w.D1, w.D2));
        var y = tape.Output(p.OutputShape);
        tape.Backend.TransposedConvForward(p, tape.Value(x), weight.Value, bias?.Value, y.Value);
        if (tape.Recording)
        {
            tape.Record(new TransposedConvolutionNode(p, x, weight, bias, y));
        }

        return y;
    }

    private sealed class TransposedConvolutionNode : Node
    {
        private readonly TransposedConvProblem problem;
        private readonly Variable x;
        private readonly Parameter weight;
        private readonly Parameter? bias;

        public TransposedConvolutionNode(
            in TransposedConvProblem problem, Variable x, Parameter weight, Parameter? bias, Variable y)
            : base(y)
        {
            (this.problem, this.x, this.weight, this.bias) = (problem, x, weight, bias);
            Keep(x);
        }

        public override bool CanRecompute => true;

        public override void Recompute(Tape tape, Tensor target)
        {
            tape.Backend.TransposedConvForward(problem, tape.Value(x), weight.Value, bias?.Value, target);
            tape.Settle(x);
        }

        public override void Backward(Tape tape)
        {
            var dy = Output.Gradient!;
            var accumulateParameters = weight.ContributeGradient();
            bias?.ContributeGradient();
            tape.Backend.TransposedConvBackwardWeights(
                problem, tape.Value(x), dy, weight.Gradient, bias?.Gradient, accumulateParameters);
            Release(tape, x);
            if (x.NeedsGradient)
            {
                var dx = tape.Contribute(x, out var accumulate);
                tape.Backend.TransposedConvBackwardData(problem, dy, weight.Value, dx, accumulate);
            }
        }
    }
}
