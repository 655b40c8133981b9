namespace ILGPU.Runtime;

/// <summary>Turns static methods into kernels that can be launched.</summary>
public static class KernelLoaders
{
    /// <summary>A kernel of 1 parameter.</summary>
    public static Action<AcceleratorStream, KernelConfig, T1> LoadKernel<T1>(this Accelerator accelerator, Action<T1> action)
        where T1 : struct => action.Target is null && action.Method.IsStatic
        ? accelerator.LoadKernel<Action<AcceleratorStream, KernelConfig, T1>>(action.Method)
        : throw new NotSupportedException($"{action.Method.Name} is not a static method: a GPU has no object to call it on");
}
