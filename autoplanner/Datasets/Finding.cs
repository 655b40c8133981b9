namespace SharpSeg.AutoPlanner.Datasets;

/// <summary>Severity of a finding.</summary>
public enum Severity
{
    /// <summary>Worth a look; training works.</summary>
    Warning,

    /// <summary>Must be fixed before training.</summary>
    Error,
}

/// <summary>One thing that `verify` found.</summary>
/// <param name="Severity">Error or warning.</param>
/// <param name="Case">The case; null if it concerns the whole dataset.</param>
/// <param name="Message">One line: where, what, both values.</param>
/// <param name="Hint">What to do about it; null if the message says it.</param>
public sealed record Finding(Severity Severity, string? Case, string Message, string? Hint = null)
{
    /// <summary>The message with the case in front, as it is printed.</summary>
    public string Line => Case is null ? Message : $"case `{Case}`: {Message}";
}
