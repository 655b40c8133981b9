using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Backends;

/// <summary>
/// The contract between the method and a device: some 25 operations carry everything that training and prediction need.
/// One implementation per device (SIMD on the CPU, ILGPU on GPUs, float64 loops in the conformance suite, which define
/// what is right). Public members check shapes, once and for all devices; the protected …Core members only compute.
/// <para>A new operation means: its member here, its float64 loop in the conformance suite, one implementation per
/// backend.</para>
/// <para>Operations on one backend run in the order in which they are called. Results are the same bytes from run to run at a
/// fixed thread count. Unless a comment says otherwise, no output may overlap an input. Outputs may contain anything beforehand,
/// including NaN; where an operation takes <c>accumulate</c>, true adds to the output instead of overwriting it.</para>
/// </summary>
public abstract partial class Backend : IDisposable
{
    /// <summary>Short name: "cpu", "gpu", ….</summary>
    public abstract string Name { get; }

    /// <summary>One line for people: device, instruction set or driver, threads.</summary>
    public abstract string Description { get; }

    /// <summary>
    /// Number format of the factors in convolutions: "fp32", "tf32", "bf16" or "fp16", with "-activations" behind it where
    /// <see cref="Activations"/> are kept in it, too. Sums and everything else are always float32.
    /// </summary>
    public virtual string ProductPrecision => "fp32";

    /// <summary>
    /// In what a tape keeps activations and their gradients on this device. Inputs, logits, parameters, statistics and sums are
    /// float32 whatever this says; operations compute in float32 or better and round what they write.
    /// </summary>
    public virtual ElementType Activations => ElementType.Fp32;

    /// <summary>Whether small gradients vanish in that number format, so that the loss must be scaled (float16).</summary>
    public virtual bool NeedsLossScaling => false;

    /// <summary>
    /// The device's failure behind an exception, or null if there is none: out of memory, or lost. Once a device is lost, freeing
    /// its memory no longer throws.
    /// </summary>
    public virtual DeviceException? FailureOf(Exception exception) => exception as DeviceException;

    /// <summary>
    /// Upper limit of the scratch memory, bytes, that operations take in addition to tensors in a network of these convolutions.
    /// </summary>
    /// <param name="convolutions">The network's.</param>
    /// <param name="isTraining">Gradients and a loss are computed, too.</param>
    public virtual long WorkspaceBytes(IReadOnlyCollection<ConvProblem> convolutions, bool isTraining) => 0;

    /// <summary>
    /// Takes the memory of <see cref="WorkspaceBytes"/> now, where the backend keeps such memory, so that a step allocates none
    /// and a device that is full says so before training begins.
    /// </summary>
    /// <param name="convolutions">The network's.</param>
    /// <param name="isTraining">Gradients and a loss are computed, too.</param>
    public virtual void ReserveWorkspace(IReadOnlyCollection<ConvProblem> convolutions, bool isTraining)
    {
    }

    /// <summary>Frees the device and all that was allocated on it.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees the device; called once.</summary>
    protected abstract void Dispose(bool disposing);

    /// <summary>Throws unless a tensor has the expected shape and is float32 or what activations are kept in.</summary>
    private void RequireActivation(Tensor tensor, Shape expected, string name) => ShapeException.Require(
        tensor, expected, tensor.Element == ElementType.Fp32 ? ElementType.Fp32 : Activations, name);

    private static void RequireFloat32(Tensor tensor, string name) => ShapeException.Require(tensor, tensor.Shape, name);
}
