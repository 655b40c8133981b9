using SharpSeg.AutoPlanner;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>Cancels as soon as the training reports a certain iteration.</summary>
internal sealed class StopAt(string? detailStart, CancellationTokenSource source) : IReporter
{
    public void Stage(string name)
    {
    }

    public void Progress(double fraction, string detail)
    {
        if (detailStart is not null && detail.StartsWith(detailStart, StringComparison.Ordinal))
        {
            source.Cancel();
        }
    }

    public void Info(string line)
    {
    }

    public void Warning(string line)
    {
    }
}
