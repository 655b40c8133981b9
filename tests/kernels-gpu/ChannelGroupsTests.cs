using SharpSeg.Kernels.Gpu.Device;
using Xunit;

namespace SharpSeg.Kernels.Gpu.Tests;

public sealed class ChannelGroupsTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 4)]
    [InlineData(8, 8)]
    [InlineData(9, 16)]    // 16 of 16 either way: the wider
    [InlineData(24, 8)]    // 24 of 24, where 32 lanes would leave 8 idle
    [InlineData(33, 8)]    // 40 places, where 16 lanes make 48 and 32 make 64
    [InlineData(80, 16)]   // 320 channels in fours
    [InlineData(320, 32)]
    public void Lanes_leave_the_fewest_without_a_channel(int channels, int lanes) =>
        Assert.Equal(lanes, ChannelGroups.Lanes(channels));
}
