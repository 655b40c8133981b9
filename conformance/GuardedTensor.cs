using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Conformance;

/// <summary>
/// A tensor in the middle of a larger buffer. The elements before and behind hold a guard value; an operation that writes outside
/// its tensor, if only to fill up a vector register, is detected by <see cref="Read"/>.
/// </summary>
internal sealed class GuardedTensor : IDisposable
{
    private const int Before = 16;                        // elements; keeps the tensor on a 64-byte line
    private const int Behind = 48;                        // elements; three 64-byte lines, the widest vector register times three
    private const float Guard = -98765.4f;

    private readonly Backend backend;
    private readonly DeviceBuffer buffer;
    private readonly Tensor whole;

    /// <summary>Allocates a tensor of the given shape and fills it.</summary>
    public GuardedTensor(
        Backend backend, Shape shape, ReadOnlySpan<float> values, ElementType element = ElementType.Fp32)
    {
        var contents = new float[Before + element.Words(shape.Length) + Behind];
        Array.Fill(contents, Guard);
        this.backend = backend;
        buffer = backend.Allocate(contents.Length);
        whole = new Tensor(buffer, 0, Shape.Vector(contents.Length));
        Tensor = new Tensor(buffer, Before, shape, element);
        if (element == ElementType.Fp32)
        {
            values.CopyTo(contents.AsSpan(Before));
            backend.Upload(contents, whole);
            return;
        }

        backend.Upload(contents, whole);
        var (memory, wide) = Wide();
        backend.Upload(values, wide);
        backend.Copy(wide, Tensor);
        backend.Free(memory);
    }

    /// <summary>The tensor between the guards.</summary>
    public Tensor Tensor { get; }

    /// <summary>The values of the tensor.</summary>
    /// <exception cref="ConformanceException">A guard was overwritten.</exception>
    public float[] Read(string name)
    {
        var contents = new float[whole.Length];
        backend.Download(whole, contents);
        for (var i = 0; i < contents.Length; i++)
        {
            var inside = i >= Before && i < contents.Length - Behind;
            if (!inside && contents[i] != Guard)
            {
                throw new ConformanceException(
                    $"{name} {Tensor.Shape}: wrote {contents[i]} outside the tensor, at element {i - Before}");
            }
        }

        if (Tensor.Element == ElementType.Fp32)
        {
            return contents[Before..^Behind];
        }

        var values = new float[Tensor.Length];
        var (memory, wide) = Wide();
        backend.Copy(Tensor, wide);
        backend.Download(wide, values);
        backend.Free(memory);
        return values;
    }

    // Memory for the values as float32, which alone travels between host and device.
    private (DeviceBuffer Memory, Tensor Tensor) Wide()
    {
        var memory = backend.Allocate(Tensor.Length);
        return (memory, new Tensor(memory, 0, Tensor.Shape));
    }

    /// <inheritdoc/>
    public void Dispose() => backend.Free(buffer);
}
