using SharpSeg.Engine.Tensors;

namespace SharpSeg.Conformance;

/// <summary>How far a backend may be from the reference.</summary>
/// <param name="Relative">Largest |actual − expected| as a share of the scale.</param>
/// <param name="PerElement">The scale is |expected| of the element itself (for sums of positive terms), not the largest
/// |expected|.</param>
/// <param name="Absolute">Allowed on top, whatever the scale: half a unit of the last printed digit of a worked example.</param>
/// <param name="Rounding">Allowed on top, as a share of |expected| of the element: it is written in 16 bits.</param>
public readonly record struct Tolerance(double Relative, bool PerElement = false, double Absolute = 0, double Rounding = 0)
{
    /// <summary>
    /// The float32 nearest to the reference, bit for bit (NaN payloads aside): for operations that only move values.
    /// </summary>
    public static Tolerance Exact => new(0);
}

/// <summary>One argument of an operation under test.</summary>
/// <param name="Name">The name it has in the contract.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Values">Its initial contents; null: an output, which is poisoned with NaN.</param>
/// <param name="Written">Whether the operation may change it. All others are checked to be unchanged.</param>
/// <param name="Tolerance">How far the result may be from the reference; only for written operands.</param>
public sealed record Operand(string Name, Shape Shape, float[]? Values, bool Written, Tolerance Tolerance)
{
    /// <summary>What its elements are.</summary>
    public ElementType Element { get; private init; } = ElementType.Fp32;

    /// <summary>The same operand in other elements: its contents rounded to them, and its result allowed to be.</summary>
    public Operand In(ElementType element) => element == ElementType.Fp32 ? this : this with
    {
        Element = element,
        Values = Values is null ? null : [.. Values.Select(value => element.Rounded(value))],
        Tolerance = Tolerance with
        {
            // half a unit of the last of 8 or 11 bits; float16 has no numbers between 0 and 2^-24
            Rounding = element == ElementType.Bf16 ? 1.0 / 256 : 1.0 / 2048,
            Absolute = Tolerance.Absolute + (element == ElementType.Fp16 ? 1.0 / (1 << 25) : 0),
        },
    };

    /// <summary>An operand that is only read.</summary>
    public static Operand Input(string name, Shape shape, float[] values) => new(name, shape, values, false, Tolerance.Exact);

    /// <summary>An operand that is overwritten whatever it contained.</summary>
    public static Operand Output(string name, Shape shape, Tolerance tolerance) => new(name, shape, null, true, tolerance);

    /// <summary>An operand that is read and written: in place, or accumulated into.</summary>
    public static Operand InOut(string name, Shape shape, float[] values, Tolerance tolerance) =>
        new(name, shape, values, true, tolerance);

    /// <summary>An output that is either overwritten or, with accumulate, added to.</summary>
    public static Operand Sum(string name, Shape shape, bool accumulate, Random random, Tolerance tolerance) => accumulate
        ? InOut(name, shape, RandomValues.Uniform(random, shape.Length), tolerance)
        : Output(name, shape, tolerance);
}
