using System.Diagnostics;

namespace SharpSeg.Fuzz.Tests;

/// <summary>
/// Looks at pieces of work from a thread of its own and says of one that it hangs: it has taken too much of the processor's time,
/// or no thread of the process has wanted the processor or the disk, look after look. The clock alone says nothing: on a busy
/// machine any work may wait for long, but its thread is then ready to run, which counts as work however little it gets. Where
/// threads cannot be looked at so (not on Linux), or one of them runs all the time, the clock decides at last.
/// </summary>
internal sealed class Watchdog : IDisposable
{
    private const string Threads = "/proc/self/task", Name = "watchdog";

    // As Linux has their names, of 15 characters at most. On a busy machine one of them is always about to run.
    private static readonly string[] Housekeeping =
        [Name, ".NET Tiered Com", ".NET Finalizer", ".NET Timer", ".NET TP Gate", ".NET SigHandler"];

    private readonly WatchdogLimits limits;
    private readonly ManualResetEventSlim ended = new();
    private readonly Lock gate = new();
    private Work? work;

    /// <summary>Begins to look; there is nothing to see yet.</summary>
    /// <param name="limits">What is too much.</param>
    public Watchdog(WatchdogLimits limits)
    {
        this.limits = limits;

        // Not a timer, which would look from one of the threads that readers use.
        new Thread(LookOn) { IsBackground = true, Name = Name }.Start();
    }

    /// <summary>Begins a piece of work, in the place of the one before.</summary>
    /// <param name="bark">Called once if it hangs.</param>
    public void Begin(Action bark)
    {
        lock (gate)
        {
            work = new Work(bark, Environment.CpuUsage.TotalTime, Stopwatch.StartNew());
        }
    }

    /// <summary>The work is done.</summary>
    public void End()
    {
        lock (gate)
        {
            work = null;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => ended.Set();

    private void LookOn()
    {
        while (!ended.Wait(limits.Period))
        {
            lock (gate)
            {
                if (work is not null && Hangs(work))
                {
                    work.Bark();
                    work = null;
                }
            }
        }
    }

    private bool Hangs(Work seen)
    {
        // Looks are counted, not seconds: of a process that is stopped, or that the machine leaves no time, there are none.
        seen.Quiet = AllWait() ? seen.Quiet + 1 : 0;
        return seen.Quiet >= limits.QuietLooks || Environment.CpuUsage.TotalTime - seen.Started >= limits.Processor
            || seen.Clock.Elapsed >= limits.Clock;
    }

    /// <summary>Whether no thread is ready to run or waits for the disk, but for those that do no reader's work.</summary>
    private static bool AllWait()
    {
        if (!OperatingSystem.IsLinux())
        {
            return false;
        }

        foreach (var thread in Directory.GetDirectories(Threads))
        {
            try
            {
                var text = File.ReadAllText(Path.Combine(thread, "stat")); // number (name) state …
                var end = text.LastIndexOf(')');
                if (text[end + 2] is 'R' or 'D' && !Housekeeping.Contains(text[(text.IndexOf('(') + 1)..end]))
                {
                    return false;
                }
            }
            catch (IOException)
            {
                // It has ended.
            }
        }

        return true;
    }

    private sealed record Work(Action Bark, TimeSpan Started, Stopwatch Clock)
    {
        public int Quiet { get; set; }
    }
}

/// <summary>When work is said to hang.</summary>
/// <param name="Period">Between looks.</param>
/// <param name="Processor">Time of the processor, of all threads.</param>
/// <param name="QuietLooks">So many looks in a row at which no thread was ready to run.</param>
/// <param name="Clock">However busy it is.</param>
internal readonly record struct WatchdogLimits(TimeSpan Period, TimeSpan Processor, int QuietLooks, TimeSpan Clock);
