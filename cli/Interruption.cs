using System.Runtime.InteropServices;

namespace SharpSeg.Cli;

/// <summary>
/// Turns Ctrl-C, SIGTERM and SIGHUP (the terminal was closed) into a cancellation that all work responds to; work that has a
/// state saves it. A second Ctrl-C ends the process at once; nothing is half-written even then, because files appear by rename. A
/// process started with nohup ignores SIGHUP and continues.
/// </summary>
internal sealed class Interruption : IDisposable
{
    private const PosixSignal TimeIsNearlyOver = (PosixSignal)10; // SIGUSR1 of Linux, which Slurm is asked to send

    private readonly CancellationTokenSource source = new();
    private readonly List<PosixSignalRegistration> registrations;
    private bool waitsForTheEnd;

    public Interruption()
    {
        PosixSignal[] signals = [PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP];
        registrations = [.. signals.Select(signal => PosixSignalRegistration.Create(signal, Answer))];
    }

    public CancellationToken Token => source.Token;

    /// <summary>A time limit is near: that is why <see cref="Token"/> was cancelled.</summary>
    public bool IsOutOfTime { get; private set; }

    /// <summary>
    /// From now on the process is a batch job: a second SIGTERM does not end it while it saves its state (a batch system sends
    /// SIGKILL when it has no more patience), and SIGUSR1 says that its time is nearly over.
    /// </summary>
    public void WaitForTheEnd()
    {
        waitsForTheEnd = true;
        if (OperatingSystem.IsLinux())
        {
            registrations.Add(PosixSignalRegistration.Create(TimeIsNearlyOver, Answer));
        }
    }

    public void Dispose()
    {
        registrations.ForEach(registration => registration.Dispose());
        source.Dispose();
    }

    private void Answer(PosixSignalContext context)
    {
        if (source.IsCancellationRequested)
        {
            context.Cancel = waitsForTheEnd && context.Signal is PosixSignal.SIGTERM or TimeIsNearlyOver;
            return; // not cancelled: the signal's default action ends the process
        }

        context.Cancel = true;
        IsOutOfTime = context.Signal == TimeIsNearlyOver;
        try
        {
            Console.Error.WriteLine();
            Console.Error.WriteLine("interrupted: stopping (press Ctrl-C again to stop at once)…");
        }
        catch (IOException)
        {
            // The terminal is gone; the state is saved all the same.
        }

        source.Cancel();
    }
}
