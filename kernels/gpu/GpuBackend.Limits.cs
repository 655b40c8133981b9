using System.Diagnostics;
using ILGPU.Runtime;
using SharpSeg.Kernels.Gpu.Kernels;

namespace SharpSeg.Kernels.Gpu;

/// <summary>What the device can do at best, measured on it.</summary>
internal sealed partial class GpuBackend
{
    private const int Runs = 5;
    private const int ThreadsPerMultiprocessor = 2048, Rounds = 2000;
    private const int CheckedThreads = 512, CheckedRounds = 50;           // on ILGPU's processor device and the emulator: a trial, no measurement
    private const long CopyLength = 64L << 20, CheckedCopyLength = 1 << 12; // elements; 256 MiB is beyond every cache
    private readonly Lazy<MultiplyAddPeak> multiplyAddPeak;

    /// <inheritdoc/>
    int Engine.Backends.IMachineLimits.Threads => 1;

    /// <summary>Whether the device is a GPU and not the processor in its place.</summary>
    internal bool IsPhysical => accelerator.AcceleratorType != AcceleratorType.CPU;

    /// <inheritdoc/>
    double Engine.Backends.IMachineLimits.MeasureMultiplyAddPeak()
    {
        var threads = IsPhysical ? (long)ThreadsPerMultiprocessor * accelerator.NumMultiprocessors : CheckedThreads;
        var rounds = IsPhysical ? Rounds : CheckedRounds;
        var output = Allocate(threads);
        try
        {
            var view = ((GpuBuffer)output).View(0, threads);
            return MultiplyAddPeak.Flops(threads, rounds) / Shortest(() => multiplyAddPeak.Value.Launch(stream, view, rounds)) / 1e9;
        }
        finally
        {
            Free(output);
        }
    }

    /// <inheritdoc/>
    double Engine.Backends.IMachineLimits.MeasureCopyBandwidth()
    {
        var length = IsPhysical ? Math.Min(CopyLength, accelerator.MemorySize / (8 * sizeof(float))) : CheckedCopyLength;
        var memory = Allocate(2 * length);
        try
        {
            var (from, to) = (((GpuBuffer)memory).View(0, length), ((GpuBuffer)memory).View(length, length));
            pointwise.Value.LaunchFill(stream, from, 1f);
            return 2.0 * sizeof(float) * length / Shortest(() => pointwise.Value.LaunchCopy(stream, from, to)) / 1e9;
        }
        finally
        {
            Free(memory);
        }
    }

    /// <summary>Seconds of the fastest of some runs, after one that compiles.</summary>
    private double Shortest(Action launch)
    {
        launch();
        Synchronize();
        var best = double.MaxValue;
        for (var run = 0; run < Runs; run++)
        {
            var start = Stopwatch.GetTimestamp();
            launch();
            Synchronize();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return best;
    }
}
