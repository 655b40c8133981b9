using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Cli.Options;
using SharpSeg.Engine.Backends;
using SharpSeg.Kernels.Cpu;

namespace SharpSeg.Cli.Commands;

/// <summary><c>sharpseg predict</c>: segment new scans.</summary>
internal static class PredictCommand
{
    public static Answer Run(PredictOptions options, IReporter reporter, CancellationToken cancel)
    {
        if (options.Step is not (> 0 and <= 1))
        {
            throw new UsageException($"--step {options.Step}: must be above 0 and at most 1");
        }

        if (options.Parts < 1 || options.Part < 0 || options.Part >= options.Parts)
        {
            throw new UsageException($"--part {options.Part} --parts {options.Parts}: part counts from 0 to parts − 1");
        }

        var folds = Choices.Folds(options.Folds);
        var checkpoint = Choices.Checkpoint(options.Checkpoint);
        var isModel = File.Exists(options.Work) || options.Work.EndsWith(".zip", StringComparison.OrdinalIgnoreCase);
        using var model = isModel && !Directory.Exists(options.Work) ? Unpack(options.Work, reporter, cancel) : null;
        using var backend = Devices.Open(options, reporter);
        reporter.Stage("predict");
        var request = new PredictionRequest(
            model?.Work ?? new Workspace(options.Work, options.Plan), options.Configuration, folds, checkpoint,
            [.. options.Input], options.Output,
            new InferenceOptions(options.Step, !options.NoGaussian, !options.NoMirroring), options.Continue, options.Part,
            options.Parts,
            options.PreviousStage, ((IKeepsProbabilities)options).Kept, !options.NoPostprocessing, model?.Parts,
            MemoryLimit.Of(options.MaxMemory));
        var files = Predict(request, model, backend, reporter, cancel);
        var json = new JsonObject { ["segmentations"] = new JsonArray([.. files.Select(file => (JsonNode)file)]) };
        return new Answer(
            request.IsFile && files.Count == 1
                ? $"segmentation: {options.Output}"
                : $"{files.Count} segmentation(s) in {options.Output}", json);
    }

    private static IReadOnlyList<string> Predict(
        PredictionRequest request, UnpackedModel? model, Backend backend, IReporter reporter, CancellationToken cancel)
    {
        try
        {
            return PredictionRun.Execute(request, backend, Cpu.Open, reporter, cancel);
        }
        catch (SharpSegException error) when (model is not null)
        {
            throw model.InWordsOfTheFile(error);
        }
    }

    /// <summary>Unpacks a model file.</summary>
    public static UnpackedModel Unpack(string path, IReporter reporter, CancellationToken cancel)
    {
        reporter.Stage($"unpack {path}");
        return UnpackedModel.Open(path, cancel);
    }
}
