using Xunit;

namespace SharpSeg.Kernels.Gpu.Tests;

/// <summary>Among which of the listed devices work is shared.</summary>
public sealed class CardsTests
{
    private static readonly GpuDevice First = Device("cuda:0", "RTX 4090"), Second = Device("cuda:1", "RTX 4090");
    private static readonly GpuDevice Radeon = Device("opencl:2", "Radeon"), OtherRadeon = Device("opencl:3", "Radeon");

    [Fact]
    public void A_card_that_both_drivers_list_is_taken_once() => Assert.Equal(
        [First, Second],
        Gpu.CardsOf([First, Second, Device("opencl:0", "RTX 4090"), Device("opencl:1", "RTX 4090")]));

    [Fact]
    public void Cards_that_only_OpenCL_lists_are_taken_also_beside_CUDA_and_two_of_one_name() => Assert.Equal(
        [First, Radeon, OtherRadeon], Gpu.CardsOf([First, Device("opencl:0", "RTX 4090"), Radeon, OtherRadeon]));

    [Fact]
    public void A_processor_that_is_presented_as_a_GPU_is_none() => Assert.Equal(
        [Radeon], Gpu.CardsOf([Device("opencl:0", "Xeon") with { IsProcessor = true }, Radeon]));

    private static GpuDevice Device(string id, string name) => new(id, name, MemoryBytes: 1 << 30, "");
}
