namespace SharpSeg.Engine.Tensors;

/// <summary>
/// A dense float32 array: a shape laid over a part of a buffer. Cheap to make; owns nothing.
/// Several tensors may look at one buffer (all parameters of a network lie in one, so that one launch updates them all).
/// </summary>
public sealed class Tensor
{
    /// <summary>Lays a shape over a buffer.</summary>
    /// <param name="buffer">The memory.</param>
    /// <param name="offset">First element; a multiple of 16, so that every tensor starts on a 64-byte line.</param>
    /// <param name="shape">The five extents.</param>
    /// <exception cref="ShapeException">The shape does not fit, or the offset is not aligned.</exception>
    public Tensor(DeviceBuffer buffer, long offset, Shape shape)
    {
        if (offset < 0 || offset % 16 != 0 || offset + shape.Length > buffer.Length)
        {
            throw new ShapeException($"a tensor {shape} at element {offset} does not fit a buffer of {buffer.Length} elements");
        }

        Buffer = buffer;
        Offset = offset;
        Shape = shape;
    }

    /// <summary>The memory that holds the values.</summary>
    public DeviceBuffer Buffer { get; }

    /// <summary>Index of the first element in <see cref="Buffer"/>.</summary>
    public long Offset { get; }

    /// <summary>The five extents.</summary>
    public Shape Shape { get; }

    /// <summary>Number of elements.</summary>
    public long Length => Shape.Length;

    /// <inheritdoc/>
    public override string ToString() => $"Tensor{Shape}";
}

/// <summary>
/// A run of float32 values in the memory of one backend. Only that backend can look inside; the engine passes it around.
/// Freed by <see cref="Dispose()"/>, never by the garbage collector's good will: device memory is too scarce for that.
/// </summary>
public abstract class DeviceBuffer(long length) : IDisposable
{
    /// <summary>Capacity in float32 elements.</summary>
    public long Length { get; } = length;

    /// <summary>Gives the memory back to the device.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees the memory; called once.</summary>
    protected abstract void Dispose(bool disposing);
}
