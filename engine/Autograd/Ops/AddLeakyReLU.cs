using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Autograd.Ops;

/// <summary>
/// The end of a residual block, y = leaky(a + b) (spec networks §6). Consumes a, whose memory y takes over; b stays open. Keeps y: since
/// the slope is positive, its sign is the sign of the sum.
/// </summary>
public static class AddLeakyReLU
{
    /// <summary>Records the sum of a, which is closed, and b.</summary>
    public static Variable Apply(Tape tape, Variable a, Variable b, float slope)
    {
        var left = a.Value;
        var y = tape.OutputInPlaceOf(a, a.Shape);
        tape.Backend.AddLeakyReluForward(left, tape.Value(b), slope, y.Value);
        if (tape.Recording)
        {
            tape.Record(new AddLeakyReLUNode(a, b, slope, y));
        }

        tape.Done(a);
        return y;
    }

    private sealed class AddLeakyReLUNode : Node
    {
        private readonly Variable a;
        private readonly Variable b;
        private readonly float slope;

        public AddLeakyReLUNode(Variable a, Variable b, float slope, Variable y)
            : base(y)
        {
            (this.a, this.b, this.slope) = (a, b, slope);
            Keep(y);
        }

        public override void Backward(Tape tape)
        {
            var d = Output.Gradient!;
            tape.Backend.AddLeakyReluBackward(d, tape.Value(Output), slope, d);
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
