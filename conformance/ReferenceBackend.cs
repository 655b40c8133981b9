using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Conformance;

/// <summary>
/// The definition of what is right: every operation of <see cref="Backend"/> as plain float64 loops over the documented formula,
/// one file per file of the contract. Nothing here is fast, threaded or clever; where a backend disagrees, the backend is wrong.
/// <para>Values are float64 all the way, so that gradients can be compared with central differences and whole small networks with
/// float64 fixtures: use <see cref="Read"/> and <see cref="Write"/>, which do not round to float32.</para>
/// </summary>
public sealed partial class ReferenceBackend : Backend
{
    private bool disposed;

    /// <inheritdoc/>
    public override string Name => "reference";

    /// <inheritdoc/>
    public override string Description => "float64 loops, one thread";

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => disposed = true;
}
