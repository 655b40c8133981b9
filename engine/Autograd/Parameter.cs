using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Autograd;

/// <summary>
/// One trainable tensor: a window of the store's value buffer and one of its gradient buffer.
/// </summary>
public sealed class Parameter
{
    private Tensor? value;
    private Tensor? gradient;
    private Func<Parameter, Tensor>? makeGradient;

    internal Parameter(int index, string name, Shape shape, ParameterKind kind, int fanIn, float initialValue)
    {
        Index = index;
        Name = name;
        Shape = shape;
        Kind = kind;
        FanIn = fanIn;
        InitialValue = initialValue;
    }

    /// <summary>Name in nnU-Net's style, e.g. <c>encoder.stages.0.0.convs.0.conv.weight</c>.</summary>
    public string Name { get; }

    /// <summary>Shape in our layout.</summary>
    public Shape Shape { get; }

    /// <summary>Weight, bias, γ or β.</summary>
    public ParameterKind Kind { get; }

    /// <summary>
    /// Number of products summed into one output, as He initialisation counts them (docs/method/networks.md §3); 0 for vectors.
    /// </summary>
    public int FanIn { get; }

    /// <summary>Start value of vectors; weights are drawn at random.</summary>
    public float InitialValue { get; }

    /// <summary>The values.</summary>
    public Tensor Value => value ?? throw NotAllocated();

    /// <summary>∂L/∂value; meaningful only if <see cref="HasGradient"/>.</summary>
    public Tensor Gradient => gradient ??= (makeGradient ?? throw NotAllocated())(this);

    /// <summary>
    /// Whether this step's backward pass reached the parameter. The optimiser skips parameters that it did not reach, including
    /// weight decay and momentum (docs/method/losses-and-optimisers.md §7).
    /// </summary>
    public bool HasGradient { get; private set; }

    /// <summary>Factor on the learning rate, e.g. 0.1 for the body of a pre-trained network whose heads are new.</summary>
    public float LearningRateFactor { get; set; } = 1f;

    /// <summary>Number in the store, from 0.</summary>
    public int Index { get; }

    /// <summary>First element in the value and gradient buffers.</summary>
    internal long Offset => Value.Offset;

    /// <summary>
    /// Announces a contribution to the gradient. Returns whether it must add (true) or, as the step's first, overwrite.
    /// </summary>
    public bool ContributeGradient()
    {
        var accumulate = HasGradient;
        HasGradient = true;
        return accumulate;
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {Shape}";

    internal void ForgetGradient() => HasGradient = false;

    internal void Place(Tensor valueTensor, Func<Parameter, Tensor> ofGradient)
    {
        value = valueTensor;
        makeGradient = ofGradient;
    }

    private InvalidOperationException NotAllocated() => new($"parameter {Name} has no memory yet");
}

/// <summary>What a parameter is, which decides its start value and how other programs lay it out.</summary>
public enum ParameterKind
{
    /// <summary>Convolution weight (kz, ky, kx, cin, cout); nnU-Net: [cout, cin, kz, ky, kx].</summary>
    ConvolutionWeight,

    /// <summary>Transposed-convolution weight (sz, sy, sx, cin, cout); nnU-Net: [cin, cout, sz, sy, sx].</summary>
    TransposedConvolutionWeight,

    /// <summary>Bias (c).</summary>
    Bias,

    /// <summary>γ of a normalisation (c).</summary>
    NormScale,

    /// <summary>β of a normalisation (c).</summary>
    NormShift,

    /// <summary>Running mean of a batch normalisation (c); not trained.</summary>
    RunningMean,

    /// <summary>Running variance of a batch normalisation (c); not trained.</summary>
    RunningVariance,
}
