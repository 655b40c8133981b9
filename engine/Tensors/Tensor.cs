namespace SharpSeg.Engine.Tensors;

/// <summary>
/// A dense array: a shape laid over a part of a buffer. Cheap to make; owns nothing.
/// Several tensors may look at one buffer (all parameters of a network lie in one, so that one launch updates them all).
/// <para>Elements are float32, or, for activations and their gradients on a device that keeps them so, 16 bits wide: two to a
/// word of the buffer, the one with the lower index in the lower half.</para>
/// </summary>
public sealed class Tensor
{
    private const int Alignment = 16; // words: every tensor starts on a 64-byte line

    /// <summary>Lays a shape over a buffer.</summary>
    /// <param name="buffer">The memory.</param>
    /// <param name="offset">First word of the buffer; a multiple of 16: a 64-byte line.</param>
    /// <param name="shape">The five extents.</param>
    /// <param name="element">What the elements are.</param>
    /// <exception cref="ShapeException">The shape does not fit, or the offset is not aligned.</exception>
    public Tensor(DeviceBuffer buffer, long offset, Shape shape, ElementType element = ElementType.Fp32)
    {
        if (offset < 0 || offset % Alignment != 0 || offset + element.Words(shape.Length) > buffer.Length)
        {
            throw new ShapeException(
                $"a tensor {shape} of {element.Name()} at word {offset} does not fit a buffer of {buffer.Length} words");
        }

        Buffer = buffer;
        Offset = offset;
        Shape = shape;
        Element = element;
    }

    /// <summary>The memory that holds the values.</summary>
    public DeviceBuffer Buffer { get; }

    /// <summary>Index of the first word in <see cref="Buffer"/>.</summary>
    public long Offset { get; }

    /// <summary>The five extents.</summary>
    public Shape Shape { get; }

    /// <summary>What the elements are.</summary>
    public ElementType Element { get; }

    /// <summary>Number of elements.</summary>
    public long Length => Shape.Length;

    /// <summary>Words of <see cref="Buffer"/> that the elements take.</summary>
    public long Words => Element.Words(Length);

    /// <inheritdoc/>
    public override string ToString() => $"Tensor{Shape}";

    /// <summary>Words from the start of a tensor to that of the next one in a buffer.</summary>
    /// <param name="words">What the first one takes.</param>
    internal static long AlignedLength(long words) => (words + Alignment - 1) / Alignment * Alignment;
}

/// <summary>What the elements of a tensor are.</summary>
public enum ElementType
{
    /// <summary>float32: images, logits, parameters, statistics, sums, and everything on the host.</summary>
    Fp32,

    /// <summary>bfloat16: the upper half of a float32.</summary>
    Bf16,

    /// <summary>IEEE float16.</summary>
    Fp16,
}

/// <summary>Sizes and names of element types.</summary>
public static class ElementTypes
{
    /// <summary>32-bit words that a number of elements takes.</summary>
    public static long Words(this ElementType element, long elements) =>
        element == ElementType.Fp32 ? elements : (elements + 1) / 2;

    /// <summary>"fp32", "bf16" or "fp16".</summary>
    public static string Name(this ElementType element) => element switch
    {
        ElementType.Fp32 => "fp32",
        ElementType.Bf16 => "bf16",
        ElementType.Fp16 => "fp16",
        _ => throw new ArgumentOutOfRangeException(nameof(element), element, "no such type of elements"),
    };

    /// <summary>The number of this type that is nearest to a value, the even one of two.</summary>
    public static float Rounded(this ElementType element, float value) => element switch
    {
        ElementType.Bf16 => float.IsNaN(value) ? value : UpperHalf(BitConverter.SingleToUInt32Bits(value)),
        ElementType.Fp16 => (float)(Half)value,
        _ => value,
    };

    // Half of the lower half's range less one, and the lowest bit that stays: ties go to even.
    private static float UpperHalf(uint bits) =>
        BitConverter.UInt32BitsToSingle((bits + 0x7FFFu + ((bits >> 16) & 1u)) & 0xFFFF0000u);
}

/// <summary>
/// A run of 32-bit words in the memory of one backend. Only that backend can look inside; the engine passes it around.
/// Freed by <see cref="Dispose()"/>, never by the garbage collector's good will: device memory is too scarce for that.
/// </summary>
public abstract class DeviceBuffer(long length) : IDisposable
{
    /// <summary>Capacity in words, each a float32 or two numbers of 16 bits.</summary>
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
