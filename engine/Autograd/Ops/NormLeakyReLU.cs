using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Autograd.Ops;

/// <summary>
/// Differentiable normalisation and leaky ReLU in one. Formula: <see cref="InstanceNormProblem"/>; slope 1 omits the activation.
/// Channels lie last, so a batch is in memory what one sample of as many voxels is: batch normalisation is instance
/// normalisation of that one sample, and needs no operations of its own. Consumes x: nothing else may read it. Keeps x and its
/// statistics, from which the output can be recomputed, so that a convolution block stores one activation; works in place where
/// nothing is recorded.
/// </summary>
internal static class NormLeakyReLU
{
    /// <summary>
    /// Normalises every sample by itself; x is closed. Statistics that x brings are this norm's (<see cref="Convolution"/>).
    /// </summary>
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
    public static Variable OverSamples(
        Tape tape, Variable x, Parameter gamma, Parameter beta, float slope, float epsilon = 1e-5f, bool measured = true)
    {
        if (!measured && tape.Recording)
        {
            throw new ShapeException("a network with folded batch normalisation predicts and cannot be trained");
        }

        var p = new InstanceNormProblem(x.Shape.N, x.Shape.Spatial, x.Shape.C, slope, epsilon);
        if (x.Statistics is { } brought)
        {
            return Apply(tape, x, gamma, beta, p, brought);
        }

        var statistics = NormStatistics.Rent(tape.Pool, p);
        if (measured)
        {
            tape.Backend.InstanceNormStatistics(p, x.Value, statistics.Mean, statistics.Rstd);
        }
        else
        {
            tape.Backend.Fill(statistics.Mean, 0);
            tape.Backend.Fill(statistics.Rstd, 1);
        }

        return Apply(tape, x, gamma, beta, p, statistics);
    }

    /// <summary>
    /// Normalises over the whole batch where the tape records, and tells the running averages; else by them. x is closed.
    /// </summary>
    /// <param name="tape">Where to record.</param>
    /// <param name="x">What to normalise.</param>
    /// <param name="gamma">Factor per channel.</param>
    /// <param name="beta">Offset per channel.</param>
    /// <param name="slope">Slope of the leaky ReLU; 1 leaves it out.</param>
    /// <param name="epsilon">Added to the variance.</param>
    /// <param name="running">The layer's averages.</param>
    public static Variable OverBatch(
        Tape tape, Variable x, Parameter gamma, Parameter beta, float slope, float epsilon, RunningStatistics running)
    {
        var size = x.Shape.Spatial;
        var p = new InstanceNormProblem(1, size with { Z = checked(x.Shape.N * size.Z) }, x.Shape.C, slope, epsilon);
        var statistics = NormStatistics.Rent(tape.Pool, p);
        if (tape.Recording)
        {
            tape.Backend.InstanceNormStatistics(p, View(x.Value, p), statistics.Mean, statistics.Rstd);
            running.Add(tape.Backend, statistics.Mean, statistics.Rstd, p.Spatial.Voxels, epsilon);
        }
        else
        {
            running.Read(tape.Backend, statistics.Mean, statistics.Rstd, epsilon);
        }

        return Apply(tape, x, gamma, beta, p, statistics);
    }

    private static Variable Apply(
        Tape tape, Variable x, Parameter gamma, Parameter beta, in InstanceNormProblem p, NormStatistics statistics)
    {
        var (mean, rstd) = statistics;
        var input = View(x.Value, p);
        var y = tape.Recording ? tape.Output(x.Shape, x.Element) : tape.OutputInPlaceOf(x, x.Shape);
        tape.Backend.InstanceNormApply(p, input, mean, rstd, gamma.Value, beta.Value, View(y.Value, p));
        if (tape.Recording)
        {
            tape.Record(new NormNode(p, x, mean, rstd, gamma, beta, y));
        }
        else
        {
            tape.Pool.Return(rstd);
            tape.Pool.Return(mean);
        }

        tape.Done(x);
        return y;
    }

    /// <summary>The same memory, seen as the problem's samples.</summary>
    private static Tensor View(Tensor tensor, in InstanceNormProblem p) =>
        tensor.Shape == p.ActivationShape
            ? tensor
            : new Tensor(tensor.Buffer, tensor.Offset, p.ActivationShape, tensor.Element);

    private sealed class NormNode : Node
    {
        private readonly InstanceNormProblem problem;
        private readonly Variable x;
        private readonly Tensor mean;
        private readonly Tensor rstd;
        private readonly Parameter gamma;
        private readonly Parameter beta;

        public NormNode(
            in InstanceNormProblem problem, Variable x, Tensor mean, Tensor rstd, Parameter gamma, Parameter beta, Variable y)
            : base(y)
        {
            (this.problem, this.x, this.mean, this.rstd, this.gamma, this.beta) = (problem, x, mean, rstd, gamma, beta);
            Keep(x);
        }

        public override bool CanRecompute => true;

        public override void Recompute(Tape tape, Tensor target) =>
            tape.Backend.InstanceNormApply(
                problem, View(tape.Value(x), problem), mean, rstd, gamma.Value, beta.Value, View(target, problem));

        public override void Backward(Tape tape)
        {
            var accumulate = gamma.ContributeGradient();
            beta.ContributeGradient();

            // x has no other reader, so its gradient takes over the memory of the output's.
            var d = View(Output.Gradient!, problem);
            tape.Backend.InstanceNormBackward(
                problem, d, View(tape.Value(x), problem), mean, rstd, gamma.Value, beta.Value, d, gamma.Gradient,
                beta.Gradient, accumulate);
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
