using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Conformance;

/// <summary>
/// The definition of what is right: every operation of <see cref="Backend"/> as plain float64 loops over the documented formula,
/// one file per file of the contract. Nothing here is fast, threaded or clever; where a backend disagrees, the backend is wrong.
/// <para>Values are float64 all the way, so that gradients can be compared with central differences and whole small networks with
/// float64 fixtures: use <see cref="Read"/> and <see cref="Write"/>, which do not round to float32.</para>
/// </summary>
/// <param name="activations">See <see cref="Activations"/>.</param>
public sealed partial class ReferenceBackend(ElementType activations = ElementType.Fp32) : Backend
{
    private bool disposed;

    /// <summary>
    /// In what a tape that runs here keeps activations: it decides how much memory they take; what they hold is not rounded.
    /// </summary>
    public override ElementType Activations => activations;

    /// <inheritdoc/>
    public override string Name => "reference";

    /// <inheritdoc/>
    public override string Description => "float64 loops, one thread";

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => disposed = true;
}
