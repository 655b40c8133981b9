namespace SharpSeg.Cli;

/// <summary>The command line itself is wrong: exit code 2.</summary>
internal sealed class UsageException(string message, string? hint = null) : Exception(message)
{
    public string? Hint { get; } = hint;
}
