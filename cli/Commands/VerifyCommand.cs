using System.Text;
using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.Cli.Options;

namespace SharpSeg.Cli.Commands;

/// <summary><c>sharpseg verify</c>: reports every problem of a dataset at once.</summary>
internal static class VerifyCommand
{
    public static Answer Run(VerifyOptions options, IReporter reporter, CancellationToken cancel)
    {
        var findings = VerificationRun.Execute(options.Dataset, reporter, cancel, options.GroupBy);
        var text = new StringBuilder();
        var list = new JsonArray();
        string? lastHint = null; // one hint often goes with many cases
        foreach (var finding in findings)
        {
            text.AppendLine($"{(finding.Severity == Severity.Error ? "error" : "warning")}: {Readable.Line(finding.Line)}");
            if (finding.Hint is { } hint && hint != lastHint)
            {
                text.AppendLine($"  hint: {Readable.Line(hint)}");
            }

            lastHint = finding.Hint;
            list.Add(new JsonObject
            {
                ["severity"] = finding.Severity == Severity.Error ? "error" : "warning",
                ["case"] = finding.Case,
                ["message"] = finding.Message,
                ["hint"] = finding.Hint,
            });
        }

        var errors = findings.Count(f => f.Severity == Severity.Error);
        text.AppendLine(errors == 0
            ? $"{options.Dataset}: no errors, {findings.Count} warning(s)"
            : $"{options.Dataset}: {errors} error(s), {findings.Count - errors} warning(s)");
        return new Answer(
            text.ToString(), new JsonObject { ["errors"] = errors, ["warnings"] = findings.Count - errors, ["findings"] = list },
            errors == 0);
    }
}
