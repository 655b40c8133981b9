using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Autograd.Ops;

/// <summary>
/// Differentiable average pooling, window = stride (docs/method/networks.md §2.4): y[i] = Σ_r x[s·i + r]/Πs. Its backward pass
/// needs no value; x is kept only so that y can be recomputed.
/// </summary>
internal static class AveragePool
{
    /// <summary>Records the pooling of x, whose spatial size must be a multiple of the stride.</summary>
    public static Variable Apply(Tape tape, Variable x, Extent stride)
    {
        var s = x.Shape.Spatial;
        var y = tape.Output(
            Shape.Activation(x.Shape.N, new Extent(s.Z / stride.Z, s.Y / stride.Y, s.X / stride.X), x.Shape.C), x.Element);
        tape.Backend.BlockSum(tape.Value(x), stride, 1f / stride.Voxels, y.Value, accumulate: false);
        if (tape.Recording)
        {
            tape.Record(new AveragePoolNode(x, stride, y));
        }

        return y;
    }

    private sealed class AveragePoolNode : Node
    {
        private readonly Variable x;
        private readonly Extent stride;

        public AveragePoolNode(Variable x, Extent stride, Variable y)
            : base(y)
        {
            (this.x, this.stride) = (x, stride);
            Keep(x);
        }

        public override bool CanRecompute => true;

        public override int RecomputeDepth => x.Producer?.RecomputeDepth ?? 0;

        public override void Recompute(Tape tape, Tensor target)
        {
            tape.Backend.BlockSum(tape.Value(x), stride, 1f / stride.Voxels, target, accumulate: false);
            tape.Settle(x);
        }

        public override void Backward(Tape tape)
        {
            Release(tape, x);
            if (x.NeedsGradient)
            {
                var dx = tape.Contribute(x, out var accumulate);
                tape.Backend.BlockRepeat(Output.Gradient!, stride, 1f / stride.Voxels, dx, accumulate);
            }
        }
    }
}
