using System.Diagnostics;
using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu;

/// <summary>The device's limits, measured on it.</summary>
internal sealed partial class GpuBackend
{
    private const int Runs = 5;
    private const int ThreadsPerMultiprocessor = 2048, Rounds = 2000;
    private const int FirstThreads = 512, FirstRounds = 50, FirstTensorRounds = 2;
    private const long CopyLength = 64L << 20, FirstCopyLength = 1 << 12; // elements; 256 MiB is beyond every cache
    private const int Growth = 16;
    // s; a slow device (a processor presented as a GPU) needs no larger trial
    private const double LongEnough = 5e-3;

    /// <inheritdoc/>
    int Engine.Backends.IMachineLimits.Threads => 1;

    /// <inheritdoc/>
    double Engine.Backends.IMachineLimits.MeasureMultiplyAddPeak()
    {
        var most = Math.Max(FirstThreads, (long)ThreadsPerMultiprocessor * accelerator.NumMultiprocessors);
        var output = Allocate(most);
        try
        {
            var (threads, rounds) = ((long)FirstThreads, Precision == GpuPrecision.Fp32 ? FirstRounds : FirstTensorRounds);
            while (true)
            {
                var view = ((GpuBuffer)output).View(0, threads);
                var seconds = Shortest(() => LaunchPeak(view, rounds));
                if (seconds >= LongEnough || (threads == most && rounds == Rounds))
                {
                    var flops = Precision == GpuPrecision.Fp32
                        ? MultiplyAddPeak.Flops(threads, rounds)
                        : TensorPeak.Flops(threads, rounds, Precision);
                    return flops / seconds / 1e9;
                }

                (threads, rounds) = threads < most
                    ? (Math.Min(most, Growth * threads), rounds)
                    : (threads, Math.Min(Rounds, Growth * rounds));
            }
        }
        finally
        {
            Free(output);
        }
    }

    private void LaunchPeak(ArrayView<float> view, int rounds)
    {
        if (Precision == GpuPrecision.Fp32)
        {
            Kernels.MultiplyAddPeak.Launch(Stream, view, rounds);
        }
        else
        {
            Kernels.TensorPeak.Launch(Stream, Precision, view, rounds);
        }
    }

    /// <inheritdoc/>
    double Engine.Backends.IMachineLimits.MeasureCopyBandwidth()
    {
        var most = Math.Min(CopyLength, accelerator.MemorySize / (8 * sizeof(float)));
        var length = FirstCopyLength;
        while (true)
        {
            var seconds = CopySeconds(length);
            if (seconds >= LongEnough || length == most)
            {
                return 2.0 * sizeof(float) * length / seconds / 1e9;
            }

            length = Math.Min(most, Growth * length);
        }
    }

    private double CopySeconds(long length)
    {
        var memory = Allocate(2 * length);
        try
        {
            var (from, to) = (((GpuBuffer)memory).View(0, length), ((GpuBuffer)memory).View(length, length));
            Kernels.Pointwise.LaunchFill(Stream, from, 1f);
            return Shortest(() => Kernels.Pointwise.LaunchCopy(Stream, from, to));
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
