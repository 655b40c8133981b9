using System.Text.Json.Nodes;

namespace SharpSeg.Cli.Commands;

/// <summary>A command's result: text for people, an object for programs.</summary>
/// <param name="Text">Printed to stdout without --json.</param>
/// <param name="Json">Printed to stdout, one line, with --json.</param>
/// <param name="Succeeded">False ends with exit code 1, e.g. verify with findings.</param>
internal sealed record Answer(string Text, JsonObject Json, bool Succeeded = true)
{
    /// <summary>The process's exit code.</summary>
    public int ExitCode { get; init; } = Succeeded ? ExitCodes.Done : ExitCodes.Failed;
}
