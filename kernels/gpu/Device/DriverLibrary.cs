using System.Reflection;
using System.Runtime.InteropServices;
using ILGPU;

namespace SharpSeg.Kernels.Gpu.Device;

/// <summary>
/// Where ILGPU finds the drivers. It asks Linux for libcuda.so and libOpenCL.so, which only development packages install; users'
/// machines have libcuda.so.1 and libOpenCL.so.1, and without help would seem to have no GPU.
/// </summary>
internal static class DriverLibrary
{
    /// <summary>
    /// Makes ILGPU look for the versioned names too. If the program has a resolver for ILGPU of its own, that one stays.
    /// </summary>
    public static void FindUnderTheirVersionedNames()
    {
        try
        {
            NativeLibrary.SetDllImportResolver(typeof(Context).Assembly, Resolve);
        }
        catch (InvalidOperationException)
        {
            // There is a resolver already, and .NET allows one.
        }
    }

    /// <summary>The names under which a library is looked for, in order, in addition to those that .NET tries itself.</summary>
    /// <param name="library">Its name in the import: "cuda", "nvcuda", "OpenCL", ….</param>
    /// <param name="onLinux">Whether this is Linux.</param>
    internal static IReadOnlyList<string> FurtherNames(string library, bool onLinux) => library.ToLowerInvariant() switch
    {
        "cuda" or "libcuda" or "libcuda.so" when onLinux => ["libcuda.so.1"],
        "opencl" or "libopencl" or "libopencl.so" when onLinux => ["libOpenCL.so.1"],
        _ => [],
    };

    /// <summary>Opens CUDA's driver, the one that ILGPU uses.</summary>
    internal static bool TryOpenCuda(out nint library)
    {
        library = Resolve(OperatingSystem.IsWindows() ? "nvcuda" : "cuda", typeof(DriverLibrary).Assembly, path: null);
        return library != 0;
    }

    private static nint Resolve(string library, Assembly assembly, DllImportSearchPath? path)
    {
        if (NativeLibrary.TryLoad(library, assembly, path, out var handle))
        {
            return handle;
        }

        foreach (var name in FurtherNames(library, OperatingSystem.IsLinux()))
        {
            if (NativeLibrary.TryLoad(name, assembly, path, out handle))
            {
                return handle;
            }
        }

        return 0; // .NET continues as if there were no resolver, and reports what it did not find
    }
}
