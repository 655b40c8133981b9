namespace SharpSeg.Cli.Options;

/// <summary>How a verb is typically called; its help shows them, and a test parses them.</summary>
/// <param name="commands">Whole commands, beginning with `sharpseg`.</param>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
internal sealed class ExamplesAttribute(params string[] commands) : Attribute
{
    public IReadOnlyList<string> Commands { get; } = commands;
}
