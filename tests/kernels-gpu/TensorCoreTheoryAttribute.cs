using Xunit;

namespace SharpSeg.Kernels.Gpu.Tests;

/// <summary>A theory that needs tensor cores, or the emulator's: skipped, with the reason, on a device that has none.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class TensorCoreTheoryAttribute : TheoryAttribute
{
    private static readonly Lazy<string?> Reason = new(WhyNone);

    public TensorCoreTheoryAttribute() => Skip = Reason.Value;

    private static string? WhyNone()
    {
#if ILGPU_EMULATOR
        return null;
#else
        if (Environment.GetEnvironmentVariable("SHARPSEG_GPU_TEST_DEVICE") is not { Length: > 0 } device)
        {
            return "ILGPU's processor device does not run PTX; SHARPSEG_GPU_TEST_DEVICE names a device that does";
        }

        try
        {
            Gpu.Open(device, GpuPrecision.Tf32).Dispose();
            return null;
        }
        catch (GpuUnavailableException e)
        {
            return e.Message;
        }
#endif
    }
}
