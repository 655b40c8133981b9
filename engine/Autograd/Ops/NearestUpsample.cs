using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Autograd.Ops;

/// <summary>
/// Differentiable nearest up-sampling (docs/method/networks.md §2.3): y[s·i + r] = x[i]. Its backward pass needs no value; x is
/// kept only so that y, which is Πs times larger, can be recomputed.
/// </summary>
internal static class NearestUpsample
{
    /// <summary>Records the up-sampling of x.</summary>
    public static Variable Apply(Tape tape, Variable x, Extent factor)
    {
        var y = tape.Output(Shape.Activation(x.Shape.N, x.Shape.Spatial.Times(factor), x.Shape.C), x.Element);
        tape.Backend.BlockRepeat(tape.Value(x), factor, 1f, y.Value, accumulate: false);
        if (tape.Recording)
        {
            tape.Record(new NearestUpsampleNode(x, factor, y));
        }

        return y;
    }

    private sealed class NearestUpsampleNode : Node
    {
        private readonly Variable x;
        private readonly Extent factor;

        public NearestUpsampleNode(Variable x, Extent factor, Variable y)
            : base(y)
        {
            (this.x, this.factor) = (x, factor);
            Keep(x);
        }

        public override bool CanRecompute => true;

        public override void Recompute(Tape tape, Tensor target)
        {
            tape.Backend.BlockRepeat(tape.Value(x), factor, 1f, target, accumulate: false);
            tape.Settle(x);
        }

        public override void Backward(Tape tape)
        {
            Release(tape, x);
            if (x.NeedsGradient)
            {
                var dx = tape.Contribute(x, out var accumulate);
                tape.Backend.BlockSum(Output.Gradient!, factor, 1f, dx, accumulate);
            }
        }
    }
}
