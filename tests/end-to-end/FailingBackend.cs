using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// Hands everything on to the processor, until it is told to fail: from then on every call throws, as a device does that was
/// pulled out. It may also behave like a GPU otherwise: uploads beside computations, products that need loss scaling, little
/// memory.
/// </summary>
internal sealed class FailingBackend(Backend inner) : ForwardingBackend(inner)
{
    private static readonly InvalidOperationException Gone = new("driver error 719: the device does not answer");

    /// <summary>Throws from the next operation on.</summary>
    public bool Failed { get; set; }

    public bool StagesBatches { get; init; }

    public bool ScalesLoss { get; init; }

    /// <summary>Device memory, bytes; 0: unknown.</summary>
    public long Memory { get; init; }

    /// <summary>What the augmentation's sampler is to need, bytes.</summary>
    public long SamplerBytes { get; init; }

    /// <summary>Batches that were uploaded ahead.</summary>
    public int UploadsAhead { get; private set; }

    public override bool UploadsRunBeside => StagesBatches;

    public override bool NeedsLossScaling => ScalesLoss;

    public override long MemoryBytes => Memory;

    /// <summary>The device's memory is its own.</summary>
    public bool OwnMemory { get; init; }

    public override bool HasOwnMemory => OwnMemory;

    public override long SamplingBytes(in SamplingLimits limits) => SamplerBytes;

    public override DeviceException? FailureOf(Exception exception) =>
        ReferenceEquals(exception, Gone) ? new DeviceLostException(Name, exception) : base.FailureOf(exception);

    protected override void UploadAheadCore(ReadOnlySpan<float> source, Tensor target)
    {
        UploadsAhead++;
        Inner().Upload(source, target);
    }

    protected override Backend Inner() => Failed ? throw Gone : base.Inner();
}
