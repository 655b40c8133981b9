using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Networks;

/// <summary>
/// Translates weights between our layout, channels last, and that of nnU-Net's files: convolutions (kz, ky, kx, cin, cout) ↔
/// [cout, cin, kz, ky, kx], transposed convolutions (sz, sy, sx, cin, cout) ↔ [cin, cout, sz, sy, sx]. Vectors are the same in
/// both.
/// </summary>
public static class WeightLayout
{
    /// <summary>
    /// The extents under which nnU-Net stores a parameter. 2D networks have no z extent there.
    /// </summary>
    public static int[] ReferenceShape(Parameter parameter, bool is2D)
    {
        var s = parameter.Shape;
        var (outer, inner) = OuterInner(s, parameter.Kind);
        return parameter.Kind switch
        {
            ParameterKind.ConvolutionWeight or ParameterKind.TransposedConvolutionWeight =>
                is2D ? [outer, inner, s.D1, s.D2] : [outer, inner, s.D0, s.D1, s.D2],
            _ => [s.C],
        };
    }

    /// <summary>nnU-Net's order → ours. Both spans have the parameter's length.</summary>
    public static void FromReference(Shape shape, ParameterKind kind, ReadOnlySpan<float> reference, Span<float> ours)
    {
        RequireLength(shape, reference.Length, ours.Length);
        if (kind is not (ParameterKind.ConvolutionWeight or ParameterKind.TransposedConvolutionWeight))
        {
            reference.CopyTo(ours);
            return;
        }

        for (var i = 0; i < ours.Length; i++)
        {
            ours[i] = reference[ReferenceIndex(shape, kind, i)];
        }
    }

    /// <summary>Our order → nnU-Net's. Both spans have the parameter's length.</summary>
    public static void ToReference(Shape shape, ParameterKind kind, ReadOnlySpan<float> ours, Span<float> reference)
    {
        RequireLength(shape, ours.Length, reference.Length);
        if (kind is not (ParameterKind.ConvolutionWeight or ParameterKind.TransposedConvolutionWeight))
        {
            ours.CopyTo(reference);
            return;
        }

        for (var i = 0; i < ours.Length; i++)
        {
            reference[ReferenceIndex(shape, kind, i)] = ours[i];
        }
    }

    /// <summary>Where nnU-Net stores the element that is number <paramref name="index"/> in our order.</summary>
    private static int ReferenceIndex(Shape s, ParameterKind kind, int index)
    {
        var kernel = s.D0 * s.D1 * s.D2;
        var cout = index % s.D4;
        var cin = index / s.D4 % s.D3;
        var k = index / s.D4 / s.D3;
        var (_, inner) = OuterInner(s, kind);
        var (o, i) = kind == ParameterKind.TransposedConvolutionWeight ? (cin, cout) : (cout, cin);
        return (((o * inner) + i) * kernel) + k;
    }

    private static (int Outer, int Inner) OuterInner(Shape s, ParameterKind kind) =>
        kind == ParameterKind.TransposedConvolutionWeight ? (s.D3, s.D4) : (s.D4, s.D3);

    private static void RequireLength(Shape shape, int source, int target)
    {
        if (source != shape.Length || target != shape.Length)
        {
            throw new ShapeException($"a parameter {shape} has {shape.Length} values, not {source} → {target}");
        }
    }
}
