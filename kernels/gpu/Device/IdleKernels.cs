using System.Linq.Expressions;
using System.Reflection;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using SharpSeg.Kernels.Gpu.Optimizer;
using SharpSeg.Kernels.Gpu.Variants;

namespace SharpSeg.Kernels.Gpu.Device;

/// <summary>
/// Kernels that compute nothing: what the host does around them is left, on problems of any size, and what they would move
/// (<see cref="KernelCost"/>). Memory is taken as on a device, but of what no copy fills the operating system gives none.
/// </summary>
/// <param name="accelerator">Stands in for the device.</param>
internal sealed class IdleKernels(Accelerator accelerator) : KernelList(accelerator)
{
    private const int Configuration = 2;                  // parameters of a launch before the kernel's own: stream, sizes
    private const string Partials = "partials";           // what SquareSum's kernels write

    /// <summary>Launches so far.</summary>
    public int Launches { get; private set; }

    /// <summary>Receives name and cost of every launch; null: nobody asks.</summary>
    public Action<string, KernelCost>? Launched { get; set; }

    /// <summary>Those of an H100: into how many parts sums are split depends on them.</summary>
    public override int Multiprocessors => 132;

    /// <summary>Opens a backend of idle kernels, which take every fast variant for right.</summary>
    /// <param name="choice">Which variants.</param>
    /// <param name="precision">In which numbers convolutions multiply, and activations are kept.</param>
    /// <param name="graphs">Records launches; null: nobody does.</param>
    public static (GpuBackend Backend, IdleKernels Kernels) Open(
        KernelChoice choice, GpuPrecision precision = GpuPrecision.Fp32, IGraphDriver? graphs = null)
    {
        var cache = new VariantCache(folder: null, "device");
        foreach (var one in Enum.GetValues<Operation>())
        {
            foreach (var variant in Enum.GetValues<Variant>())
            {
                // no kernel does anything, so none could agree
                cache.Add($"self-check of {one.Name()}", variant.Name(), "agrees");
            }
        }

        var context = Context.Create(builder => builder.CPU(CPUDeviceKind.Nvidia).EnableAlgorithms());
        var kernels = new IdleKernels(context.CreateCPUAccelerator(0));
        return (new GpuBackend(context, kernels, "idle", choice, precision, cache, graphs: graphs), kernels);
    }

    internal override TLaunch Compile<TLaunch>(MethodInfo kernel)
    {
        var cost = CostOf(kernel);
        ParameterExpression[] parameters =
        [
            .. typeof(TLaunch).GetMethod("Invoke")!.GetParameters().Select(p => Expression.Parameter(p.ParameterType)),
        ];
        Expression Argument(string name) =>
            parameters[Configuration + Array.FindIndex(kernel.GetParameters(), p => p.Name == name)];

        List<Expression> launch = [Expression.Call(Expression.Constant(this), nameof(Count), null)];
        var told = Expression.Property(Expression.Constant(this), nameof(Launched));
        var costs = Expression.Invoke(
            Expression.Constant(cost), cost.Method.GetParameters().Select(p => Argument(p.Name!)));
        launch.Add(Expression.IfThen(
            Expression.ReferenceNotEqual(told, Expression.Constant(null, told.Type)),
            Expression.Invoke(told, Expression.Constant(NameOf(kernel)), costs)));
        if (kernel.DeclaringType == typeof(SquareSum))
        {
            launch.Add(Expression.Call(typeof(IdleKernels), nameof(Ones), null, Argument(Partials)));
        }

        return Expression.Lambda<TLaunch>(Expression.Block(launch), parameters).Compile();
    }

    /// <summary>Called by every launch.</summary>
    public void Count() => Launches++;

    /// <summary>What the host reads of the gradients' squares decides whether a step goes on: finite, and not 0.</summary>
    public static void Ones(ArrayView<float> partials)
    {
        for (var i = 0; i < partials.Length; i++)
        {
            partials[i] = 1;
        }
    }
}
