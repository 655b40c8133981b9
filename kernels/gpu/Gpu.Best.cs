using ILGPU.Runtime;
using SharpSeg.Engine.Backends;
using SharpSeg.Kernels.Gpu.Variants;

namespace SharpSeg.Kernels.Gpu;

public static partial class Gpu
{
    /// <summary>
    /// The GPUs, best first: CUDA before OpenCL, then by memory, of which faster GPUs have more. Processors that a driver lists
    /// as GPUs are left out.
    /// </summary>
    internal static IEnumerable<GpuDevice> BestFirst() => Devices().Where(d => !d.IsProcessor)
        .OrderBy(IsOpenCL).ThenByDescending(d => d.MemoryBytes);

    /// <summary>
    /// The GPUs among which work is shared: each card once, through CUDA where both drivers list it. Processors that a driver
    /// lists as GPUs are left out: beside a card they would hold up their share of the work.
    /// </summary>
    public static IReadOnlyList<GpuDevice> Cards() => CardsOf(Devices());

    /// <summary>As <see cref="Cards"/>, of these devices.</summary>
    internal static IReadOnlyList<GpuDevice> CardsOf(IReadOnlyList<GpuDevice> listed)
    {
        var cuda = listed.Where(d => !IsOpenCL(d)).Select(d => d.Name).ToHashSet(StringComparer.Ordinal);
        return [.. listed.Where(d => !d.IsProcessor && !(IsOpenCL(d) && cuda.Contains(d.Name)))];
    }

    /// <summary>Opens the best GPU that passes its trial.</summary>
    /// <param name="precision">As for <see cref="Open"/>.</param>
    /// <param name="warn">
    /// Receives a line for every GPU that is passed over, with the reason, and warnings as for <see cref="Open"/>.
    /// </param>
    /// <returns>Null if there is no such GPU.</returns>
    public static Backend? OpenBest(GpuPrecision? precision, Action<string> warn)
    {
        ArgumentNullException.ThrowIfNull(warn);
        foreach (var gpu in BestFirst())
        {
            Backend? backend = null;
            try
            {
                backend = Open(gpu.Id, precision, warn);
                if (DeviceTrial.Passes((GpuBackend)backend))
                {
                    return backend;
                }

                warn($"{gpu.Id} ({gpu.Name}) is not used: it computes a small convolution wrongly; "
                    + $"`sharpseg bench kernels --device {gpu.Id} --check` shows more");
            }
            catch (Exception e)
                when (e is GpuUnavailableException or DeviceException or AcceleratorException or NotSupportedException)
            {
                warn($"{gpu.Id} ({gpu.Name}) is not used: {e.Message}");
            }

            backend?.Dispose();
        }

        return null;
    }

    private static bool IsOpenCL(GpuDevice device) => device.Id.StartsWith("opencl", StringComparison.Ordinal);
}
