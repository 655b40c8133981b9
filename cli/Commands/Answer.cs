using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner;

namespace SharpSeg.Cli.Commands;

/// <summary>A command's result: text for people, an object for programs.</summary>
/// <param name="Text">Printed to stdout without --json.</param>
/// <param name="Json">Printed to stdout, one line, with --json.</param>
/// <param name="Succeeded">False ends with exit code 1, e.g. verify with findings.</param>
/// <param name="Failed">Cases that failed while the others were done: exit code 3.</param>
internal sealed record Answer(
    string Text, JsonObject Json, bool Succeeded = true, IReadOnlyList<FailedCase>? Failed = null)
{
    /// <summary>Where results were written that keep a record of the command; null for none.</summary>
    public Kept? Record { get; init; }

    /// <summary>The process's exit code.</summary>
    public int ExitCode { get; init; } =
        !Succeeded ? ExitCodes.Failed : Failed is { Count: > 0 } ? ExitCodes.SomeFailed : ExitCodes.Done;
}

/// <summary>A folder of results that keeps run.json and log.txt of the commands that wrote there.</summary>
/// <param name="Folder">The folder.</param>
/// <param name="Facts">What the command worked on.</param>
/// <param name="Part">Which of several processes that write there; null for the only one.</param>
internal sealed record Kept(string Folder, JsonObject Facts, int? Part = null);
