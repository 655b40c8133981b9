using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Autograd;

/// <summary>
/// One recorded operation. Its fields, and what it passes to <see cref="Keep"/>, are exactly what stays alive for its backward pass.
/// </summary>
/// <param name="output">What the operation made; its gradient starts the operation's backward pass.</param>
public abstract class Node(Variable output)
{
    private readonly List<Variable> kept = [];

    /// <summary>What the operation made.</summary>
    public Variable Output => output;

    /// <summary>
    /// Whether <see cref="Recompute"/> works, so that the output need not be stored between forward and backward pass. All that
    /// Recompute reads must be kept by this node.
    /// </summary>
    public virtual bool CanRecompute => false;

    /// <summary>How many sums of residual blocks <see cref="Recompute"/> has to make again on the way, besides its own output.</summary>
    public virtual int RecomputeDepth => 0;

    /// <summary>
    /// Adds this operation's share to the gradients of its inputs and parameters. The output's gradient is there; it may be
    /// overwritten or passed on by <see cref="Tape.MoveGradient"/>, since nobody reads it afterwards.
    /// </summary>
    public abstract void Backward(Tape tape);

    /// <summary>Makes the output's value again, bit for bit, from what the node keeps.</summary>
    public virtual void Recompute(Tape tape, Tensor target) => throw new NotSupportedException($"{GetType().Name} stores its output");

    /// <summary>Returns what the node itself rented, e.g. statistics. Called once, after Backward or in its place.</summary>
    public virtual void ReturnBuffers(BufferPool pool)
    {
    }

    /// <summary>Declares that the backward pass reads the value of a variable.</summary>
    protected void Keep(Variable variable)
    {
        variable.Keepers++;
        kept.Add(variable);
    }

    /// <summary>Says that the backward pass has read a kept value for the last time; its memory may go at once.</summary>
    protected void Release(Tape tape, Variable variable)
    {
        if (kept.Remove(variable))
        {
            variable.Keepers--;
            tape.Settle(variable);
        }
    }

    internal void ReleaseAll(Tape tape)
    {
        while (kept.Count > 0)
        {
            Release(tape, kept[^1]);
        }
    }
}
