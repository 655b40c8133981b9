using System.Diagnostics;
using SharpSeg.Kernels.Cpu.Pointwise;

namespace SharpSeg.Kernels.Cpu;

internal sealed unsafe partial class CpuBackend<TLanes, TVector>
{
    /// <inheritdoc/>
    public int Threads => team.Count;

    /// <inheritdoc/>
    public double MeasureMultiplyAddPeak()
    {
        var result = shared.Reserve(16L * team.Count);
        var work = new MultiplyAddWork<TLanes, TVector>(result);
        var chunks = 64 * team.Count;
        var best = double.MaxValue;
        for (var run = 0; run < 12; run++)
        {
            var start = Stopwatch.GetTimestamp();
            team.Run(chunks, work);
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return MultiplyAddWork<TLanes, TVector>.FlopsPerChunk * chunks / best / 1e9;
    }

    /// <inheritdoc/>
    public double MeasureCopyBandwidth()
    {
        const long Length = 64 << 20;
        using var source = new CpuBuffer(Length);
        using var target = new CpuBuffer(Length);
        team.Run(FlatChunks.Count(Length), new FillWork(source.Pointer, 1f, Length));
        var best = double.MaxValue;
        for (var run = 0; run < 5; run++)
        {
            var start = Stopwatch.GetTimestamp();
            team.Run(FlatChunks.Count(Length), new CopyWork(source.Pointer, target.Pointer, Length));
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return 2.0 * sizeof(float) * Length / best / 1e9;
    }
}
