using System.Globalization;
using SharpSeg.AutoPlanner;
using SharpSeg.Perf.Measuring;

namespace SharpSeg.Perf.Onnx;

/// <summary>
/// ONNX Runtime as a peer: a program of its own (<c>perf/onnxruntime</c>), built here when it is asked for, so that nothing else
/// of SharpSeg refers to its package.
/// </summary>
internal static class OnnxRuntime
{
    private const string Project = "perf/onnxruntime", Program = "bin/Release/net10.0/SharpSeg.Perf.OnnxRuntime.dll";

    /// <summary>Builds and starts it.</summary>
    /// <param name="threads">Threads of the processor.</param>
    /// <exception cref="IOException">It cannot be built, for instance for want of a network.</exception>
    /// <exception cref="SharpSegException">It does not start.</exception>
    public static Peer Start(int threads)
    {
        var folder = Path.Combine(
            Checkout.Root("ONNX Runtime's package is no part of what is shipped", "inference --onnxruntime"), Project);
        Console.Error.WriteLine($"build {Project}; its package is fetched once…");
        Tool.Run("dotnet", "build", folder, "-c", "Release", "-v", "quiet", "--nologo");
        var (peer, why) = Peer.Start(
            "ONNX Runtime", "dotnet", [Path.Combine(folder, Program), threads.ToString(CultureInfo.InvariantCulture)]);
        return peer ?? throw new SharpSegException($"ONNX Runtime {why}", "--no-pytorch measures without it");
    }
}
