using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Steps.Import;
using SharpSeg.Cli.Options;

namespace SharpSeg.Cli.Commands;

/// <summary><c>sharpseg import</c>: a model of ours from one that nnU-Net trained.</summary>
internal static class ImportCommand
{
    public static Answer Run(ImportOptions options, IReporter reporter, CancellationToken cancel)
    {
        string[] typed = [.. options.Folds];
        var folds = typed is ["all"] ? typed : Choices.Folds(typed); // nnU-Net's own word
        var checkpoint = Choices.Checkpoint(options.Checkpoint);
        if (options.Orientation is { } orientation && !orientation.Equals("RAS", StringComparison.OrdinalIgnoreCase))
        {
            throw new UsageException($"--orientation {orientation}: unknown", "RAS, or leave it out");
        }

        reporter.Stage("import");
        var report = ImportRun.Execute(
            new ImportRequest(
                [.. options.Models], options.Output, [.. options.Configurations], folds, checkpoint,
                options.Orientation is not null,
                options.Merge),
            reporter, cancel);
        var text = string.Join(
            '\n', report.Read.Select(line => $"read: {line}").Concat(report.Left.Distinct().Select(line => $"left: {line}")))
            + $"\n{report.Description}\npredict: sharpseg predict {options.Output} -i SCANS -o SEGMENTATIONS";
        return new Answer(text, new JsonObject
        {
            ["model"] = options.Output,
            ["description"] = report.Description,
            ["read"] = new JsonArray([.. report.Read.Select(line => (JsonNode)line)]),
            ["left"] = new JsonArray([.. report.Left.Distinct().Select(line => (JsonNode)line)]),
        })
        {
            Facts = new JsonObject
            {
                ["models"] = new JsonArray([.. options.Models.Select(model => (JsonNode)Path.GetFullPath(model))]),
                ["model_sha256"] = File.Exists(options.Output) ? CommandRecord.Sha256Of(options.Output) : null,
            },
        };
    }
}
