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

    /// <summary>The same in what the backend keeps activations in.</summary>
    public Tensor Activation(Shape shape) => Kept(Input(shape));

    /// <summary>A tensor that the operation fills.</summary>
    public Tensor Output(Shape shape)
    {
        var tensor = Filled(shape, () => float.NaN);
        outputs.Add(tensor);
        return tensor;
    }

    /// <summary>The same in what the backend keeps activations in.</summary>
    public Tensor OutputActivation(Shape shape)
    {
        var tensor = Kept(Filled(shape, () => float.NaN));
        outputs.Add(tensor);
        return tensor;
    }

    /// <summary>What the outputs hold.</summary>
    public List<float[]> ReadOutputs() => [.. outputs.Select(tensor =>
    {
        var values = new float[tensor.Length];
        var wide = tensor;
        if (tensor.Element != ElementType.Fp32)
        {
            wide = New(tensor.Shape, ElementType.Fp32);
            backend.Copy(tensor, wide);
        }

        backend.Download(wide, values);
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

        var tensor = New(shape, ElementType.Fp32);
        backend.Upload(values, tensor);
        return tensor;
    }

    private Tensor Kept(Tensor tensor)
    {
        if (backend.Activations == ElementType.Fp32)
        {
            return tensor;
        }

        var kept = New(tensor.Shape, backend.Activations);
        backend.Copy(tensor, kept);
        return kept;
    }

    private Tensor New(Shape shape, ElementType element)
    {
        var buffer = backend.Allocate(element.Words(shape.Length));
        buffers.Add(buffer);
        return new Tensor(buffer, 0, shape, element);
    }

    /// <summary>Knuth's linear congruential generator; nothing here needs better randomness.</summary>
    private ulong Next() => state = unchecked((state * 6364136223846793005UL) + 1442695040888963407UL);
}
