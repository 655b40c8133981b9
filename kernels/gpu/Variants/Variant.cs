using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Kernels.Gpu.Variants;

/// <summary>The ways in which an operation is computed.</summary>
internal enum Variant
{
    /// <summary>One thread per result: slow, obviously right, the yardstick.</summary>
    Plain,

    /// <summary>Groups of threads that share what they read.</summary>
    Fast,

    /// <summary>The fast way with products on tensor cores, at a lower precision than float32.</summary>
    TensorCores,

    /// <summary>
    /// Tensor cores on bricks of the input that groups hold in shared memory, with their halo where there is one, for some sizes.
    /// </summary>
    Bricks,
}

/// <summary>The operations that have more than one variant.</summary>
internal enum Operation
{
    /// <summary>A convolution.</summary>
    ConvForward,

    /// <summary>Its gradient with respect to one of the inputs.</summary>
    ConvBackwardData,

    /// <summary>Its gradient with respect to the weights.</summary>
    ConvBackwardWeights,

    /// <summary>A transposed convolution.</summary>
    TransposedConvForward,

    /// <summary>Its gradient with respect to the input.</summary>
    TransposedConvBackwardData,

    /// <summary>Its gradient with respect to the weights.</summary>
    TransposedConvBackwardWeights,

    /// <summary>The gradient with respect to the bias of either.</summary>
    BiasGradient,

    /// <summary>Instance normalisation, forward and backward.</summary>
    InstanceNorm,

    /// <summary>The sums of Dice + cross-entropy.</summary>
    LossSums,
}

/// <summary>Which variants a backend may use.</summary>
internal enum KernelChoice
{
    /// <summary>The plain kernels only.</summary>
    Plain,

    /// <summary>The fast kernels, unchecked: for the tests that check them.</summary>
    Fast,

    /// <summary>The kernels on bricks, unchecked, where there are some, else the fast ones.</summary>
    Bricks,

    /// <summary>Of the variants that agree with the plain kernel on this device, the fastest: what users get.</summary>
    Checked,
}

/// <summary>The names by which people and files know variants and operations.</summary>
internal static class VariantNames
{
    private static readonly string[] Variants = ["plain", "fast", "tensor cores", "bricks"];

    private static readonly string[] Operations =
    [
        "conv forward", "conv backward data", "conv backward weights", "transposed conv forward", "transposed conv backward data",
        "transposed conv backward weights", "bias gradient", "instance norm", "loss sums",
    ];

    public static string Name(this Variant variant) => Variants[(int)variant];

    public static string Name(this Operation operation) => Operations[(int)operation];
}

/// <summary>What a variant is chosen for: an operation and all its sizes.</summary>
/// <param name="Operation">The operation; says which of the two problems it has.</param>
/// <param name="Conv">A convolution's sizes.</param>
/// <param name="Transposed">A transposed convolution's sizes.</param>
/// <param name="FirstChannel">First input channel of a data gradient.</param>
/// <param name="Channels">Input channels of a data gradient.</param>
/// <param name="From">Elements of x, or of dy of a data gradient.</param>
/// <param name="To">Elements of y or dx, or of dy of a gradient with respect to weights.</param>
internal readonly record struct VariantKey(
    Operation Operation, ConvProblem Conv, TransposedConvProblem Transposed, int FirstChannel = 0, int Channels = 0,
    ElementType From = ElementType.Fp32, ElementType To = ElementType.Fp32)
{
    public VariantKey(Operation operation, in ConvProblem p, Tensor from, Tensor to)
        : this(operation, p, default, From: from.Element, To: to.Element)
    {
    }

    public VariantKey(Operation operation, in TransposedConvProblem p, Tensor from, Tensor to)
        : this(operation, default, p, From: from.Element, To: to.Element)
    {
    }

    /// <summary>The sizes as a file holds them.</summary>
    public string Sizes => Operation switch
    {
        Operation.ConvBackwardData => $"{Conv} {FirstChannel}+{Channels}{Elements}",
        Operation.ConvForward or Operation.ConvBackwardWeights => $"{Conv}{Elements}",
        _ => $"{Transposed}{Elements}",
    };

    private string Elements => (From, To) == (ElementType.Fp32, ElementType.Fp32) ? "" : $" {From.Name()} {To.Name()}";
}
