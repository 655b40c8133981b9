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
    /// <summary>What the command worked on, for the record that it leaves where it wrote.</summary>
    public JsonObject Facts { get; init; } = [];

    /// <summary>How it went, in a few words.</summary>
    public string State =>
        Failed is { Count: > 0 } ? "some cases failed" : ExitCode == ExitCodes.Done ? "done" : "problems found";

    /// <summary>The process's exit code.</summary>
    public int ExitCode { get; init; } =
        !Succeeded ? ExitCodes.Failed : Failed is { Count: > 0 } ? ExitCodes.SomeFailed : ExitCodes.Done;
}
