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

        var proposal = Propose(options.Dataset, reporter, text, cancel);
        var errors = findings.Count(f => f.Severity == Severity.Error);
        text.AppendLine(errors == 0
            ? $"{options.Dataset}: no errors, {findings.Count} warning(s)"
            : $"{options.Dataset}: {errors} error(s), {findings.Count - errors} warning(s)");
        var json = new JsonObject { ["errors"] = errors, ["warnings"] = findings.Count - errors, ["findings"] = list };
        if (proposal is not null)
        {
            json["proposal"] = JsonNode.Parse(proposal);
        }

        return new Answer(text.ToString(), json, errors == 0);
    }

    /// <summary>For a folder of images and labels without a description: what it could be.</summary>
    private static string? Propose(string folder, IReporter reporter, StringBuilder text, CancellationToken cancel)
    {
        if (File.Exists(Path.Combine(folder, Dataset.DescriptionFile)) || !Directory.Exists(Path.Combine(folder, "imagesTr")))
        {
            return null;
        }

        try
        {
            var proposal = DatasetProposal.Of(
                folder, (done, of) => reporter.Progress((double)done / of, $"label map {done}/{of}"), cancel);
            text.AppendLine($"a proposal for {Path.Combine(folder, Dataset.DescriptionFile)}; correct the names:");
            text.AppendLine(proposal.TrimEnd());
            return proposal;
        }
        catch (SharpSegException error)
        {
            text.AppendLine($"no dataset.json can be proposed: {Readable.Line(error.Message)}");
            text.AppendLine(error.Hint is null ? "" : $"  hint: {Readable.Line(error.Hint)}");
            return null;
        }
    }
}
