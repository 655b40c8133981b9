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
        if (options.Fix is { } output)
        {
            return Repaired(RepairRun.Execute(options.Dataset, output, reporter, cancel, options.GroupBy, options.Budget));
        }

        var text = new StringBuilder();
        var findings = VerificationRun.Execute(options.Dataset, reporter, cancel, options.GroupBy, options.Budget);
        var (json, errors) = Show(findings, text);
        if (Propose(options.Dataset, reporter, text, cancel) is { } proposal)
        {
            json["proposal"] = JsonNode.Parse(proposal);
        }

        text.AppendLine(Sum(options.Dataset, findings, errors));
        if (errors > 0 && Directory.Exists(Path.Combine(options.Dataset, "imagesTr")))
        {
            text.AppendLine($"`sharpseg verify {options.Dataset} --fix COPY` writes a copy in which is repaired what can be");
        }

        return new Answer(text.ToString(), json, errors == 0);
    }

    private static Answer Repaired(RepairResult result)
    {
        var text = new StringBuilder();
        foreach (var line in result.Repairs)
        {
            text.AppendLine($"repaired: {Readable.Line(line)}");
        }

        if (result.LeftOut.Count > 0)
        {
            const int most = 20;
            var more = result.LeftOut.Count > most ? $" and {result.LeftOut.Count - most} more (--json names all)" : "";
            text.AppendLine($"not copied: {Readable.Line(string.Join(", ", result.LeftOut.Take(most)))}{more}");
        }

        var (json, errors) = Show(result.Findings, text);
        json["output"] = result.Folder;
        json["repairs"] = new JsonArray([.. result.Repairs.Select(line => (JsonNode)line)]);
        json["left_out"] = new JsonArray([.. result.LeftOut.Select(name => (JsonNode)name)]);
        text.AppendLine($"{result.Folder}: {Counted.Of(result.Repairs.Count, "repair")}");
        text.AppendLine(Sum(result.Folder, result.Findings, errors));
        return new Answer(text.ToString(), json, errors == 0);
    }

    private static string Sum(string folder, IReadOnlyList<Finding> findings, int errors) => errors == 0
        ? $"{folder}: no errors, {Counted.Of(findings.Count, "warning")}"
        : $"{folder}: {Counted.Of(errors, "error")}, {Counted.Of(findings.Count - errors, "warning")}";

    private static (JsonObject Json, int Errors) Show(IReadOnlyList<Finding> findings, StringBuilder text)
    {
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

        var errors = findings.Count(finding => finding.Severity == Severity.Error);
        return (new JsonObject { ["errors"] = errors, ["warnings"] = findings.Count - errors, ["findings"] = list }, errors);
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
