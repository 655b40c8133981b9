using System.Reflection;
using ILGPU.Runtime;

namespace SharpSeg.Kernels.Gpu.Device;

/// <summary>
/// The kernels of one device. Each is named once, where the <see cref="GpuKernel{TLaunch}"/> is made that launches it; so a list
/// without a device serves the tools that compile all kernels without a device.
/// </summary>
/// <param name="accelerator">The device; null: there is none, and no kernel can be launched.</param>
internal class KernelList(Accelerator? accelerator)
{
    private readonly List<Delegate> portable = [], onTensorCores = [];
    private readonly Dictionary<MethodInfo, Delegate> costs = [];

    /// <summary>The device.</summary>
    public Accelerator Accelerator => accelerator ?? throw new InvalidOperationException("this list of kernels has no device");

    /// <summary>Kernels that any device can compile.</summary>
    public IReadOnlyList<Delegate> Portable => portable;

    /// <summary>Kernels that contain PTX of compute capability 8.0.</summary>
    public IReadOnlyList<Delegate> OnTensorCores => onTensorCores;

    /// <summary>Name of a kernel: its class and its method.</summary>
    public static string NameOf(MethodInfo kernel) => $"{kernel.DeclaringType!.Name}.{kernel.Name}";

    /// <summary>The device's multiprocessors, each of which runs a few groups at a time.</summary>
    public virtual int Multiprocessors => Accelerator.NumMultiprocessors;

    /// <summary>Kernels of one signature and one cost, in the order in which they are named.</summary>
    public GpuKernel<TLaunch>[] Add<TLaunch>(bool tensorCores, Delegate cost, params Delegate[] kernels)
        where TLaunch : Delegate =>
        [.. kernels.Select(kernel => new GpuKernel<TLaunch>(this, kernel, cost, tensorCores))];

    /// <summary>What is promised of a kernel's launches (<see cref="MostThreadsAttribute"/>).</summary>
    internal static KernelSpecialization PromiseOf(MethodInfo kernel) =>
        kernel.GetCustomAttribute<MostThreadsAttribute>() is { } most
            ? new KernelSpecialization(most.Threads, null)
            : KernelSpecialization.Empty;

    /// <summary>Puts a kernel on the list.</summary>
    internal void Add(Delegate kernel, Delegate cost, bool tensorCores)
    {
        (tensorCores ? onTensorCores : portable).Add(kernel);
        costs.Add(kernel.Method, cost);
    }

    /// <summary>What a launch costs: see <see cref="GpuKernel{TLaunch}"/>.</summary>
    internal Delegate CostOf(MethodInfo kernel) => costs[kernel];

    /// <summary>Compiles a kernel.</summary>
    internal virtual TLaunch Compile<TLaunch>(MethodInfo kernel)
        where TLaunch : Delegate => Accelerator.LoadKernel<TLaunch>(kernel, PromiseOf(kernel));
}

/// <summary>One kernel, compiled at its first launch.</summary>
/// <typeparam name="TLaunch">Its parameters, after a stream and the sizes of grid and groups.</typeparam>
internal sealed class GpuKernel<TLaunch>
    where TLaunch : Delegate
{
    private readonly Lazy<TLaunch> launch;

    /// <summary>Names the kernel.</summary>
    /// <param name="list">The list it belongs to.</param>
    /// <param name="kernel">A static method.</param>
    /// <param name="cost">
    /// What a launch costs, as a function of some of the kernel's parameters, which it calls by their names: a
    /// <see cref="KernelCost"/>.
    /// </param>
    /// <param name="tensorCores">Whether it contains PTX of compute capability 8.0.</param>
    public GpuKernel(KernelList list, Delegate kernel, Delegate cost, bool tensorCores = false)
    {
        list.Add(kernel, cost, tensorCores);
        launch = new(() => list.Compile<TLaunch>(kernel.Method));
    }

    /// <summary>Launches it.</summary>
    public TLaunch Launch => launch.Value;
}

/// <summary>
/// The most threads that a group of the kernel has. Without it an assembler may give each thread 255 registers, and a group of
/// more than 256 threads, for which a multiprocessor then has too few, could not be launched.
/// </summary>
/// <param name="threads">Threads.</param>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class MostThreadsAttribute(int threads) : Attribute
{
    /// <summary>Threads.</summary>
    public int Threads => threads;
}
