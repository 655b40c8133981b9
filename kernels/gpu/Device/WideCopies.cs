using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Kernels.Gpu.Device;

/// <summary>
/// float32 copies of tensors of 16 bits, for kernels that know float32 only: the plain ones, the matrix products without tensor
/// cores, and all where channels do not come in fours. One piece of memory, which lasts from one operation to the next.
/// </summary>
/// <param name="gpu">The device.</param>
internal sealed class WideCopies(GpuBackend gpu) : IDisposable
{
    private DeviceBuffer? memory;
    private long used;

    /// <summary>Where copies are; another, once they have needed more.</summary>
    public DeviceBuffer? Memory => memory;

    /// <summary>
    /// The most memory that a network of these convolutions takes here, words: a norm of channels that are no fours has copies of
    /// its input and of the gradient. Plain kernels may come to need more; with 16 bits none is chosen where tensor cores work.
    /// </summary>
    public static long LargestWords(IReadOnlyCollection<ConvProblem> convolutions)
    {
        var most = 0L;
        foreach (var p in convolutions)
        {
            // Nobody convolves logits, which are float32.
            if (p.Cout % 4 != 0 && convolutions.Any(next => next.Cin == p.Cout || next.Cin2 == p.Cout))
            {
                most = Math.Max(most, 2 * GpuBackend.WholeLines(p.OutputShape.Length));
            }
        }

        return most;
    }

    /// <summary>Begins an operation: makes room for these tensors; earlier copies end.</summary>
    public void Begin(params ReadOnlySpan<Tensor?> tensors)
    {
        var wanted = 0L;
        foreach (var tensor in tensors)
        {
            wanted += tensor is null || !GpuBackend.IsHalf(tensor) ? 0 : GpuBackend.WholeLines(tensor.Length);
        }

        used = 0;
        Reserve(wanted);
    }

    /// <summary>Makes sure that there is memory for this many words; copies end.</summary>
    public void Reserve(long wanted)
    {
        if (wanted > 0 && (memory is null || memory.Length < wanted))
        {
            if (memory is not null)
            {
                gpu.Synchronize();
                gpu.Free(memory);
                memory = null;
            }

            memory = gpu.Allocate(wanted);
        }
    }

    /// <summary>The tensor itself if it is float32, else its copy.</summary>
    public Tensor Of(Tensor tensor) => For(tensor, read: true);

    /// <summary>Memory for a result, to be copied to the tensor afterwards.</summary>
    /// <param name="tensor">Where the result belongs; itself, if it is float32.</param>
    /// <param name="read">What the tensor holds is read.</param>
    public Tensor For(Tensor tensor, bool read)
    {
        if (!GpuBackend.IsHalf(tensor))
        {
            return tensor;
        }

        var copy = new Tensor(memory!, used, tensor.Shape);
        used += GpuBackend.WholeLines(tensor.Length);
        if (read)
        {
            gpu.Kernels.Halves.LaunchWiden(gpu.Stream, tensor.Element, GpuBackend.View(tensor), GpuBackend.View(copy));
        }

        return copy;
    }

    /// <inheritdoc/>
    public void Dispose() => memory?.Dispose();
}
