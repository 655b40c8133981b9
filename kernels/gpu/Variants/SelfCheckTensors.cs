using ILGPU;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Kernels.Gpu.Variants;

/// <summary>Inputs and outputs of one self-check. The same order of calls gives the same random inputs.</summary>
internal sealed class SelfCheckTensors(Backend backend) : IDisposable
{
    private readonly List<DeviceBuffer> buffers = [];
    private readonly List<Tensor> outputs = [];
    private ulong state = 0x9E3779B97F4A7C15UL;

    /// <summary>A tensor of values in [−1, 1).</summary>
    public Tensor Input(Shape shape) => Filled(shape, () => (float)((Next() >> 40) / (double)(1 << 23)) - 1f);

    /// <summary>A tensor of whole numbers from 0 to classes − 1.</summary>
    public Tensor Labels(Shape shape, int classes) => Filled(shape, () => (Next() >> 33) % (ulong)classes);

    /// <summary>A tensor that the operation fills.</summary>
    public Tensor Output(Shape shape)
    {
        var tensor = Filled(shape, () => float.NaN);
        outputs.Add(tensor);
        return tensor;
    }

    /// <summary>A tensor that the operation fills, as kernels see it.</summary>
    public ArrayView<float> OutputView(Shape shape) => GpuBackend.View(Output(shape));

    /// <summary>What the outputs hold.</summary>
    public List<float[]> ReadOutputs() => [.. outputs.Select(tensor =>
    {
        var values = new float[tensor.Length];
        backend.Download(tensor, values);
        return values;
    })];

    /// <inheritdoc/>
    public void Dispose()
    {
        backend.Synchronize();
        foreach (var buffer in buffers)
        {
            backend.Free(buffer);
        }
    }

    private Tensor Filled(Shape shape, Func<float> value)
    {
        var values = new float[shape.Length];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = value();
        }

        var buffer = backend.Allocate(values.Length);
        buffers.Add(buffer);
        var tensor = new Tensor(buffer, 0, shape);
        backend.Upload(values, tensor);
        return tensor;
    }

    /// <summary>Knuth's linear congruential generator; nothing here needs better randomness.</summary>
    private ulong Next() => state = unchecked((state * 6364136223846793005UL) + 1442695040888963407UL);
}
