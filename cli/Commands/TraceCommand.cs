using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Steps.Traces;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Cli.Options;
using SharpSeg.Kernels.Cpu;

namespace SharpSeg.Cli.Commands;

/// <summary><c>sharpseg trace</c>: one case, step by step.</summary>
internal static class TraceCommand
{
    public static Answer Run(TraceOptions options, IReporter reporter, CancellationToken cancel)
    {
        var folds = Choices.Folds(options.Folds);
        using var backend = Devices.Open(options, reporter);
        var result = TraceRun.Execute(
            new TraceRequest(
                new Workspace(options.Work, options.Plan), options.Case, options.Output, options.Configuration, folds,
                options.Seed, options.Budget),
            backend, Cpu.Open, reporter, cancel);
        return new Answer(
            $"trace: {result.Page}\nsegmentation: {result.Segmentation}\n{result.Files.Count} volumes in {options.Output}",
            new JsonObject
            {
                ["trace"] = result.Page,
                ["segmentation"] = result.Segmentation,
                ["files"] = new JsonArray([.. result.Files.Select(file => (JsonNode)file)]),
            })
        {
            Facts = Facts.Of(new Workspace(options.Work, options.Plan), backend, options.Seed),
        };
    }
}
