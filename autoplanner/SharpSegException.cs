namespace SharpSeg.AutoPlanner;

/// <summary>
/// Bad input or a state that the user can fix: the message names the file or case, says what is wrong with both values; the hint
/// says what to do. The command line prints both and exits with 1. Never for our own bugs.
/// </summary>
public class SharpSegException(string message, string? hint = null, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>What the user can do about it, one line; null if the message says it already.</summary>
    public string? Hint { get; } = hint;
}

/// <summary>A case that could not be done, while the others went on.</summary>
/// <param name="CaseId">Its name.</param>
/// <param name="Message">What is wrong, one line.</param>
/// <param name="Hint">What to do about it; null if the message says it.</param>
public sealed record FailedCase(string CaseId, string Message, string? Hint);

/// <summary>Some cases failed and all others are done.</summary>
/// <param name="failed">The failed ones, at least one.</param>
/// <param name="done">What was written for the others.</param>
public sealed class CasesFailedException(IReadOnlyList<FailedCase> failed, IReadOnlyList<string> done) : SharpSegException(
    $"{Counted.Of(failed.Count, "case")} failed, {done.Count} {Counted.Noun(done.Count, "is", "are")} done; "
        + $"the first failed: {failed[0].Message}", failed[0].Hint)
{
    /// <summary>The failed cases.</summary>
    public IReadOnlyList<FailedCase> Failed { get; } = failed;

    /// <summary>What was written for the others.</summary>
    public IReadOnlyList<string> Done { get; } = done;
}
