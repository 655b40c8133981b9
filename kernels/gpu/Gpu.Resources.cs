using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using ILGPU.Runtime.Cuda;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu;

public static partial class Gpu
{
    /// <summary>The compute capability of a CUDA device, written like sm_90.</summary>
    /// <exception cref="GpuUnavailableException">There is no such device.</exception>
    internal static string ArchitectureOf(string device)
    {
        using var context = CudaContext();
        foreach (var found in context.GetCudaDevices())
        {
            if ($"cuda:{found.DeviceId}" == device)
            {
                return found.Architecture is { } known
                    ? string.Create(CultureInfo.InvariantCulture, $"sm_{known.Major}{known.Minor}")
                    : throw new GpuUnavailableException(device, "its compute capability is not known");
            }
        }

        throw new GpuUnavailableException(device, "there is no such CUDA device");
    }

    /// <summary>
    /// What the assembler in the driver made of every kernel: the only one there is on a machine with nothing but a driver.
    /// </summary>
    /// <param name="device">"cuda:0", ….</param>
    /// <returns>By kernel; one that the driver refused has <see cref="KernelResources.Error"/>.</returns>
    /// <exception cref="GpuUnavailableException">There is no such device, or its driver does not say.</exception>
    internal static IReadOnlyList<KernelResources> Resources(string device)
    {
        var architecture = ArchitectureOf(device);
        using var driver = new CudaDriver(device); // first, because compiling takes long
        return [.. Ptx(architecture).Select(kernel => driver.ResourcesOf(kernel.Name, kernel.Assembly))];
    }

    /// <summary>The few functions of the CUDA driver that load a kernel and tell its resources (CUDA Driver API).</summary>
    private sealed partial class CudaDriver : IDisposable
    {
        // CUfunction_attribute
        private const int SharedBytes = 1, LocalBytes = 3, Registers = 4;

        private readonly nint library;
        private readonly nint context;

        /// <summary>Opens a context on a device, for the calling thread.</summary>
        public CudaDriver(string device)
        {
            if (!NativeLibrary.TryLoad(OperatingSystem.IsWindows() ? "nvcuda" : "libcuda.so.1", out library)
                && !NativeLibrary.TryLoad("libcuda.so", out library))
            {
                throw new GpuUnavailableException(device, "there is no CUDA driver");
            }

            if (!NativeLibrary.TryGetExport(library, "cuFuncGetAttribute", out _))
            {
                throw new GpuUnavailableException(device, "its driver does not tell the registers of a kernel");
            }

            var index = int.Parse(device.AsSpan(device.IndexOf(':', StringComparison.Ordinal) + 1), CultureInfo.InvariantCulture);
            Require(device, Function<Init>("cuInit")(0));
            Require(device, Function<DeviceGet>("cuDeviceGet")(out var handle, index));
            Require(device, Function<ContextCreate>("cuCtxCreate_v2")(out context, 0, handle));
        }

        private delegate int Init(uint flags);

        private delegate int DeviceGet(out int device, int index);

        private delegate int ContextCreate(out nint context, uint flags, int device);

        private delegate int ContextDestroy(nint context);

        private delegate int ModuleLoad(out nint module, byte[] image);

        private delegate int ModuleUnload(nint module);

        private delegate int ModuleGetFunction(out nint function, nint module, byte[] name);

        private delegate int FunctionGetAttribute(out int value, int attribute, nint function);

        public KernelResources ResourcesOf(string name, string ptx)
        {
            var entry = EntryPoint().Match(ptx).Groups[1].Value;
            if (Function<ModuleLoad>("cuModuleLoadData")(out var module, Terminated(ptx)) is not 0 and var refused)
            {
                return new KernelResources(name, null, null, null, $"the driver refused it: CUDA error {refused}");
            }

            try
            {
                var missing = Function<ModuleGetFunction>("cuModuleGetFunction")(out var function, module, Terminated(entry));
                return missing != 0
                    ? new KernelResources(name, null, null, null, $"no entry {entry}: CUDA error {missing}")
                    : new KernelResources(
                        name, Attribute(function, Registers), Attribute(function, LocalBytes), Attribute(function, SharedBytes));
            }
            finally
            {
                _ = Function<ModuleUnload>("cuModuleUnload")(module);
            }
        }

        public void Dispose()
        {
            _ = Function<ContextDestroy>("cuCtxDestroy_v2")(context);
            NativeLibrary.Free(library);
        }

        private int? Attribute(nint function, int attribute) =>
            Function<FunctionGetAttribute>("cuFuncGetAttribute")(out var value, attribute, function) == 0 ? value : null;

        private TDelegate Function<TDelegate>(string name)
            where TDelegate : Delegate =>
            Marshal.GetDelegateForFunctionPointer<TDelegate>(NativeLibrary.GetExport(library, name));

        private static byte[] Terminated(string text) => [.. Encoding.ASCII.GetBytes(text), 0];

        private static void Require(string device, int code)
        {
            if (code != 0)
            {
                throw new GpuUnavailableException(device, string.Create(CultureInfo.InvariantCulture, $"CUDA error {code}"));
            }
        }

        [GeneratedRegex(@"\.entry\s+([\w$]+)")]
        private static partial Regex EntryPoint();
    }
}

/// <summary>What an assembler made of a kernel.</summary>
/// <param name="Kernel">Its class and method.</param>
/// <param name="Registers">Of a thread; null if unknown.</param>
/// <param name="SpilledBytes">Local memory of a thread: what did not fit into registers; 0 is wanted.</param>
/// <param name="SharedBytes">Shared memory of a group that the kernel declares itself.</param>
/// <param name="Error">Why nothing is known; null if it is.</param>
internal sealed partial record KernelResources(
    string Kernel, int? Registers, int? SpilledBytes, int? SharedBytes, string? Error = null)
{
    /// <summary>What <c>ptxas -v</c> says of a kernel.</summary>
    public static KernelResources OfPtxas(string kernel, string said)
    {
        int? Number(Regex pattern) =>
            pattern.Match(said) is { Success: true } match
                ? int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)
                : null;
        return Number(UsedRegisters()) is { } registers
            ? new(kernel, registers, Number(SpillStores()) + Number(SpillLoads()), Number(SharedMemory()) ?? 0)
            : new(kernel, null, null, null, said.ReplaceLineEndings(" ").Trim());
    }

    [GeneratedRegex(@"Used (\d+) registers")]
    private static partial Regex UsedRegisters();

    [GeneratedRegex(@"(\d+) bytes spill stores")]
    private static partial Regex SpillStores();

    [GeneratedRegex(@"(\d+) bytes spill loads")]
    private static partial Regex SpillLoads();

    [GeneratedRegex(@"(\d+) bytes smem")]
    private static partial Regex SharedMemory();
}
