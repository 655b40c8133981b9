using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Autograd;

/// <summary>
/// One recorded operation. Its fields, and what it passes to <see cref="Keep"/>, are exactly what stays alive for its backward
/// pass.
/// </summary>
/// <param name="output">The operation's result; its gradient starts the operation's backward pass.</param>
public abstract class Node(Variable output)
{
    private readonly List<Variable> kept = [];

    /// <summary>The operation's result.</summary>
    public Variable Output => output;

    /// <summary>
    /// Whether <see cref="Recompute"/> is supported, so that the output need not be stored between the forward and the backward
    /// pass. This node must keep everything that Recompute reads.
    /// </summary>
    public virtual bool CanRecompute => false;

    /// <summary>Number of residual sums that <see cref="Recompute"/> must recompute on the way, besides its own output.</summary>
    public virtual int RecomputeDepth => 0;

    /// <summary>
    /// Adds this operation's contribution to the gradients of its inputs and parameters. The output's gradient has been computed;
    /// it may be overwritten, or passed on by <see cref="Tape.MoveGradient"/>, because it is not read afterwards.
    /// </summary>
    public abstract void Backward(Tape tape);

    /// <summary>Recomputes the output's value, bit for bit, from what the node keeps.</summary>
    public virtual void Recompute(Tape tape, Tensor target) =>
        throw new NotSupportedException($"{GetType().Name} stores its output");

    /// <summary>
    /// Returns the buffers that the node itself rented, e.g. statistics. Called once, after Backward or instead of it.
    /// </summary>
    public virtual void ReturnBuffers(BufferPool pool)
    {
    }

    /// <summary>Declares that the backward pass reads the value of a variable.</summary>
    protected void Keep(Variable variable)
    {
        variable.Keepers++;
        kept.Add(variable);
    }

    /// <summary>
    /// Declares that the backward pass has read a kept value for the last time; its memory may be returned at once.
    /// </summary>
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
