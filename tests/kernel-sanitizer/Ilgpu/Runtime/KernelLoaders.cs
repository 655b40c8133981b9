namespace ILGPU.Runtime;

/// <summary>
/// Turns static methods into kernels that can be launched. One overload per number of parameters, up to ILGPU's fourteen.
/// </summary>
public static class KernelLoaders
{
    /// <summary>A kernel of 1 parameter.</summary>
    public static Action<AcceleratorStream, KernelConfig, T1> LoadKernel<T1>(this Accelerator accelerator, Action<T1> action)
        where T1 : struct
    {
        var name = NameOf(action);
        return (stream, config, a1) => accelerator.Launch(name, config, () => action(a1));
    }

    /// <summary>A kernel of 2 parameters.</summary>
    public static Action<AcceleratorStream, KernelConfig, T1, T2> LoadKernel<T1, T2>(this Accelerator accelerator, Action<T1, T2> action)
        where T1 : struct
        where T2 : struct
    {
        var name = NameOf(action);
        return (stream, config, a1, a2) => accelerator.Launch(name, config, () => action(a1, a2));
    }

    /// <summary>A kernel of 3 parameters.</summary>
    public static Action<AcceleratorStream, KernelConfig, T1, T2, T3> LoadKernel<T1, T2, T3>(this Accelerator accelerator, Action<T1, T2, T3> action)
        where T1 : struct
        where T2 : struct
        where T3 : struct
    {
        var name = NameOf(action);
        return (stream, config, a1, a2, a3) => accelerator.Launch(name, config, () => action(a1, a2, a3));
    }

    /// <summary>A kernel of 4 parameters.</summary>
    public static Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4> LoadKernel<T1, T2, T3, T4>(this Accelerator accelerator, Action<T1, T2, T3, T4> action)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
    {
        var name = NameOf(action);
        return (stream, config, a1, a2, a3, a4) => accelerator.Launch(name, config, () => action(a1, a2, a3, a4));
    }

    /// <summary>A kernel of 5 parameters.</summary>
    public static Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5> LoadKernel<T1, T2, T3, T4, T5>(this Accelerator accelerator, Action<T1, T2, T3, T4, T5> action)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
        where T5 : struct
    {
        var name = NameOf(action);
        return (stream, config, a1, a2, a3, a4, a5) => accelerator.Launch(name, config, () => action(a1, a2, a3, a4, a5));
    }

    /// <summary>A kernel of 6 parameters.</summary>
    public static Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5, T6> LoadKernel<T1, T2, T3, T4, T5, T6>(this Accelerator accelerator, Action<T1, T2, T3, T4, T5, T6> action)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
        where T5 : struct
        where T6 : struct
    {
        var name = NameOf(action);
        return (stream, config, a1, a2, a3, a4, a5, a6) => accelerator.Launch(name, config, () => action(a1, a2, a3, a4, a5, a6));
    }

    /// <summary>A kernel of 7 parameters.</summary>
    public static Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5, T6, T7> LoadKernel<T1, T2, T3, T4, T5, T6, T7>(this Accelerator accelerator, Action<T1, T2, T3, T4, T5, T6, T7> action)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
        where T5 : struct
        where T6 : struct
        where T7 : struct
    {
        var name = NameOf(action);
        return (stream, config, a1, a2, a3, a4, a5, a6, a7) => accelerator.Launch(name, config, () => action(a1, a2, a3, a4, a5, a6, a7));
    }

    /// <summary>A kernel of 8 parameters.</summary>
    public static Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5, T6, T7, T8> LoadKernel<T1, T2, T3, T4, T5, T6, T7, T8>(
        this Accelerator accelerator, Action<T1, T2, T3, T4, T5, T6, T7, T8> action)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
        where T5 : struct
        where T6 : struct
        where T7 : struct
        where T8 : struct
    {
        var name = NameOf(action);
        return (stream, config, a1, a2, a3, a4, a5, a6, a7, a8) => accelerator.Launch(name, config, () => action(a1, a2, a3, a4, a5, a6, a7, a8));
    }

    /// <summary>A kernel of 9 parameters.</summary>
    public static Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5, T6, T7, T8, T9> LoadKernel<T1, T2, T3, T4, T5, T6, T7, T8, T9>(
        this Accelerator accelerator, Action<T1, T2, T3, T4, T5, T6, T7, T8, T9> action)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
        where T5 : struct
        where T6 : struct
        where T7 : struct
        where T8 : struct
        where T9 : struct
    {
        var name = NameOf(action);
        return (stream, config, a1, a2, a3, a4, a5, a6, a7, a8, a9) => accelerator.Launch(name, config, () => action(a1, a2, a3, a4, a5, a6, a7, a8, a9));
    }

    /// <summary>A kernel of 10 parameters.</summary>
    public static Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10> LoadKernel<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10>(
        this Accelerator accelerator, Action<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10> action)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
        where T5 : struct
        where T6 : struct
        where T7 : struct
        where T8 : struct
        where T9 : struct
        where T10 : struct
    {
        var name = NameOf(action);
        return (stream, config, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10) => accelerator.Launch(name, config, () => action(a1, a2, a3, a4, a5, a6, a7, a8, a9, a10));
    }

    /// <summary>A kernel of 11 parameters.</summary>
    public static Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11> LoadKernel<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11>(
        this Accelerator accelerator, Action<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11> action)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
        where T5 : struct
        where T6 : struct
        where T7 : struct
        where T8 : struct
        where T9 : struct
        where T10 : struct
        where T11 : struct
    {
        var name = NameOf(action);
        return (stream, config, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11) => accelerator.Launch(name, config, () => action(a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11));
    }

    /// <summary>A kernel of 12 parameters.</summary>
    public static Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12> LoadKernel<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12>(
        this Accelerator accelerator, Action<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12> action)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
        where T5 : struct
        where T6 : struct
        where T7 : struct
        where T8 : struct
        where T9 : struct
        where T10 : struct
        where T11 : struct
        where T12 : struct
    {
        var name = NameOf(action);
        return (stream, config, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12) => accelerator.Launch(name, config, () => action(a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12));
    }

    /// <summary>A kernel of 13 parameters.</summary>
    public static Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13> LoadKernel<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13>(
        this Accelerator accelerator, Action<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13> action)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
        where T5 : struct
        where T6 : struct
        where T7 : struct
        where T8 : struct
        where T9 : struct
        where T10 : struct
        where T11 : struct
        where T12 : struct
        where T13 : struct
    {
        var name = NameOf(action);
        return (stream, config, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13) => accelerator.Launch(name, config, () => action(a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13));
    }

    /// <summary>A kernel of 14 parameters.</summary>
    public static Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14> LoadKernel<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14>(
        this Accelerator accelerator, Action<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14> action)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
        where T5 : struct
        where T6 : struct
        where T7 : struct
        where T8 : struct
        where T9 : struct
        where T10 : struct
        where T11 : struct
        where T12 : struct
        where T13 : struct
        where T14 : struct
    {
        var name = NameOf(action);
        return (stream, config, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14) => accelerator.Launch(name, config, () => action(a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14));
    }

    private static string NameOf(Delegate action) => action.Target is null && action.Method.IsStatic
        ? $"{action.Method.DeclaringType?.Name}.{action.Method.Name}"
        : throw new NotSupportedException($"{action.Method.Name} is not a static method: a GPU has no object to call it on");
}
