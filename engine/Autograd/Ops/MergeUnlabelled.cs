using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Autograd.Ops;

/// <summary>
/// Differentiable merging of the classes that a sample's label map does not show into its background
/// (docs/method/losses-and-optimisers.md §2.7). The logits stay open; nothing but the loss reads the result.
/// </summary>
internal static class MergeUnlabelled
{
    /// <summary>Records the merging.</summary>
    /// <param name="tape">The tape that made the logits.</param>
    /// <param name="logits">(n, z, y, x, C).</param>
    /// <param name="unlabelled">The marks, which must outlive the backward pass.</param>
    /// <param name="regions">Sigmoid per map instead of softmax.</param>
    public static Variable Apply(Tape tape, Variable logits, Tensor unlabelled, bool regions)
    {
        var merged = tape.Output(logits.Shape, logits.Element);
        tape.Backend.MergeUnlabelled(logits.Value, unlabelled, regions, merged.Value);
        if (tape.Recording)
        {
            tape.Record(new MergeUnlabelledNode(logits, unlabelled, regions, merged));
        }

        return merged;
    }

    private sealed class MergeUnlabelledNode : Node
    {
        private readonly Variable logits;
        private readonly Tensor unlabelled;
        private readonly bool regions;

        public MergeUnlabelledNode(Variable logits, Tensor unlabelled, bool regions, Variable merged)
            : base(merged)
        {
            (this.logits, this.unlabelled, this.regions) = (logits, unlabelled, regions);
            Keep(logits);
        }

        public override void Backward(Tape tape)
        {
            var d = Output.Gradient!;
            tape.Backend.MergeUnlabelledBackward(tape.Value(logits), unlabelled, regions, d, d);
            Release(tape, logits);
            Tape.MoveGradient(Output, logits);
        }
    }
}
