using SharpSeg.Kernels.Gpu.Device;
using Xunit;

namespace SharpSeg.Kernels.Gpu.Tests;

public sealed class DriverLibraryTests
{
    [Theory]
    [InlineData("cuda", "libcuda.so.1")]
    [InlineData("OpenCL", "libOpenCL.so.1")]
    public void On_Linux_a_driver_is_looked_for_under_its_versioned_name_too(string library, string further) =>
        Assert.Equal([further], DriverLibrary.FurtherNames(library, onLinux: true));

    [Theory]
    [InlineData("nvcuda", false)]
    [InlineData("cuda", false)]
    [InlineData("OpenCL", false)]
    [InlineData("cublas64_11", true)]
    public void Other_libraries_and_systems_keep_their_names(string library, bool onLinux) =>
        Assert.Empty(DriverLibrary.FurtherNames(library, onLinux));
}
