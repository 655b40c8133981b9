using ILGPU.Runtime;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Tests;

/// <summary>
/// A driver's graphs in which nothing is recorded: kernels run, or compute nothing, while it says that it records. It fails where
/// it is told to, and keeps account of what is begun and ended, made and freed.
/// </summary>
internal sealed class TestGraphs : IGraphDriver
{
    /// <summary>What fails: the name of one of the functions, or null.</summary>
    public string? Fails { get; init; }

    /// <summary>Launches of graphs.</summary>
    public int Launches { get; private set; }

    /// <summary>Calls so far.</summary>
    public List<string> Calls { get; } = [];

    /// <summary>Whether a stream records now.</summary>
    public bool IsCapturing { get; private set; }

    /// <summary>Graphs, and what was made of some, that nobody has freed.</summary>
    public int Alive { get; private set; }

    public int BeginCapture(AcceleratorStream stream)
    {
        Assert(!IsCapturing);
        IsCapturing = Fails != nameof(BeginCapture);
        return Result(nameof(BeginCapture));
    }

    public int EndCapture(AcceleratorStream stream, out nint graph)
    {
        Assert(IsCapturing);
        IsCapturing = false;
        graph = Fails == nameof(EndCapture) ? 0 : Make();
        return Result(nameof(EndCapture));
    }

    public int Instantiate(nint graph, out nint executable)
    {
        Assert(graph != 0 && !IsCapturing);
        executable = Fails == nameof(Instantiate) ? 0 : Make();
        return Result(nameof(Instantiate));
    }

    public int Launch(nint executable, AcceleratorStream stream)
    {
        Assert(executable != 0 && !IsCapturing);
        Launches += Fails == nameof(Launch) ? 0 : 1;
        return Result(nameof(Launch));
    }

    public int DestroyGraph(nint graph) => Free(graph, nameof(DestroyGraph));

    public int DestroyExecutable(nint executable) => Free(executable, nameof(DestroyExecutable));

    private static void Assert(bool isAllowed)
    {
        if (!isAllowed)
        {
            throw new InvalidOperationException("no driver would take this call now");
        }
    }

    private nint Make() => ++Alive;

    private int Free(nint one, string function)
    {
        Assert(one != 0);
        Alive--;
        return Result(function);
    }

    private int Result(string function)
    {
        const int Unsupported = 900; // CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED
        Calls.Add(function);
        return Fails == function ? Unsupported : 0;
    }
}
