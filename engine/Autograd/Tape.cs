using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Autograd;

/// <summary>
/// Define-by-run differentiation: operations record nodes in the order of the forward pass, <see cref="Backward"/> runs them in
/// reverse.
/// <para><b>Gradients add up.</b> The first operation that contributes to a variable's gradient overwrites the rented memory, all
/// later ones add to it (the <c>accumulate</c> flags of the backend); nothing is filled with zeros first. A skip connection thus
/// receives its two shares. A variable without any contribution has no gradient, its producer is skipped, and parameters reached
/// only through such producers have no gradient either (a supervision head of weight 0).</para>
/// <para><b>Memory.</b> A value lives while the forward pass may still read it (until <see cref="Done"/>) or a recorded operation
/// keeps it. With recomputation on, values whose producer can recompute them (norm + activation, up-sampling, pooling) are
/// dropped at Done although kept, recomputed when a backward pass asks for them, and dropped again afterwards: a convolution
/// block then stores one activation, its convolution's output, instead of two. A gradient lives from its first contribution until
/// its variable's producer has run its backward pass.</para>
/// </summary>
/// <param name="backend">Where to compute.</param>
/// <param name="pool">Whose memory to use; a pool of the same backend.</param>
/// <param name="recording">False for prediction: nothing is kept, every value is returned at Done.</param>
/// <param name="recomputeActivations">Trade one more pass of cheap operations for about half of the activation memory.</param>
public sealed class Tape(Backend backend, BufferPool pool, bool recording, bool recomputeActivations = true)
{
    private readonly List<Node> nodes = [];
    private readonly List<Variable> variables = [];

    /// <summary>Where operations compute.</summary>
    public Backend Backend => backend;

    /// <summary>Where values and gradients live.</summary>
    public BufferPool Pool => pool;

    /// <summary>Whether operations must record a node.</summary>
    public bool Recording => recording;

    /// <summary>Whether cheap values are dropped and recomputed.</summary>
    public bool RecomputeActivations => recomputeActivations;

    /// <summary>A variable over a tensor that the caller owns, e.g. the input images.</summary>
    public Variable Input(Tensor value, bool needsGradient = false) =>
        Register(new Variable(value.Shape, value.Element, value, owned: false, recording && needsGradient));

    /// <summary>
    /// A new variable for an operation's result, of what the backend keeps activations in; its value is rented and undefined.
    /// </summary>
    public Variable Output(Shape shape) => Output(shape, backend.Activations);

    /// <summary>The same, of given elements.</summary>
    public Variable Output(Shape shape, ElementType element) =>
        Register(new Variable(shape, element, pool.Rent(shape, element), owned: true, recording));

    /// <summary>
    /// A new variable for the result of an operation that works in place: it takes over the memory of x, which can no longer be
    /// read. If x does not own its memory or must be kept, the new variable gets memory of its own (which holds no copy of x).
    /// </summary>
    public Variable OutputInPlaceOf(Variable x, Shape shape)
    {
        var movable = x.Owned && x.Stored is not null && x.Shape == shape && (x.Keepers == 0 || IsRecomputable(x));
        if (!movable)
        {
            return Output(shape, x.Element);
        }

        var y = new Variable(shape, x.Element, x.Stored, owned: true, recording);
        x.Stored = null;
        x.Open = false;
        return Register(y);
    }

    /// <summary>Records an operation.</summary>
    public void Record(Node node)
    {
        node.Output.Producer = node;
        nodes.Add(node);
    }

    /// <summary>Promises that the forward pass does not read the variable again.</summary>
    public void Done(Variable variable)
    {
        variable.Open = false;
        Settle(variable);
    }

    /// <summary>The value of a kept variable, recomputed if it was dropped.</summary>
    public Tensor Value(Variable variable)
    {
        if (variable.Stored is null)
        {
            var producer = Recomputing(variable);
            variable.Stored = pool.Rent(variable.Shape, variable.Element);
            producer.Recompute(this, variable.Stored);
        }

        return variable.Stored;
    }

    /// <summary>Writes the value of a kept variable to the caller's memory, recomputing it if it was dropped.</summary>
    public void CopyValue(Variable variable, Tensor target)
    {
        if (variable.Stored is not null)
        {
            backend.Copy(variable.Stored, target);
        }
        else
        {
            Recomputing(variable).Recompute(this, target);
        }
    }

    /// <summary>Whether the value is dropped at <see cref="Done"/> even though it is kept.</summary>
    public bool IsRecomputable(Variable variable) => recomputeActivations && variable.Producer is { CanRecompute: true };

    /// <summary>
    /// Returns the value's memory if it is not needed, or if it can be recomputed and is closed to the forward pass.
    /// </summary>
    public void Settle(Variable variable)
    {
        if (variable is { Owned: true, Open: false, Stored: not null } && (variable.Keepers == 0 || IsRecomputable(variable)))
        {
            pool.Return(variable.Stored);
            variable.Stored = null;
        }
    }

    /// <summary>
    /// Memory for a contribution to a gradient. <paramref name="accumulate"/> tells the operation whether to add to it or, as the
    /// first one, to overwrite it.
    /// </summary>
    public Tensor Contribute(Variable variable, out bool accumulate)
    {
        accumulate = variable.Gradient is not null;
        return variable.Gradient ??= pool.Rent(variable.Shape, variable.Element);
    }

    /// <summary>Passes the memory of one gradient on as the only contribution to another.</summary>
    public static void MoveGradient(Variable from, Variable to)
    {
        if (to.Gradient is not null || from.Shape != to.Shape || from.Element != to.Element)
        {
            throw new InvalidOperationException(
                $"a gradient {from.Shape} cannot move to {to.Shape}, which has a gradient already, another shape or other "
                    + "elements");
        }

        to.Gradient = from.Gradient;
        from.Gradient = null;
    }

    /// <summary>
    /// Runs all recorded backward passes, last first, from the gradients that were contributed before (the loss). Afterwards the
    /// tape is empty; inputs keep their gradients until <see cref="Clear"/>.
    /// </summary>
    public void Backward()
    {
        foreach (var variable in variables)
        {
            Done(variable);
        }

        for (var i = nodes.Count - 1; i >= 0; i--)
        {
            var node = nodes[i];
            if (node.Output.Gradient is not null)
            {
                node.Backward(this);
            }

            node.ReleaseAll(this);
            node.ReturnBuffers(pool);
            ReturnGradient(node.Output);
            nodes.RemoveAt(i);
        }
    }

    /// <summary>
    /// Returns everything that is still rented, e.g. after a forward pass without a backward pass or after an exception.
    /// </summary>
    public void Clear()
    {
        for (var i = nodes.Count - 1; i >= 0; i--)
        {
            nodes[i].ReleaseAll(this);
            nodes[i].ReturnBuffers(pool);
        }

        nodes.Clear();
        foreach (var variable in variables)
        {
            Done(variable);
            ReturnGradient(variable);
        }

        variables.Clear();
    }

    private static Node Recomputing(Variable variable) => variable.Producer is { CanRecompute: true } producer
        ? producer
        : throw new InvalidOperationException($"the value {variable.Shape} was dropped and its producer cannot recompute it");

    private Variable Register(Variable variable)
    {
        variables.Add(variable);
        return variable;
    }

    private void ReturnGradient(Variable variable)
    {
        if (variable.Gradient is not null)
        {
            pool.Return(variable.Gradient);
            variable.Gradient = null;
        }
    }
}
