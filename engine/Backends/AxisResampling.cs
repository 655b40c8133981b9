using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Backends;

/// <summary>
/// One axis of a volume resampled with half-pixel centres (docs/method/preprocessing.md §4.3, §4.4): output j of To lies at
/// u = (j + 0.5)·From/To − 0.5 between inputs 0 … From − 1; beyond them the edge value continues.
/// <para>Order 0 takes input min(From − 1, ⌊(2j + 1)·From/(2·To)⌋; order 1 interpolates linearly; order 3 is the cubic B-spline
/// that passes through the inputs, not clipped.</para>
/// <para>Volumes (1, z, y, x, 1) may be windows of the axis: the source holds inputs from <see cref="FirstSource"/> on, the
/// target outputs from <see cref="FirstTarget"/> on, as many as its extent says. Windows change no result: a large target is
/// computed slab by slab with the same bytes.</para>
/// </summary>
/// <param name="Axis">0 = z, 1 = y, 2 = x.</param>
/// <param name="Order">0, 1 or 3.</param>
/// <param name="From">Inputs of the whole axis.</param>
/// <param name="To">Outputs of the whole axis.</param>
/// <param name="FirstSource">The source's first input.</param>
/// <param name="FirstTarget">The target's first output.</param>
public readonly record struct AxisResampling(int Axis, int Order, int From, int To, int FirstSource = 0, int FirstTarget = 0)
{
    /// <summary>Order 0: the input that an output takes.</summary>
    public int Nearest(int output) => (int)Math.Min(From - 1, ((2L * output) + 1) * From / (2L * To));

    /// <summary>⌊u⌋, from −1 to From − 1, and u − ⌊u⌋ of an output, in float64.</summary>
    public (int Floor, double Fraction) Position(int output)
    {
        var u = ((output + 0.5) * From / To) - 0.5;
        var floor = (int)Math.Floor(u);
        return (floor, u - floor);
    }

    /// <summary>
    /// The inputs that a run of outputs depends on. A spline depends on all of them, so order 3 needs the whole axis as its
    /// source.
    /// </summary>
    /// <param name="first">First output.</param>
    /// <param name="count">How many, at least 1.</param>
    public (int First, int Count) Reach(int first, int count)
    {
        var last = first + count - 1;
        var (low, high) = Order switch
        {
            0 => (Nearest(first), Nearest(last)),
            1 => (Math.Max(0, Position(first).Floor), Math.Min(From - 1, Position(last).Floor + 1)),
            _ => (0, From - 1),
        };
        return (low, high - low + 1);
    }

    /// <summary>Throws <see cref="ShapeException"/> unless sizes, orders and windows fit together.</summary>
    public void Check(Tensor source, Tensor target)
    {
        if (Order is not (0 or 1 or 3))
        {
            throw new ShapeException($"resampling of order {Order}: orders 0, 1 and 3 are supported");
        }

        Extent from = source.Shape.Spatial, to = target.Shape.Spatial;
        ShapeException.Require(source, Shape.Activation(1, from, 1), nameof(source));
        ShapeException.Require(target, Shape.Activation(1, from.With(Axis, to[Axis]), 1), nameof(target));
        if (FirstTarget < 0 || FirstTarget + to[Axis] > To)
        {
            throw new ShapeException($"outputs {FirstTarget} to {FirstTarget + to[Axis] - 1} of an axis of {To}");
        }

        var (first, count) = Reach(FirstTarget, to[Axis]);
        if (FirstSource < 0 || FirstSource + from[Axis] > From || first < FirstSource || first + count > FirstSource + from[Axis])
        {
            throw new ShapeException(
                $"outputs {FirstTarget} to {FirstTarget + to[Axis] - 1} need inputs {first} to {first + count - 1} of {From}, "
                + $"the source has {FirstSource} to {FirstSource + from[Axis] - 1}");
        }
    }
}
