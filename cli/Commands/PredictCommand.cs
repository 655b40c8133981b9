using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Cli.Options;
using SharpSeg.Kernels.Cpu;

namespace SharpSeg.Cli.Commands;

/// <summary><c>sharpseg predict</c>: segment new scans.</summary>
internal static class PredictCommand
{
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromSeconds(1);

    public static Answer Run(PredictOptions options, IReporter reporter, CancellationToken cancel)
    {
        RequireStep(options.Step);
        if (options.Parts > 1 && options.Part is null)
        {
            throw new UsageException(
                $"--parts {options.Parts}: which of them?", $"add --part, from 0 to {options.Parts - 1}, each in a run of its own");
        }

        var part = options.Part ?? 0;
        if (options.Parts < 1 || part < 0 || part >= options.Parts)
        {
            throw new UsageException($"--part {part} --parts {options.Parts}: part counts from 0 to parts − 1");
        }

        if (options.Watch && options.Parts > 1)
        {
            // Each look finds other scans, so that no process can know which of them are its part.
            throw new UsageException(
                "--watch takes every scan that appears, --parts a part of those that are there",
                "leave out --part and --parts; several processes can watch a folder each");
        }

        var inputs = Inputs(options, reporter, cancel);
        var folds = Choices.Folds(options.Folds);
        var checkpoint = Choices.Checkpoint(options.Checkpoint);
        var isModel = File.Exists(options.Work) || options.Work.EndsWith(".zip", StringComparison.OrdinalIgnoreCase);
        if (isModel && checkpoint != "final" && File.Exists(options.Work))
        {
            throw new SharpSegException(
                $"--checkpoint {checkpoint}: `{options.Work}` is a model file, which holds final checkpoints only",
                "leave it out, or predict with the workspace");
        }

        using var model = isModel && !Directory.Exists(options.Work)
            ? Unpack(options.Work, options.Plan, reporter, cancel)
            : null;
        if (options.Watch && options.Devices.Any())
        {
            throw new UsageException("--watch takes one scan at a time, --devices several", "name one --device");
        }

        using var devices = Devices.Open(options, int.MaxValue, reporter);
        reporter.Stage("predict");
        var request = new PredictionRequest(
            model?.Work ?? new Workspace(options.Work, options.Plan), options.Configuration, folds, checkpoint,
            inputs, options.Output,
            new InferenceOptions(options.Step, !options.NoGaussian, !options.NoMirroring), options.Continue, part,
            options.Parts,
            options.PreviousStage, ((IKeepsProbabilities)options).Kept, !options.NoPostprocessing, model?.Parts,
            options.Budget);
        var (files, failed) = Predict(request, options.Watch, devices.All, model, reporter, cancel);
        var json = new JsonObject { ["segmentations"] = new JsonArray([.. files.Select(file => (JsonNode)file)]) };
        return new Answer(
            request.IsFile && files.Count == 1
                ? $"segmentation: {options.Output}"
                : $"{Counted.Of(files.Count, "segmentation")} in {options.Output}", json, Failed: failed)
        {
            Facts = request.IsFile ? [] : new JsonObject
            {
                ["device"] = Cli.Commands.Facts.Described(devices.All),
                ["precision"] = devices.All[0].Backend.ProductPrecision, ["model"] = options.Work,
                ["model_sha256"] = model is null ? null : CommandRecord.Sha256Of(options.Work),
                ["plans_sha256"] = model is null ? CommandRecord.Sha256Of(request.Work.PlansFile) : null,
            },
        };
    }

    private static (IReadOnlyList<string> Files, IReadOnlyList<FailedCase> Failed) Predict(
        PredictionRequest request, bool watch, IReadOnlyList<NamedDevice> devices, UnpackedModel? model, IReporter reporter,
        CancellationToken cancel)
    {
        try
        {
            if (!watch)
            {
                return (PredictionRun.Execute(request, devices, Cpu.Open, reporter, cancel), []);
            }

            using var networks = new LoadedNetworks(devices[0].Backend, Cpu.Open);
            return WatchRun.Execute(request, networks, BetweenLooks, reporter, cancel);
        }
        catch (CasesFailedException some)
        {
            return (some.Done, some.Failed);
        }
        catch (SharpSegException error) when (model is not null)
        {
            throw model.InWordsOfTheFile(error);
        }
    }

    /// <summary>The scans; `-` reads their names from standard input, one a line.</summary>
    private static string[] Inputs(PredictOptions options, IReporter reporter, CancellationToken cancel)
    {
        string[] named = [.. options.Input];
        if (!named.Contains("-"))
        {
            return named;
        }

        if (options.Watch)
        {
            throw new UsageException("-i -: a list ends, --watch does not", "name the folder in which scans will appear");
        }

        var listed = StandardInput.Lines("-i -", "names of scans", reporter, cancel);
        return listed.Length > 0
            ? [.. named.Where(path => path != "-"), .. listed]
            : throw new UsageException("-i -: standard input names no scan", "one file or folder a line");
    }

    /// <summary>Unpacks a model file.</summary>
    public static UnpackedModel Unpack(string path, string? plan, IReporter reporter, CancellationToken cancel)
    {
        RequireNoPlan(plan, path);
        reporter.Stage($"unpack {path}");
        return UnpackedModel.Open(path, cancel);
    }

    /// <summary>Refuses to choose among the plans of a model file, which has none but its own.</summary>
    public static void RequireNoPlan(string? plan, string path)
    {
        if (plan is not null)
        {
            throw new UsageException(
                $"--plan {plan}: `{path}` is a model file, which predicts as it was exported", "leave it out");
        }
    }

    /// <summary>Refuses a distance between tiles that is no share of the patch.</summary>
    public static void RequireStep(double? step)
    {
        if (step is { } share && share is not (> 0 and <= 1))
        {
            throw new UsageException($"--step {share}: must be above 0 and at most 1");
        }
    }
}
