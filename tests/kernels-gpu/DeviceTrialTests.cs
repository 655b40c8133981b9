using SharpSeg.Kernels.Gpu.Variants;
using Xunit;

namespace SharpSeg.Kernels.Gpu.Tests;

public sealed class DeviceTrialTests
{
    [Fact]
    public void Device_that_computes_rightly_passes()
    {
        using var backend = DeviceUnderTest.Open(KernelChoice.Plain);
        Assert.True(DeviceTrial.Passes(backend));
    }

    [Fact]
    public void One_wrong_voxel_fails()
    {
        var (x, w, y) = (new float[2 * 3 * 4 * 2], new float[27 * 2 * 3], new float[2 * 3 * 4 * 3]);
        Assert.True(DeviceTrial.Agrees(x, w, y));
        y[17] = 1e-3f;
        Assert.False(DeviceTrial.Agrees(x, w, y));
        y[17] = float.NaN;
        Assert.False(DeviceTrial.Agrees(x, w, y));
    }
}
