using System.Runtime.InteropServices;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;

namespace SharpSeg.Kernels.Gpu.Device;

/// <summary>CUDA's graphs, of which ILGPU knows nothing: the driver's own functions.</summary>
internal sealed unsafe class CudaGraphs : IGraphDriver
{
    private const int OfThisThread = 1; // CU_STREAM_CAPTURE_MODE_THREAD_LOCAL: others may allocate and load kernels meanwhile

    private readonly CudaAccelerator accelerator;
    private readonly delegate* unmanaged<nint, int, int> beginCapture;
    private readonly delegate* unmanaged<nint, nint*, int> endCapture;
    private readonly delegate* unmanaged<nint*, nint, ulong, int> instantiate;
    private readonly delegate* unmanaged<nint, nint, int> launch;
    private readonly delegate* unmanaged<nint, int> destroyGraph;
    private readonly delegate* unmanaged<nint, int> destroyExecutable;

    private CudaGraphs(CudaAccelerator accelerator, IReadOnlyList<nint> functions)
    {
        this.accelerator = accelerator;
        beginCapture = (delegate* unmanaged<nint, int, int>)functions[0];
        endCapture = (delegate* unmanaged<nint, nint*, int>)functions[1];
        instantiate = (delegate* unmanaged<nint*, nint, ulong, int>)functions[2];
        launch = (delegate* unmanaged<nint, nint, int>)functions[3];
        destroyGraph = (delegate* unmanaged<nint, int>)functions[4];
        destroyExecutable = (delegate* unmanaged<nint, int>)functions[5];
    }

    /// <summary>Those of a device; null where its driver has none (before CUDA 11.4), or it is no CUDA device.</summary>
    public static CudaGraphs? Of(Accelerator accelerator)
    {
        string[] names =
        [
            "cuStreamBeginCapture_v2", "cuStreamEndCapture", "cuGraphInstantiateWithFlags", "cuGraphLaunch", "cuGraphDestroy",
            "cuGraphExecDestroy",
        ];
        if (accelerator is not CudaAccelerator cuda || !DriverLibrary.TryOpenCuda(out var library))
        {
            return null;
        }

        var functions = new List<nint>();
        foreach (var name in names)
        {
            if (!NativeLibrary.TryGetExport(library, name, out var function))
            {
                return null;
            }

            functions.Add(function);
        }

        return new CudaGraphs(cuda, functions);
    }

    /// <inheritdoc/>
    public int BeginCapture(AcceleratorStream stream)
    {
        accelerator.Bind();
        return beginCapture(Pointer(stream), OfThisThread);
    }

    /// <inheritdoc/>
    public int EndCapture(AcceleratorStream stream, out nint graph)
    {
        accelerator.Bind();
        nint ended = 0;
        var error = endCapture(Pointer(stream), &ended);
        graph = ended;
        return error;
    }

    /// <inheritdoc/>
    public int Instantiate(nint graph, out nint executable)
    {
        accelerator.Bind();
        nint made = 0;
        var error = instantiate(&made, graph, 0);
        executable = made;
        return error;
    }

    /// <inheritdoc/>
    public int Launch(nint executable, AcceleratorStream stream)
    {
        accelerator.Bind();
        return launch(executable, Pointer(stream));
    }

    /// <inheritdoc/>
    public int DestroyGraph(nint graph)
    {
        accelerator.Bind();
        return destroyGraph(graph);
    }

    /// <inheritdoc/>
    public int DestroyExecutable(nint executable)
    {
        accelerator.Bind();
        return destroyExecutable(executable);
    }

    private static nint Pointer(AcceleratorStream stream) => ((CudaStream)stream).StreamPtr;
}
