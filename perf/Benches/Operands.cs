using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Perf.Benches;

/// <summary>
/// Random tensors for one measured operation. Each name has several copies, together larger than the cores' own caches, and every
/// call uses the next one: layers of a network do not find their inputs in the cache either.
/// </summary>
internal sealed class Operands(Backend backend) : IDisposable
{
    private const long BeyondCaches = 8_000_000;
    private const int MostCopies = 8;

    private readonly List<DeviceBuffer> buffers = [];
    private readonly Random random = new(1);

    /// <summary>One tensor of values in ±scale.</summary>
    public Tensor Single(Shape shape, float scale = 1f)
    {
        var buffer = backend.Allocate(shape.Length);
        buffers.Add(buffer);
        var tensor = new Tensor(buffer, 0, shape);
        var values = new float[shape.Length];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = ((2f * random.NextSingle()) - 1f) * scale;
        }

        backend.Upload(values, tensor);
        return tensor;
    }

    /// <summary>A function that gives one of several tensors in turn.</summary>
    public Func<Tensor> Rotating(Shape shape, float scale = 1f)
    {
        var copies = (int)Math.Clamp(2 + (BeyondCaches / (shape.Length * sizeof(float))), 1, MostCopies);
        var tensors = Enumerable.Range(0, copies).Select(_ => Single(shape, scale)).ToArray();
        var next = 0;
        return () => tensors[next = (next + 1) % copies];
    }

    /// <inheritdoc/>
    public void Dispose() => buffers.ForEach(backend.Free);
}
