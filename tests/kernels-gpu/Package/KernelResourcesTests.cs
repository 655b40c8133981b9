using Xunit;

namespace SharpSeg.Kernels.Gpu.Tests;

/// <summary>What NVIDIA's assembler prints, read.</summary>
public sealed class KernelResourcesTests
{
    [Fact]
    public void Registers_spills_and_shared_memory_are_read_from_ptxas()
    {
        const string Said =
            """
            ptxas info    : 0 bytes gmem
            ptxas info    : Compiling entry function 'Kernel_Run' for 'sm_90'
            ptxas info    : Function properties for Kernel_Run
                40 bytes stack frame, 36 bytes spill stores, 44 bytes spill loads
            ptxas info    : Used 128 registers, used 1 barriers, 40 bytes cumulative stack size, 20800 bytes smem, 480 bytes cmem[0]
            """;
        Assert.Equal(new KernelResources("K.Run", 128, 80, 20800), KernelResources.OfPtxas("K.Run", Said));
        var none = Said.Replace(", 20800 bytes smem", "", StringComparison.Ordinal)
            .Replace("36 bytes spill stores, 44", "0 bytes spill stores, 0", StringComparison.Ordinal);
        Assert.Equal(new KernelResources("K.Run", 128, 0, 0), KernelResources.OfPtxas("K.Run", none));
    }

    [Fact]
    public void A_kernel_that_ptxas_refuses_keeps_the_reason()
    {
        var refused = KernelResources.OfPtxas("K.Run", "ptxas a.ptx, line 7; fatal   : Parsing error\nptxas fatal: aborted\n");
        Assert.Equal("ptxas a.ptx, line 7; fatal   : Parsing error ptxas fatal: aborted", refused.Error);
        Assert.Null(refused.Registers);
    }
}
