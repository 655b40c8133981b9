using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Cli.Options;

namespace SharpSeg.Cli.Commands;

/// <summary><c>sharpseg export</c>: a trained model as one file.</summary>
internal static class ExportCommand
{
    public static Answer Run(ExportOptions options, IReporter reporter, CancellationToken cancel)
    {
        var folds = Choices.Folds(options.Folds);
        reporter.Stage("export");
        var work = new Workspace(options.Work, options.Plan);
        var model = ModelArchive.Write(
            work, options.Output, options.Configuration, folds, reporter, cancel);
        var bytes = new FileInfo(options.Output).Length;
        var text = FormattableString.Invariant($"{model}\n{options.Output}: {bytes / 1e6:0.0} MB\n")
            + $"predict: sharpseg predict {options.Output} -i SCANS -o SEGMENTATIONS";
        var facts = Facts.Of(work);
        (facts["workspace"], facts["model_sha256"]) = (Path.GetFullPath(options.Work), CommandRecord.Sha256Of(options.Output));
        return new Answer(text, new JsonObject { ["model"] = options.Output, ["description"] = model, ["bytes"] = bytes })
        {
            Facts = facts,
        };
    }
}
