using ILGPU.Runtime;

namespace SharpSeg.Kernels.Gpu.Device;

/// <summary>
/// The functions of a driver that record what a stream is asked for as a graph, and launch that at once. They return the driver's
/// error, 0 for none.
/// </summary>
internal interface IGraphDriver
{
    /// <summary>From now on what this thread asks the stream for is recorded, not run.</summary>
    int BeginCapture(AcceleratorStream stream);

    /// <summary>Ends that, successful or not. The graph is 0 if there is none.</summary>
    int EndCapture(AcceleratorStream stream, out nint graph);

    /// <summary>Makes of a graph what can be launched.</summary>
    int Instantiate(nint graph, out nint executable);

    /// <summary>Launches it, in order with what else the stream is asked for.</summary>
    int Launch(nint executable, AcceleratorStream stream);

    /// <summary>Frees a graph; what was made of it stays.</summary>
    int DestroyGraph(nint graph);

    /// <summary>Frees what can be launched, once it has run.</summary>
    int DestroyExecutable(nint executable);
}
