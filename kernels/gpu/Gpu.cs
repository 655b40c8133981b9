using System.Globalization;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;
using SharpSeg.Engine.Backends;
using SharpSeg.Kernels.Gpu.Device;
using SharpSeg.Kernels.Gpu.Variants;

namespace SharpSeg.Kernels.Gpu;

/// <summary>Lists and opens GPUs through ILGPU.</summary>
public static partial class Gpu
{
    /// <summary>ILGPU's processor device, as <see cref="OpenForChecks"/> takes it.</summary>
    internal const string CheckDevice = "ilgpu-cpu";

    private static readonly CudaArchitecture FirstWithTensorInstructions = new(8, 0); // mma.sync for tf32 and bfloat16

    static Gpu() => DriverLibrary.FindUnderTheirVersionedNames();

    /// <summary>ILGPU's version.</summary>
    internal static string IlgpuVersion => typeof(Context).Assembly.GetName().Version!.ToString(3);

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
                    + (isProcessor ? ", the processor presented as a GPU: slower than cpu" : string.Empty),
                    isProcessor));
            }
        });
        return found;
    }

    /// <summary>Opens a device by its id, as <see cref="Devices"/> lists it.</summary>
    /// <param name="device">"cuda:0", "opencl:0", ….</param>
    /// <param name="precision">
    /// In which numbers convolutions multiply; by default tf32 where the device has it, else float32.
    /// </param>
    /// <param name="warn">Receives warnings about this device while it computes.</param>
    /// <exception cref="GpuUnavailableException">There is no such device, or it cannot do this precision.</exception>
    public static Backend Open(string device, GpuPrecision? precision = null, Action<string>? warn = null) =>
        OpenDevice(device, KernelChoice.Checked, precision, null, warn);

    /// <summary>One sentence: why <see cref="Devices"/> lists nothing, or nothing more.</summary>
    public static string DescribeWhyMissing() => Devices().Count > 0
        ? "all devices that the CUDA and OpenCL drivers report are listed"
        : "neither a CUDA driver nor an OpenCL driver with the generic address space reports a device";

    /// <summary>Runs every self-check on an open GPU: each fast variant of each operation against the plain kernel.</summary>
    /// <param name="backend">What <see cref="Open"/> returned.</param>
    /// <exception cref="ArgumentException">The backend is not a GPU's.</exception>
    internal static IReadOnlyList<SelfCheckResult> Check(Backend backend) => VariantSelfCheck.All(
        backend as GpuBackend ?? throw new ArgumentException($"{backend.Name} is not a GPU opened here", nameof(backend)));

    /// <summary>Opens a device for checking one kind of kernels.</summary>
    /// <param name="device">
    /// "cuda:0", "opencl:0", …, or <see cref="CheckDevice"/>: exact, and some thousand times slower than a GPU.
    /// </param>
    /// <param name="choice">Which variants.</param>
    /// <param name="precision">In which numbers convolutions multiply; null: the device's default.</param>
    /// <param name="cache">Where choices of variants are kept; null: in memory only.</param>
    /// <param name="warn">Receives warnings about this device while it computes.</param>
    /// <exception cref="GpuUnavailableException">There is no such device, or it cannot do this precision.</exception>
    internal static GpuBackend OpenForChecks(
        string device, KernelChoice choice, GpuPrecision? precision, VariantCache? cache = null, Action<string>? warn = null)
    {
        cache ??= new VariantCache(folder: null, device);
        if (device != CheckDevice)
        {
            return OpenDevice(device, choice, precision, cache, warn);
        }

        // The kind named Nvidia has warps of 32 threads and groups of 1024; ILGPU's default refuses groups above 16.
        var context = Context.Create(builder => builder.CPU(CPUDeviceKind.Nvidia).EnableAlgorithms());
        var accelerator = context.CreateCPUAccelerator(0);
        return new GpuBackend(
            context, new KernelList(accelerator), $"{accelerator.Name}, for checks only", choice, precision ?? GpuPrecision.Fp32,
            cache, warn);
    }

    private static GpuBackend OpenDevice(
        string device, KernelChoice choice, GpuPrecision? precision, VariantCache? cache, Action<string>? warn)
    {
        if (device.Split(':') is not [var kind, var text]
            || !int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var index)
            || kind is not ("cuda" or "opencl"))
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
            var numbers = chosen.Name();
            if (chosen != GpuPrecision.Fp32 && !tensorCores)
            {
                var name = accelerator.Name;
                accelerator.Dispose();
                context.Dispose();
                throw new GpuUnavailableException(device, $"{name} has no tensor cores for {numbers}; use --precision fp32");
            }

            var driver = accelerator is CudaAccelerator c
                ? $"CUDA {c.DriverVersion}, {c.Architecture}"
                : ((CLAccelerator)accelerator).CVersion.ToString();
            return new GpuBackend(
                context, new KernelList(accelerator), $"{accelerator.Name}, {driver}, {numbers}", choice, chosen,
                cache ?? new VariantCache(CacheFolder(), $"{accelerator.Name} {driver} {chosen}"), warn,
                CudaGraphs.Of(accelerator));
        }
        catch (Exception e) when (IsMissingDriver(e))
        {
            context?.Dispose();
            throw new GpuUnavailableException(device, e.Message, e);
        }
    }

    private static Context CudaContext() => Context.Create(builder => builder.Cuda().EnableAlgorithms().EnableOwnInstructions());

    private static Context OpenCLContext() =>
        Context.Create(builder => builder.OpenCL().EnableAlgorithms().EnableOwnInstructions());

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
        e is DllNotFoundException or EntryPointNotFoundException
            or TypeInitializationException or NotSupportedException or AcceleratorException;
}

/// <summary>A GPU that training and prediction may use.</summary>
/// <param name="Id">What `--device` takes: "cuda:0", "opencl:1", ….</param>
/// <param name="Name">The device's own name.</param>
/// <param name="MemoryBytes">Its memory, bytes.</param>
/// <param name="Details">Architecture, multiprocessors, driver, for people.</param>
/// <param name="IsProcessor">
/// The driver presents the processor as a GPU: slower than the device cpu, so it is never chosen unless asked for.
/// </param>
public sealed record GpuDevice(string Id, string Name, long MemoryBytes, string Details, bool IsProcessor = false);

/// <summary>A GPU that was asked for and is not available, with the reason.</summary>
/// <param name="device">The device's id as it was asked for.</param>
/// <param name="reason">Why.</param>
/// <param name="cause">The driver's error, if there is one.</param>
public sealed class GpuUnavailableException(string device, string reason, Exception? cause = null)
    : Exception($"device `{device}` is not available: {reason}", cause);
