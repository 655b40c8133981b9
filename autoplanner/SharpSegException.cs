namespace SharpSeg.AutoPlanner;

/// <summary>
/// Bad input or a state that the user can fix: the message names the file or case, says what is wrong with both values; the hint
/// says what to do. The command line prints both and exits with 1. Never for our own bugs.
/// </summary>
public sealed class SharpSegException(string message, string? hint = null, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>What the user can do about it, one line; null if the message says it already.</summary>
    public string? Hint { get; } = hint;
}
