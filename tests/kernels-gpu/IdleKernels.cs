using System.Linq.Expressions;
using System.Reflection;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using SharpSeg.Kernels.Gpu.Device;
using SharpSeg.Kernels.Gpu.Optimizer;
using SharpSeg.Kernels.Gpu.Variants;

namespace SharpSeg.Kernels.Gpu.Tests;

/// <summary>
/// Kernels that only count their launches: what the host does around them is left, on problems of any size.
/// </summary>
/// <param name="accelerator">Stands in for the device.</param>
internal sealed class IdleKernels(Accelerator accelerator) : KernelList(accelerator)
{
    private const int Partials = 3; // of SquareSum's launches: stream, sizes, values, partial results

    /// <summary>Launches so far.</summary>
    public int Launches { get; private set; }

    /// <summary>Opens a backend of idle kernels, which take every fast variant for right.</summary>
    public static (GpuBackend Backend, IdleKernels Kernels) Open(KernelChoice choice)
    {
        var cache = new VariantCache(folder: null, "device");
        foreach (var one in Enum.GetValues<Operation>())
        {
            // no kernel does anything, so none could agree
            cache.Add($"self-check of {one.Name()}", Variant.Fast.Name(), "agrees");
        }

        var context = Context.Create(builder => builder.CPU(CPUDeviceKind.Nvidia).EnableAlgorithms());
        var kernels = new IdleKernels(context.CreateCPUAccelerator(0));
        return (new GpuBackend(context, kernels, "idle", choice, GpuPrecision.Fp32, cache), kernels);
    }

    internal override TLaunch Compile<TLaunch>(MethodInfo kernel)
    {
        var count = Expression.Call(Expression.Constant(this), typeof(IdleKernels).GetMethod(nameof(Count))!);
        ParameterExpression[] parameters =
        [
            .. typeof(TLaunch).GetMethod("Invoke")!.GetParameters().Select(p => Expression.Parameter(p.ParameterType)),
        ];
        Expression launch = kernel.DeclaringType != typeof(SquareSum)
            ? count
            : Expression.Block(count, Expression.Call(typeof(IdleKernels), nameof(Ones), null, parameters[Partials]));
        return Expression.Lambda<TLaunch>(launch, parameters).Compile();
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
