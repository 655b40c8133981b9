namespace SharpSeg.Cli;

/// <summary>Exit codes of the process.</summary>
internal static class ExitCodes
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int WrongUsage = 2;

    /// <summary>Ended by Ctrl-C or SIGTERM; the state is saved.</summary>
    public const int Interrupted = 130;
}
