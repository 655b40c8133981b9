using System.Diagnostics;
using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.Engine.Backends;
using SharpSeg.Kernels.Cpu;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// The time that <c>auto --max-time</c> is given is a deadline, also for a machine that becomes slow after it was measured.
/// </summary>
public sealed class DeadlineTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(6)]
    public void Auto_ends_within_its_time(int delayMilliseconds)
    {
        using var folder = new TemporaryFolder();
        var dataset = TinyDataset.Write(folder.At("dataset"), cases: 12);
        using var backend = new SlowingBackend(Cpu.Open(1), delayMilliseconds);
        var listening = new Listening(backend);
        var limit = TimeSpan.FromSeconds(40);
        var clock = Stopwatch.StartNew();
        var result = AutoRun.Execute(
            new AutoRequest(
                dataset, folder.At("work"), ["3d_fullres"], ["0"], NetworkChoice.UNet.Options(), limit, 1, Resume: false),
            backend, Cpu.Open, listening, default);

        // A tenth more is for a machine that stands still between two looks at the clock.
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, limit * 1.1);
        Assert.NotEmpty(result.Summary.Cases);
        Assert.Equal(3, result.Summary.Cases.Count + result.Summary.Missing.Count);
        Assert.True(result.Runs[0].Result.Training.Iterations >= 1);

        // What did not fit is done by a second session, which trains no more.
        backend.Delay = 0;
        var second = AutoRun.Execute(
            new AutoRequest(
                dataset, folder.At("work"), ["3d_fullres"], ["0"], NetworkChoice.UNet.Options(), limit, 1, Resume: true),
            backend, Cpu.Open, SilentReporter.Instance, default);
        Assert.Empty(second.Summary.Missing);
        Assert.Equal(result.Runs[0].Result.Training.Iterations, second.Runs[0].Result.Training.Iterations);
    }

    [Fact]
    public void Time_that_is_used_up_by_preparing_is_told()
    {
        using var folder = new TemporaryFolder();
        var dataset = TinyDataset.Write(folder.At("dataset"));
        TinyDataset.MakeSlow(TinyDataset.Label(dataset, "case_1"));
        var clock = Stopwatch.StartNew();
        SharpSegProcess.Run("auto", dataset, "-o", folder.At("work"), "--max-time", "2s")
            .AssertErrorWithHint(1, "no time is left to train");
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(30));
    }

    /// <summary>The processor, whose operations take longer from some moment on.</summary>
    private sealed class SlowingBackend(Backend inner, int delayMilliseconds) : ForwardingBackend(inner)
    {
        public int Delay { get; set; } = delayMilliseconds;

        public bool IsSlow { get; set; }

        protected override Backend Inner()
        {
            if (IsSlow && Delay > 0)
            {
                Thread.Sleep(Delay);
            }

            return base.Inner();
        }
    }

    /// <summary>Lets the machine become slow once its speed was measured.</summary>
    private sealed class Listening(SlowingBackend backend) : IReporter
    {
        public void Stage(string name)
        {
        }

        public void Progress(double fraction, string detail)
        {
        }

        public void Info(string line) => backend.IsSlow |= line.StartsWith("measured:", StringComparison.Ordinal);

        public void Warning(string line)
        {
        }
    }
}
