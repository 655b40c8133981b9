namespace SharpSeg.Kernels.Gpu.Device;

/// <summary>The kernels of one family, compiled at their first use.</summary>
/// <typeparam name="TMethod">Kernel methods.</typeparam>
/// <typeparam name="TLaunch">What launches a compiled kernel.</typeparam>
internal sealed class LazyKernels<TMethod, TLaunch>(Func<TMethod, TLaunch> compile)
    where TMethod : Delegate
{
    private readonly Dictionary<TMethod, TLaunch> compiled = [];

    /// <summary>The launcher of a kernel.</summary>
    public TLaunch this[TMethod method]
    {
        get
        {
            if (!compiled.TryGetValue(method, out var launch))
            {
                compiled[method] = launch = compile(method);
            }

            return launch;
        }
    }
}
