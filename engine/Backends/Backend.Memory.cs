using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Backends;

public abstract partial class Backend
{
    private readonly Lock counting = new();

    /// <summary>Bytes of device memory in use now, as allocated by <see cref="Allocate"/>.</summary>
    public long AllocatedBytes { get; private set; }

    /// <summary>Highest value of <see cref="AllocatedBytes"/> so far.</summary>
    public long PeakBytes { get; private set; }

    /// <summary>
    /// Total memory of the device in bytes, whichever program uses it; 0 if unknown. By default the machine's memory or the
    /// container's limit.
    /// </summary>
    public virtual long MemoryBytes => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    /// <summary>Whether that memory is the device's own; else it is the host's, which everything else shares.</summary>
    public virtual bool HasOwnMemory => false;

    /// <summary>New memory for at least <paramref name="length"/> 32-bit words, 64-byte aligned, contents undefined.</summary>
    public DeviceBuffer Allocate(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        RequireNotRecording();
        var buffer = AllocateCore(length);
        Count(buffer.Length);
        return buffer;
    }

    /// <summary>Frees a buffer on the device and subtracts it from the byte count.</summary>
    public void Free(DeviceBuffer buffer)
    {
        Count(-buffer.Length);
        buffer.Dispose();
    }

    /// <summary>Host to device; lengths must agree.</summary>
    public void Upload(ReadOnlySpan<float> source, Tensor target)
    {
        RequireLength(source.Length, target);
        RequireNotRecording();
        UploadCore(source, target);
    }

    /// <summary>
    /// Whether <see cref="UploadAhead"/> runs concurrently with computations, so that calling it early pays off.
    /// </summary>
    public virtual bool UploadsRunBeside => false;

    /// <summary>
    /// Host to device, out of order: may run concurrently with any operation called before <see cref="FinishUploads"/>, so none
    /// of those may use the target. The source may be modified as soon as the call returns. Lengths must agree.
    /// </summary>
    public void UploadAhead(ReadOnlySpan<float> source, Tensor target)
    {
        RequireLength(source.Length, target);
        RequireNotRecording();
        UploadAheadCore(source, target);
    }

    /// <summary>Operations called after this see what was uploaded ahead.</summary>
    public virtual void FinishUploads()
    {
    }

    /// <summary>Device to host; waits for all earlier operations. Lengths must agree.</summary>
    public void Download(Tensor source, Span<float> target)
    {
        RequireLength(target.Length, source);
        RequireNotRecording();
        DownloadCore(source, target);
    }

    /// <summary>
    /// target ← source, any two shapes of equal length; rounded to the nearest where the target's elements are narrower.
    /// </summary>
    public void Copy(Tensor source, Tensor target)
    {
        RequireActivation(source, source.Shape, nameof(source));
        RequireActivation(target, target.Shape, nameof(target));
        if (source.Length != target.Length)
        {
            throw new ShapeException($"copy of {source.Shape} into {target.Shape}");
        }

        CopyCore(source, target);
    }

    /// <summary>Every element ← value.</summary>
    public void Fill(Tensor target, float value)
    {
        RequireActivation(target, target.Shape, nameof(target));
        FillCore(target, value);
    }

    /// <summary>Waits until all earlier operations are done.</summary>
    public abstract void Synchronize();

    /// <inheritdoc cref="Allocate"/>
    protected abstract DeviceBuffer AllocateCore(long length);

    /// <inheritdoc cref="Upload"/>
    protected abstract void UploadCore(ReadOnlySpan<float> source, Tensor target);

    /// <inheritdoc cref="UploadAhead"/>
    protected virtual void UploadAheadCore(ReadOnlySpan<float> source, Tensor target) => UploadCore(source, target);

    /// <inheritdoc cref="Download"/>
    protected abstract void DownloadCore(Tensor source, Span<float> target);

    /// <inheritdoc cref="Copy"/>
    protected abstract void CopyCore(Tensor source, Tensor target);

    /// <inheritdoc cref="Fill"/>
    protected abstract void FillCore(Tensor target, float value);

    // Sampling allocates from any thread.
    private void Count(long words)
    {
        lock (counting)
        {
            AllocatedBytes += words * sizeof(float);
            PeakBytes = Math.Max(PeakBytes, AllocatedBytes);
        }
    }

    private static void RequireLength(int length, Tensor tensor)
    {
        RequireFloat32(tensor, nameof(tensor));
        if (length != tensor.Length)
        {
            throw new ShapeException($"{length} host values for a tensor {tensor.Shape}");
        }
    }
}
