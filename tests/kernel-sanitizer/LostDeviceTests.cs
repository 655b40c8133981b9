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

    /// <summary>A failure that shows only when memory is given back stops whatever is computed next.</summary>
    [Fact]
    public void A_device_that_cannot_take_memory_back_is_lost_to_the_next_operation()
    {
        var warnings = new List<string>();
        using (var backend = DeviceUnderTest.Open(KernelChoice.Plain, warn: warnings.Add))
        {
            backend.Releases.Release(new Unreleasable());
            var allocating = Assert.Throws<DeviceLostException>(() => backend.Allocate(1));
            Assert.Contains("illegal access", allocating.Message, StringComparison.Ordinal);
            Assert.Throws<DeviceLostException>(backend.Synchronize);
            Assert.NotNull(backend.FailureOf(allocating));
        }

        Assert.Empty(warnings);                           // it was told already
    }

    [Fact]
    public void A_failure_that_nobody_was_told_of_is_a_warning_at_the_end()
    {
        var warnings = new List<string>();
        using (var backend = DeviceUnderTest.Open(KernelChoice.Plain, warn: warnings.Add))
        {
            backend.Releases.Release(new Unreleasable());
        }

        Assert.Contains("illegal access", Assert.Single(warnings), StringComparison.Ordinal);
    }

    private sealed class Unreleasable : IDisposable
    {
        public void Dispose() => throw new AcceleratorException("illegal access");
    }
}
