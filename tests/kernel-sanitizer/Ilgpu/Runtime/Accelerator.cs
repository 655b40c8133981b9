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

    /// <summary>Bytes of device memory; the sanitizer refuses to hand out more, so that running out of memory can be tried.</summary>
    public long MemorySize { get; internal set; } = 8L << 30;

    /// <summary>Threads of a warp.</summary>
    public int WarpSize => GroupRun.WarpSize;

    /// <summary>Most threads of a group.</summary>
    public int MaxNumThreadsPerGroup => GroupRun.MaxThreads;

    /// <summary>Bytes of shared memory of a group.</summary>
    public int MaxSharedMemoryPerGroup => GroupRun.SharedBytes;

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
        return new MemoryBuffer1D<T, Stride1D.Dense>(new CheckedMemory("device buffer", bytes, false, () => AllocatedBytes -= bytes), length);
    }

    /// <summary>Turns a static method into what launches it.</summary>
    /// <typeparam name="TDelegate">A stream, the sizes of grid and groups, then the method's parameters.</typeparam>
    public TDelegate LoadKernel<TDelegate>(MethodInfo method)
        where TDelegate : Delegate
    {
        var stream = Expression.Parameter(typeof(AcceleratorStream));
        var config = Expression.Parameter(typeof(KernelConfig));
        var arguments = method.GetParameters().Select(p => Expression.Parameter(p.ParameterType)).ToArray();
        var launch = Expression.Call(
            Expression.Constant(this), nameof(Launch), null, Expression.Constant($"{method.DeclaringType?.Name}.{method.Name}"), config,
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
    internal void Launch(string kernel, KernelConfig config, Action body)
    {
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
