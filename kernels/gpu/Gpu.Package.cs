#if ILGPU_PACKAGE
using System.Globalization;
using ILGPU;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;
using SharpSeg.Engine.Backends;

namespace SharpSeg.Kernels.Gpu;

public static partial class Gpu
{
    private static readonly CudaArchitecture FirstWithTensorInstructions = new(8, 0); // mma.sync for tf32 and bfloat16

    /// <summary>GPUs that can be opened: CUDA devices first, then OpenCL's. Empty if there is no driver.</summary>
    public static IReadOnlyList<GpuDevice> Devices()
    {
        var found = new List<GpuDevice>();
        Try(() =>
        {
            using var context = CudaContext();
            foreach (var device in context.GetCudaDevices())
            {
                found.Add(new GpuDevice(
                    $"cuda:{device.DeviceId}", device.Name, device.MemorySize,
                    $"{device.Architecture}, {device.NumMultiprocessors} multiprocessors, CUDA driver {device.DriverVersion}"));
            }
        });
        Try(() =>
        {
            using var context = OpenCLContext();
            var index = 0;
            foreach (var device in context.GetCLDevices())
            {
                var isProcessor = device.DeviceType.HasFlag(CLDeviceType.CL_DEVICE_TYPE_CPU);
                found.Add(new GpuDevice(
                    string.Create(CultureInfo.InvariantCulture, $"opencl:{index++}"), device.Name, device.MemorySize,
                    $"{device.VendorName}, {device.NumMultiprocessors} compute units, OpenCL {device.DeviceVersion}"
                    + (isProcessor ? ", the processor in a GPU's place: slower than cpu" : string.Empty),
                    isProcessor));
            }
        });
        return found;
    }

    /// <summary>Opens a device by its id, as <see cref="Devices"/> lists it.</summary>
    /// <param name="device">"cuda:0", "opencl:0", ….</param>
    /// <param name="precision">In which numbers convolutions multiply; by default tf32 where the device has it, else float32.</param>
    /// <param name="warn">Told of what is found wrong with the device while it computes.</param>
    /// <exception cref="GpuUnavailableException">There is no such device, or it cannot do this precision.</exception>
    public static Backend Open(string device, GpuPrecision? precision = null, Action<string>? warn = null) =>
        OpenDevice(device, KernelChoice.Checked, precision, null, warn);

    /// <summary>One sentence: why <see cref="Devices"/> lists nothing, or nothing more.</summary>
    public static string DescribeWhyMissing() => Devices().Count > 0
        ? "built with the ILGPU package; all devices that its CUDA and OpenCL drivers report are listed"
        : "built with the ILGPU package, but neither a CUDA driver nor an OpenCL driver with the generic address space reports a device";

    /// <summary>Writes the PTX of every kernel into a folder; needs no device.</summary>
    /// <param name="folder">Where to; made if it is not there.</param>
    /// <param name="architecture">"sm_80" and the like. Kernels with tensor-core instructions need sm_80.</param>
    /// <returns>The files written.</returns>
    /// <exception cref="GpuUnavailableException">The architecture is not of that form.</exception>
    public static IReadOnlyList<string> EmitPtx(string folder, string architecture)
    {
        if (!architecture.StartsWith("sm_", StringComparison.Ordinal)
            || !int.TryParse(architecture.AsSpan(3), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            throw new GpuUnavailableException(architecture, "an architecture is written like sm_80");
        }

        Directory.CreateDirectory(folder);
        var target = new CudaArchitecture(number / 10, number % 10);
        using var context = Context.Create(builder => builder.EnableAlgorithms().EnableOwnInstructions());
        using var backend = new PTXBackend(context, new CudaCapabilityContext(target), target, new CudaInstructionSet(7, 8), null);
        var files = new List<string>();
        foreach (var kernel in KernelCatalogue.Portable.Concat(target >= FirstWithTensorInstructions ? KernelCatalogue.TensorCores : []))
        {
            var compiled = (PTXCompiledKernel)backend.Compile(
                EntryPointDescription.FromExplicitlyGroupedKernel(kernel.Method), default(KernelSpecialization));
            var file = Path.Combine(folder, $"{KernelCatalogue.NameOf(kernel)}.ptx");
            File.WriteAllText(file, compiled.PTXAssembly);
            files.Add(file);
        }

        return files;
    }

    private static GpuBackend OpenDevice(
        string device, KernelChoice choice, GpuPrecision? precision, VariantCache? cache, Action<string>? warn = null)
    {
        if (device.Split(':') is not [var kind, var text]
            || !int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var index) || kind is not ("cuda" or "opencl"))
        {
            throw new GpuUnavailableException(device, "a GPU is named cuda:0, cuda:1, …, opencl:0, …");
        }

        Context? context = null;
        try
        {
            context = kind == "cuda" ? CudaContext() : OpenCLContext();
            Accelerator accelerator = kind == "cuda" ? context.CreateCudaAccelerator(index) : context.CreateCLAccelerator(index);
            var tensorCores = accelerator is CudaAccelerator cuda && cuda.Architecture >= FirstWithTensorInstructions;
            var chosen = precision ?? (tensorCores ? GpuPrecision.Tf32 : GpuPrecision.Fp32);
            var numbers = chosen.ToString().ToLowerInvariant();
            if (chosen != GpuPrecision.Fp32 && !tensorCores)
            {
                var name = accelerator.Name;
                accelerator.Dispose();
                context.Dispose();
                throw new GpuUnavailableException(device, $"{name} has no tensor cores for {numbers}; use --precision fp32");
            }

            var driver = accelerator is CudaAccelerator c ? $"CUDA {c.DriverVersion}, {c.Architecture}" : ((CLAccelerator)accelerator).CVersion.ToString();
            return new GpuBackend(
                context, accelerator, "gpu", $"{accelerator.Name}, {driver}, {numbers}", choice, chosen,
                cache ?? new VariantCache(CacheFolder(), $"{accelerator.Name} {driver} {chosen}"))
            {
                Warn = warn ?? (_ => { }),
            };
        }
        catch (Exception e) when (IsMissingDriver(e))
        {
            context?.Dispose();
            throw new GpuUnavailableException(device, e.Message, e);
        }
    }

    private static Context CudaContext() => Context.Create(builder => builder.Cuda().EnableAlgorithms().EnableOwnInstructions());

    private static Context OpenCLContext() => Context.Create(builder => builder.OpenCL().EnableAlgorithms().EnableOwnInstructions());

    private static string CacheFolder() =>
        Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData), "sharpseg", "gpu");

    private static void Try(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (IsMissingDriver(e))
        {
            // No driver of this kind, or one that fails: its devices cannot be listed, the others can.
        }
    }

    private static bool IsMissingDriver(Exception e) =>
        e is DllNotFoundException or EntryPointNotFoundException or TypeInitializationException or NotSupportedException or AcceleratorException;
}
#endif
