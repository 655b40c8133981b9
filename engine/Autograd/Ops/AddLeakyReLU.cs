using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Autograd.Ops;

/// <summary>
/// The end of a residual block, y = leaky(a + b) (docs/method/networks.md §6). Consumes a, whose memory y takes over; b stays
/// open. The backward pass needs y alone: since the slope is positive, its sign is the sign of the sum. Where a and b can be
/// recomputed, so can y.
/// </summary>
internal static class AddLeakyReLU
{
    /// <summary>
    /// Longest chain of sums that is recomputed. Consecutive blocks each add the previous sum; storing every third sum keeps the
    /// extra work per block constant.
    /// </summary>
    private const int MaxDepth = 2;

    /// <summary>Records the sum of a and b; a is closed.</summary>
    public static Variable Apply(Tape tape, Variable a, Variable b, float slope)
    {
        var left = a.Value;
        var y = tape.OutputInPlaceOf(a, a.Shape);
        tape.Backend.AddLeakyReluForward(left, tape.Value(b), slope, y.Value);
        if (tape.Recording)
        {
            tape.Record(new AddLeakyReLUNode(tape, a, b, slope, y));
        }

        tape.Done(a);
        return y;
    }

    private sealed class AddLeakyReLUNode : Node
    {
        private readonly Variable a;
        private readonly Variable b;
        private readonly float slope;

        public AddLeakyReLUNode(Tape tape, Variable a, Variable b, float slope, Variable y)
            : base(y)
        {
            (this.a, this.b, this.slope) = (a, b, slope);
            RecomputeDepth = 1 + (b.Producer?.RecomputeDepth ?? 0);
            CanRecompute = tape.IsRecomputable(a) && tape.IsRecomputable(b) && RecomputeDepth <= MaxDepth;
            Keep(y);
            if (CanRecompute)
            {
                Keep(a);
                Keep(b);
            }
            else
            {
                RecomputeDepth = 0;
            }
        }

        public override bool CanRecompute { get; }

        public override int RecomputeDepth { get; }

        public override void Recompute(Tape tape, Tensor target)
        {
            tape.CopyValue(a, target);
            tape.Backend.AddLeakyReluForward(target, tape.Value(b), slope, target);
            tape.Settle(b);
        }

        public override void Backward(Tape tape)
        {
            var d = Output.Gradient!;
            tape.Backend.AddLeakyReluBackward(d, tape.Value(Output), slope, d);
            Release(tape, Output);
            if (b.NeedsGradient)
            {
                var db = tape.Contribute(b, out var accumulate);
                tape.Backend.Axpby(1f, d, accumulate ? 1f : 0f, db);
            }

            if (a.NeedsGradient)
            {
                Tape.MoveGradient(Output, a);
            }
        }
    }
}
