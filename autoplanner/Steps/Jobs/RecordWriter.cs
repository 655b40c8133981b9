using System.Diagnostics;

namespace SharpSeg.AutoPlanner.Steps.Jobs;

/// <summary>
/// Keeps a task's record while it runs: a listener to its progress that writes rarely, because others only glance at it.
/// </summary>
internal sealed class RecordWriter : IReporter
{
    private static readonly TimeSpan Rarely = TimeSpan.FromSeconds(15);

    private readonly string path;
    private readonly CancellationToken lost;
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private readonly Lock gate = new();
    private TaskRecord record;
    private TimeSpan lastWritten = TimeSpan.MinValue, stageBegan = TimeSpan.Zero;
    private double stageFrom = -1;

    /// <summary>Begins an attempt.</summary>
    /// <param name="path">The record.</param>
    /// <param name="before">The attempts before.</param>
    /// <param name="attempt">This one.</param>
    /// <param name="lost">From then on the record is another process's.</param>
    public RecordWriter(string path, TaskRecord before, TaskAttempt attempt, CancellationToken lost)
    {
        (this.path, this.lost, record) = (path, lost, before.With(attempt));
        Write();
    }

    /// <inheritdoc/>
    public void Stage(string name)
    {
        lock (gate)
        {
            (stageBegan, stageFrom) = (clock.Elapsed, -1);
            record = record.Changed(attempt => attempt with { Stage = name, Detail = "", Fraction = 0, SecondsLeft = null });
            WriteIfDue();
        }
    }

    /// <inheritdoc/>
    public void Progress(double fraction, string detail)
    {
        lock (gate)
        {
            stageFrom = stageFrom < 0 ? fraction : stageFrom; // a resumed stage starts in the middle
            var done = fraction - stageFrom;
            double? left = done > 0 ? (clock.Elapsed - stageBegan).TotalSeconds * (1 - fraction) / done : null;
            record = record.Changed(attempt => attempt with { Detail = detail, Fraction = fraction, SecondsLeft = left });
            WriteIfDue();
        }
    }

    /// <inheritdoc/>
    public void Info(string line)
    {
    }

    /// <inheritdoc/>
    public void Warning(string line)
    {
    }

    /// <summary>Writes how the attempt ended.</summary>
    public void End(TaskOutcome outcome, string? error)
    {
        lock (gate)
        {
            record = record.Changed(attempt => attempt with { Outcome = outcome, Error = error, SecondsLeft = null });
            Write();
        }
    }

    private void WriteIfDue()
    {
        if (lastWritten == TimeSpan.MinValue || clock.Elapsed - lastWritten > Rarely)
        {
            Write();
        }
    }

    private void Write()
    {
        if (lost.IsCancellationRequested)
        {
            return;
        }

        using var self = Process.GetCurrentProcess();
        var peak = self.PeakWorkingSet64;
        record = record.Changed(attempt => attempt with { Seconds = clock.Elapsed.TotalSeconds, PeakBytes = peak });
        record.Write(path);
        lastWritten = clock.Elapsed;
    }
}
