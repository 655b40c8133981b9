using SharpSeg.AutoPlanner;
using SharpSeg.Engine.Backends;
using SharpSeg.Kernels.Cpu;
using SharpSeg.Kernels.Gpu;

namespace SharpSeg;

/// <summary>The devices of this machine, by name: cpu, cuda:0, opencl:0, …</summary>
public static class ComputeDevice
{
    /// <summary>The best GPU that computes a small convolution correctly, else the processor.</summary>
    public const string Auto = "auto";

    /// <summary>The processor.</summary>
    public const string Processor = "cpu";

    /// <summary>What <see cref="Open"/> takes on this machine, <see cref="Auto"/> and the processor first.</summary>
    public static IReadOnlyList<string> Names() => [Auto, Processor, .. Gpu.Devices().Select(device => device.Id)];

    /// <summary>Opens a device.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="precision">In which numbers a GPU's convolutions multiply; null leaves it to the device.</param>
    /// <param name="threads">Threads of the processor; 0 = all cores.</param>
    /// <param name="warn">Receives warnings about a GPU while it computes.</param>
    /// <returns>A backend that the caller disposes of.</returns>
    /// <exception cref="SharpSegException">There is no such device, or it cannot compute in this precision.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A negative number of threads.</exception>
    public static Backend Open(
        string name = Auto, GpuPrecision? precision = null, int threads = 0, Action<string>? warn = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        try
        {
            var gpu = name switch
            {
                Processor => null,
                Auto => Gpu.OpenBest(precision, warn ?? (_ => { })),
                _ when Names().Contains(name) => Gpu.Open(name, precision, warn),
                _ => throw new SharpSegException(
                    $"device {name}: no such device",
                    $"this machine has {string.Join(", ", Names())}; `sharpseg devices` says why one is missing"),
            };
            return gpu is null && precision is not (null or GpuPrecision.Fp32)
                ? throw new SharpSegException(
                    $"precision {precision.Value.Name()}: the device cpu computes in fp32 only",
                    "leave the precision out, or name a GPU as the device")
                : gpu ?? Cpu.Open(threads);
        }
        catch (GpuUnavailableException error)
        {
            throw new SharpSegException(error.Message, "the device cpu always works", error);
        }
    }
}
