using ILGPU.Runtime;
using SharpSeg.Engine.Backends;
using SharpSeg.Kernels.Gpu;
using SharpSeg.Kernels.Gpu.Tests;
using SharpSeg.Kernels.Gpu.Variants;
using Xunit;

namespace SharpSeg.KernelSanitizer;

/// <summary>What becomes of a failure of the driver, which no device of ours can be made to have.</summary>
public sealed class LostDeviceTests
{
    [Fact]
    public void Failure_of_the_driver_becomes_a_lost_device_with_its_words()
    {
        using var backend = DeviceUnderTest.Open(KernelChoice.Plain);
        var lost = Assert.IsType<DeviceLostException>(backend.FailureOf(new AcceleratorException("device lost")));
        Assert.Contains("device lost", lost.Message, StringComparison.Ordinal);
    }
}
