using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Autograd.Ops;

/// <summary>
/// Differentiable instance normalisation and leaky ReLU in one. Formula: <see cref="InstanceNormProblem"/>; slope 1 omits the
/// activation. Consumes x: nothing else may read it. Keeps x and its statistics, from which the output can be recomputed, so that
/// a convolution block stores one activation; works in place where nothing is recorded.
/// </summary>
internal static class InstanceNormLeakyReLU
{
    /// <summary>Records the normalisation of x, which is closed.</summary>
    /// <param name="tape">Where to record.</param>
    /// <param name="x">What to normalise.</param>
    /// <param name="gamma">Factor per channel.</param>
    /// <param name="beta">Offset per channel.</param>
    /// <param name="slope">Slope of the leaky ReLU; 1 leaves it out.</param>
    /// <param name="epsilon">Added to the variance.</param>
    /// <param name="measured">
    /// False takes mean 0 and deviation 1 instead of those of x: y = leaky(gamma·x + beta), for norms whose statistics are
    /// constants and have been folded into gamma and beta. Such a network is not trained.
    /// </param>
    public static Variable Apply(
        Tape tape, Variable x, Parameter gamma, Parameter beta, float slope, float epsilon = 1e-5f, bool measured = true)
    {
        if (!measured && tape.Recording)
        {
            throw new ShapeException("a network with folded batch normalisation predicts and cannot be trained");
        }

        var p = new InstanceNormProblem(x.Shape.N, x.Shape.Spatial, x.Shape.C, slope, epsilon);
        var mean = tape.Pool.Rent(p.StatisticsShape);
        var rstd = tape.Pool.Rent(p.StatisticsShape);
        var input = x.Value;
        if (measured)
        {
            tape.Backend.InstanceNormStatistics(p, input, mean, rstd);
        }
        else
        {
            tape.Backend.Fill(mean, 0);
            tape.Backend.Fill(rstd, 1);
        }

        var y = tape.Recording ? tape.Output(x.Shape) : tape.OutputInPlaceOf(x, x.Shape);
        tape.Backend.InstanceNormApply(p, input, mean, rstd, gamma.Value, beta.Value, y.Value);
        if (tape.Recording)
        {
            tape.Record(new InstanceNormNode(p, x, mean, rstd, gamma, beta, y));
        }
        else
        {
            tape.Pool.Return(rstd);
            tape.Pool.Return(mean);
        }

        tape.Done(x);
        return y;
    }

    private sealed class InstanceNormNode : Node
    {
        private readonly InstanceNormProblem problem;
        private readonly Variable x;
        private readonly Tensor mean;
        private readonly Tensor rstd;
        private readonly Parameter gamma;
        private readonly Parameter beta;

        public InstanceNormNode(
            in InstanceNormProblem problem, Variable x, Tensor mean, Tensor rstd, Parameter gamma, Parameter beta, Variable y)
            : base(y)
        {
            (this.problem, this.x, this.mean, this.rstd, this.gamma, this.beta) = (problem, x, mean, rstd, gamma, beta);
            Keep(x);
        }

        public override bool CanRecompute => true;

        public override void Recompute(Tape tape, Tensor target) =>
            tape.Backend.InstanceNormApply(problem, tape.Value(x), mean, rstd, gamma.Value, beta.Value, target);

        public override void Backward(Tape tape)
        {
            var accumulate = gamma.ContributeGradient();
            beta.ContributeGradient();

            // x has no other reader, so its gradient takes over the memory of the output's.
            var d = Output.Gradient!;
            tape.Backend.InstanceNormBackward(
                problem, d, tape.Value(x), mean, rstd, gamma.Value, beta.Value, d, gamma.Gradient, beta.Gradient, accumulate);
            Release(tape, x);
            if (x.NeedsGradient)
            {
                Tape.MoveGradient(Output, x);
            }
        }

        public override void ReturnBuffers(BufferPool pool)
        {
            pool.Return(rstd);
            pool.Return(mean);
        }
    }
}
