using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Convolution;
using SharpSeg.Kernels.Gpu;
using SharpSeg.Kernels.Gpu.Variants;

namespace SharpSeg.Perf.Measuring;

/// <summary>Which variant a backend used for an operation.</summary>
internal static class Variants
{
    /// <summary>
    /// The variant of a convolution's pass, once it has run; null if the backend does not say, or where backward data with a
    /// stride is several problems.
    /// </summary>
    public static string? Of(Backend backend, string operation, in ConvProblem p) => backend is IVariantChoice choice
        ? (operation switch
        {
            "conv backward data" when p.Stride != Extent.One => (ConvolutionVariant?)null,
            "conv backward data" => choice.ChoiceFor(p with { Cin = p.Cout, Cout = p.Cin }, weightGradient: false),
            "conv backward weights" => choice.ChoiceFor(p, weightGradient: true),
            _ => choice.ChoiceFor(p, weightGradient: false),
        })?.ToString()
        : Decided(backend, operation, p.ToString());

    /// <summary>The variant of a transposed convolution's pass.</summary>
    public static string? Of(Backend backend, string operation, in TransposedConvProblem p) =>
        Decided(backend, operation, p.ToString());

    private static string? Decided(Backend backend, string operation, string sizes) => backend is GpuBackend gpu
        ? gpu.Decisions.Where(d => d.Key.Operation.Name() == operation && d.Key.Sizes.StartsWith(sizes, StringComparison.Ordinal))
            .Select(d => d.Value.Name()).FirstOrDefault()
        : null;
}
