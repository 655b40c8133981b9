using System.Linq.Expressions;
using System.Reflection;
using SharpSeg.KernelSanitizer;

namespace ILGPU.Runtime;

/// <summary>The emulated device: warps of 32, groups of up to 1024 threads, 48 KiB of shared memory, as CUDA has them.</summary>
public class Accelerator : IDisposable
{
    private readonly KernelRunner runner;

    internal Accelerator(Context context)
    {
        Context = context;
        DefaultStream = new AcceleratorStream(this);
        runner = new KernelRunner();
    }

    /// <summary>The context that made this accelerator.</summary>
    public Context Context { get; }

    /// <summary>Always the processor.</summary>
    public AcceleratorType AcceleratorType => AcceleratorType.CPU;

    /// <summary>Name for people.</summary>
    public string Name => "kernel sanitizer";

    /// <summary>
    /// Bytes of device memory; the sanitizer refuses to hand out more, so that running out of memory can be tried.
    /// </summary>
    public long MemorySize { get; internal set; } = 8L << 30;

    /// <summary>Threads of a warp.</summary>
    public int WarpSize => GroupRun.WarpSize;

    /// <summary>Multiprocessors: one, because one thread runs at a time.</summary>
    public int NumMultiprocessors => 1;

    /// <summary>The stream that is there from the start.</summary>
    public AcceleratorStream DefaultStream { get; }

    /// <summary>Bytes of device memory handed out and not freed.</summary>
    internal long AllocatedBytes { get; private set; }

    /// <summary>New device memory; holds NaN patterns until it is written.</summary>
    public MemoryBuffer1D<T, Stride1D.Dense> Allocate1D<T>(long length)
        where T : unmanaged
    {
        var bytes = length * Interop.SizeOf<T>();
        if (AllocatedBytes + bytes > MemorySize)
        {
            throw new AcceleratorException($"out of memory: {bytes} bytes asked for, {MemorySize - AllocatedBytes} free");
        }

        AllocatedBytes += bytes;
        return new MemoryBuffer1D<T, Stride1D.Dense>(
            new CheckedMemory("device buffer", bytes, false, () => AllocatedBytes -= bytes), length);
    }

    /// <summary>Turns a static method into what launches it.</summary>
    /// <typeparam name="TDelegate">A stream, the sizes of grid and groups, then the method's parameters.</typeparam>
    public TDelegate LoadKernel<TDelegate>(MethodInfo method)
        where TDelegate : Delegate => LoadKernel<TDelegate>(method, KernelSpecialization.Empty);

    /// <summary>Turns a static method into what launches it, and refuses launches that break the promise.</summary>
    /// <typeparam name="TDelegate">A stream, the sizes of grid and groups, then the method's parameters.</typeparam>
    public TDelegate LoadKernel<TDelegate>(MethodInfo method, KernelSpecialization specialization)
        where TDelegate : Delegate
    {
        var stream = Expression.Parameter(typeof(AcceleratorStream));
        var config = Expression.Parameter(typeof(KernelConfig));
        var arguments = method.GetParameters().Select(p => Expression.Parameter(p.ParameterType)).ToArray();
        var launch = Expression.Call(
            Expression.Constant(this), nameof(Launch), null,
            Expression.Constant($"{method.DeclaringType?.Name}.{method.Name}"), config,
            Expression.Constant(specialization.MaxNumThreadsPerGroup ?? GroupRun.MaxThreads),
            Expression.Lambda<Action>(Expression.Call(method, arguments)));
        return Expression.Lambda<TDelegate>(launch, [stream, config, .. arguments]).Compile();
    }

    /// <summary>Another stream; all streams run in the order of the calls.</summary>
    public AcceleratorStream CreateStream() => new(this);

    /// <summary>Waits for all streams.</summary>
    public void Synchronize()
    {
    }

    /// <summary>Runs a kernel: the body once per thread of the launch.</summary>
    internal void Launch(string kernel, KernelConfig config, int mostThreads, Action body)
    {
        if (config.GroupDim.Size > mostThreads)
        {
            throw KernelFaultException.InvalidLaunch(
                $"kernel {kernel}: a group of {config.GroupDim.Size} threads, of at most {mostThreads} that were promised");
        }

        lock (runner)
        {
            runner.Launch(kernel, config, body); // streams of several threads take turns
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        runner.Dispose();
        GC.SuppressFinalize(this);
    }
}

/// <summary>Turns static methods into kernels that can be launched.</summary>
public static class KernelLoaders
{
    /// <summary>A kernel of 1 parameter.</summary>
    public static Action<AcceleratorStream, KernelConfig, T1> LoadKernel<T1>(this Accelerator accelerator, Action<T1> action)
        where T1 : struct => action.Target is null && action.Method.IsStatic
        ? accelerator.LoadKernel<Action<AcceleratorStream, KernelConfig, T1>>(action.Method)
        : throw new NotSupportedException($"{action.Method.Name} is not a static method: a GPU has no object to call it on");
}

/// <summary>A queue of launches. Here every launch is done before the call that asks for it returns.</summary>
public sealed class AcceleratorStream : IDisposable
{
    internal AcceleratorStream(Accelerator accelerator) => Accelerator = accelerator;

    /// <summary>The device.</summary>
    public Accelerator Accelerator { get; }

    /// <summary>Waits for all launches; there are none to wait for.</summary>
    public void Synchronize()
    {
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}

/// <summary>What runs the kernels.</summary>
public enum AcceleratorType
{
    /// <summary>The processor: here the sanitizer.</summary>
    CPU,

    /// <summary>An NVIDIA GPU; never in the sanitizer.</summary>
    Cuda,

    /// <summary>An OpenCL device; never in the sanitizer.</summary>
    OpenCL,
}

/// <summary>A failure of the device or its driver. The sanitizer throws it only where a test asks for it.</summary>
public class AcceleratorException : Exception
{
    /// <summary>A failure without words.</summary>
    public AcceleratorException()
    {
    }

    /// <summary>A failure.</summary>
    public AcceleratorException(string message)
        : base(message)
    {
    }

    /// <summary>A failure and its cause.</summary>
    public AcceleratorException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
