using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Conformance;

public sealed partial class ReferenceBackend
{
    /// <summary>The values of a tensor, row-major, without rounding.</summary>
    public double[] Read(Tensor source)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        var view = View(source);
        var values = new double[source.Length];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = view[i];
        }

        return values;
    }

    /// <summary>Sets the values of a tensor, row-major, without rounding.</summary>
    /// <exception cref="ShapeException">The number of values is not the length of the tensor.</exception>
    public void Write(Tensor target, double[] values)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        if (values.Length != target.Length)
        {
            throw new ShapeException($"{values.Length} host values for a tensor {target.Shape}");
        }

        var view = View(target);
        for (var i = 0; i < values.Length; i++)
        {
            view[i] = values[i];
        }
    }

    /// <summary>Operations have finished when they return.</summary>
    public override void Synchronize()
    {
    }

    /// <summary>Fresh memory contains NaN, so that reading what was never written is detected.</summary>
    protected override DeviceBuffer AllocateCore(long length) => new ReferenceBuffer(length);

    /// <inheritdoc/>
    protected override void UploadCore(ReadOnlySpan<float> source, Tensor target)
    {
        var values = View(target);
        for (var i = 0; i < source.Length; i++)
        {
            values[i] = source[i];
        }
    }

    /// <inheritdoc/>
    protected override void DownloadCore(Tensor source, Span<float> target)
    {
        var values = View(source);
        for (var i = 0; i < target.Length; i++)
        {
            target[i] = (float)values[i];
        }
    }

    /// <inheritdoc/>
    protected override void CopyCore(Tensor source, Tensor target) => Write(target, Read(source));

    /// <inheritdoc/>
    protected override void FillCore(Tensor target, float value)
    {
        var values = View(target);
        for (var i = 0; i < target.Length; i++)
        {
            values[i] = value;
        }
    }

    private static Values View(Tensor tensor)
    {
        var buffer = (ReferenceBuffer)tensor.Buffer;
        return tensor.Element == ElementType.Fp32
            ? new(buffer.Values, checked((int)tensor.Offset))
            : new(buffer.Halves, checked(2 * (int)tensor.Offset));
    }

    private static Values? ViewOrNull(Tensor? tensor) => tensor is null ? null : View(tensor);

    /// <summary>The elements of one tensor: index 0 is its first element.</summary>
    private readonly struct Values(double[] buffer, int offset)
    {
        public ref double this[int index] => ref buffer[offset + index];
    }

    /// <summary>
    /// Float64 memory behind the float32 contract; a length still counts words. What tensors of 16 bits hold lies apart, because
    /// a float64 cannot be taken for two others.
    /// </summary>
    private sealed class ReferenceBuffer(long length) : DeviceBuffer(length)
    {
        private double[]? halves;

        public double[] Values { get; private set; } = NaNs(length);

        public double[] Halves => halves ??= NaNs(2 * Length);

        protected override void Dispose(bool disposing) => (Values, halves) = ([], []);

        private static double[] NaNs(long count)
        {
            var values = new double[count];
            Array.Fill(values, double.NaN);
            return values;
        }
    }
}
