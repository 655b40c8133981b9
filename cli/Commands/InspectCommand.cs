using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Cli.Options;
using SharpSeg.Engine.Networks;
using SharpSeg.Kernels.Cpu;

namespace SharpSeg.Cli.Commands;

/// <summary><c>sharpseg inspect</c>: what a plan or a model consists of and needs.</summary>
internal static class InspectCommand
{
    public static Answer Run(InspectOptions options, IReporter reporter, CancellationToken cancel)
    {
        if (options.MaxMemory is { } limit && options.Scan is null)
        {
            throw new UsageException(
                $"--max-memory {limit}: only the prediction of a scan is held against it", "name one with --scan, or leave it out");
        }

        using var model = Directory.Exists(options.Model)
            ? null
            : PredictCommand.Unpack(options.Model, options.Plan, reporter, cancel);
        try
        {
            using var processor = Cpu.Open();
            var work = model?.Work ?? new Workspace(options.Model, options.Plan);
            var inspection = ModelInspection.Of(
                work, model?.Parts ?? [], options.Scan, trainedOnly: model is not null, processor,
                options.Budget);
            return new Answer(inspection.ToText(), Json(inspection));
        }
        catch (SharpSegException error) when (model is not null)
        {
            throw model.InWordsOfTheFile(error);
        }
    }

    private static JsonObject Json(ModelInspection model)
    {
        var json = new JsonObject
        {
            ["name"] = model.Name,
            ["predicts"] = model.Choice,
            ["channels"] = new JsonArray([.. model.Description.ChannelNames.Select(name => (JsonNode)name)]),
            ["labels"] = new JsonObject(model.Description.Labels.Entries.Select(entry => KeyValuePair.Create(
                entry.Name, (JsonNode?)new JsonArray([.. entry.Values.Select(
                    value => (JsonNode)model.Description.Labels.OriginalValue(value))])))),
        };
        if (model.Plans is not null)
        {
            json["turned_to_ras"] = model.Plans.ReorientToRas;
            json["configurations"] = new JsonObject(
                model.Configurations.Select(item => KeyValuePair.Create(item.Name, (JsonNode?)Json(item, model.Budget))));
        }

        if (model.Parts.Count > 0)
        {
            json["parts"] = new JsonArray([.. model.Parts.Select(Json)]);
        }

        return json;
    }

    private static JsonObject Json(InspectedConfiguration item, MemoryBudget budget) => new()
    {
        ["network"] = item.Configuration.Architecture.Family.ToString(),
        ["normalisation"] = item.Configuration.Architecture.Norm == NormKind.Batch ? "batch" : "instance",
        ["leaky_slope"] = item.Configuration.Architecture.LeakySlope,
        ["layers"] = item.Size.Layers,
        ["parameters"] = item.Size.Parameters,
        ["flops_per_patch"] = item.Size.Flops,
        ["training_bytes"] = item.TrainingBytes,
        ["prediction_bytes"] = item.PatchBytes,
        ["folds"] = new JsonArray([.. item.Folds.Select(fold => (JsonNode)fold)]),
        ["spacing"] = new JsonArray([.. item.Configuration.Spacing.Select(value => (JsonNode)value)]),
        ["patch_size"] = new JsonArray([.. item.Configuration.PatchSize.Select(value => (JsonNode)value)]),
        ["peak_bytes"] = item.Prediction?.PeakBytes,
        ["fits"] = item.Prediction?.Fits(budget),
    };
}
