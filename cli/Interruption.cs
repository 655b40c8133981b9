using System.Runtime.InteropServices;

namespace SharpSeg.Cli;

/// <summary>
/// Turns Ctrl-C and SIGTERM into a cancellation that all work answers, and that which has a state by saving it. A second Ctrl-C ends the process at once;
/// nothing is half-written even then, because files appear by rename.
/// </summary>
internal sealed class Interruption : IDisposable
{
    private readonly CancellationTokenSource source = new();
    private readonly PosixSignalRegistration interrupt, terminate;

    public Interruption()
    {
        interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Answer);
        terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Answer);
    }

    public CancellationToken Token => source.Token;

    public void Dispose()
    {
        interrupt.Dispose();
        terminate.Dispose();
        source.Dispose();
    }

    private void Answer(PosixSignalContext context)
    {
        if (source.IsCancellationRequested)
        {
            return; // not cancelled: the signal's default action ends the process
        }

        context.Cancel = true;
        Console.Error.WriteLine();
        Console.Error.WriteLine("interrupted: coming to an end (press Ctrl-C again to end at once)…");
        source.Cancel();
    }
}
