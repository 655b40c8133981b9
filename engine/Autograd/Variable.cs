using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Autograd;

/// <summary>
/// A value of the computation and, during the backward pass, its gradient. Created by a <see cref="Tape"/>, which also decides
/// when the memory of either returns to the pool.
/// </summary>
public sealed class Variable
{
    internal Variable(Shape shape, ElementType element, Tensor? value, bool owned, bool needsGradient)
    {
        Shape = shape;
        Element = element;
        Stored = value;
        Owned = owned;
        NeedsGradient = needsGradient;
    }

    /// <summary>Shape of the value and of the gradient.</summary>
    public Shape Shape { get; }

    /// <summary>What the elements of the value and of the gradient are.</summary>
    public ElementType Element { get; }

    /// <summary>The value. In a backward pass, ask <see cref="Tape.Value"/> instead: it recomputes dropped values.</summary>
    /// <exception cref="InvalidOperationException">The value was dropped after <see cref="Tape.Done"/>.</exception>
    public Tensor Value =>
        Stored ?? throw new InvalidOperationException($"the value {Shape} was dropped: it was read after Done");

    /// <summary>∂L/∂value; null until something contributes to it.</summary>
    public Tensor? Gradient { get; internal set; }

    /// <summary>Whether it depends on anything that is trained.</summary>
    public bool NeedsGradient { get; }

    /// <summary>The value, or null while it is dropped.</summary>
    internal Tensor? Stored { get; set; }

    /// <summary>Whether the value's memory belongs to the tape's pool.</summary>
    internal bool Owned { get; }

    /// <summary>False once the forward pass no longer reads it.</summary>
    internal bool Open { get; set; } = true;

    /// <summary>Number of recorded operations whose backward pass reads the value.</summary>
    internal int Keepers { get; set; }

    /// <summary>What was measured while the value was made, for the instance norm that reads it.</summary>
    internal NormStatistics? Statistics { get; set; }

    /// <summary>The recorded operation that made it.</summary>
    internal Node? Producer { get; set; }
}
