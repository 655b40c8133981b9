using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Cli.Options;
using SharpSeg.Kernels.Cpu;

namespace SharpSeg.Cli.Commands;

/// <summary><c>sharpseg preprocess</c>: crop, normalise and resample all cases.</summary>
internal static class PreprocessCommand
{
    public static Answer Run(PreprocessOptions options, IReporter reporter, CancellationToken cancel)
    {
        var work = new Workspace(options.Work, options.Plan);
        var plans = work.ReadPlans();
        work.ReadDescription(); // by which training goes on: better refused now than after hours
        var dataset = Dataset.Open(work.ReadDatasetFolder());
        string[] asked = [.. options.Configurations];
        string[] names = asked.Length > 0 ? [.. asked.Select(name => plans.Resolve(name).Name).Distinct()]
            : [.. plans.Configurations.Keys];
        var folders = new JsonArray();
        var failed = new List<FailedCase>();
        foreach (var name in names)
        {
            try
            {
                PreprocessingRun.Execute(
                    dataset, work, plans, name, Cpu.Open, reporter, cancel, options.Budget);
            }
            catch (CasesFailedException some)
            {
                failed.AddRange(some.Failed.Where(item => failed.All(other => other.CaseId != item.CaseId)));
            }

            folders.Add(work.PreprocessedFolder(plans.Resolve(name)));
        }

        return new Answer(
            $"preprocessed {string.Join(", ", names)} in {work.Folder}", new JsonObject { ["folders"] = folders },
            Failed: failed)
        {
            Facts = Facts.Of(work),
        };
    }
}
