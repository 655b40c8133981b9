using System.Runtime.InteropServices;

namespace SharpSeg.Cli;

/// <summary>
/// Turns Ctrl-C, SIGTERM and SIGHUP (the terminal was closed) into a cancellation that all work responds to; work that has a
/// state saves it. A second Ctrl-C ends the process at once; nothing is half-written even then, because files appear by rename. A
/// process started with nohup ignores SIGHUP and continues.
/// </summary>
internal sealed class Interruption : IDisposable
{
    private readonly CancellationTokenSource source = new();
    private readonly PosixSignalRegistration[] registrations;

    public Interruption()
    {
        PosixSignal[] signals = [PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP];
        registrations = [.. signals.Select(signal => PosixSignalRegistration.Create(signal, Answer))];
    }

    public CancellationToken Token => source.Token;

    public void Dispose()
    {
        Array.ForEach(registrations, registration => registration.Dispose());
        source.Dispose();
    }

    private void Answer(PosixSignalContext context)
    {
        if (source.IsCancellationRequested)
        {
            return; // not cancelled: the signal's default action ends the process
        }

        context.Cancel = true;
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
