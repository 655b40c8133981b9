using System.Globalization;
using System.Text;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;
using SharpSeg.Engine.Training;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>One configuration of a plan or a model.</summary>
/// <param name="Name">Its name among those of all plans.</param>
/// <param name="Configuration">Its plan.</param>
/// <param name="Folds">Its folds with a final checkpoint; the network on every case only where there is no other.</param>
/// <param name="Size">Layers, parameters and operations of its network.</param>
/// <param name="TrainingBytes">Memory at the peak of a training step with the planned batch.</param>
/// <param name="PatchBytes">Memory at the peak of predicting one patch.</param>
/// <param name="Prediction">What a prediction of the given scan takes on the processor, as `predict` says it; null without a
/// scan.</param>
public sealed record InspectedConfiguration(
    string Name, ConfigurationPlan Configuration, IReadOnlyList<string> Folds, NetworkSize Size, long TrainingBytes,
    long PatchBytes, PredictionNeed? Prediction);

/// <summary>What a plan or a model consists of and needs, without training or predicting anything.</summary>
/// <param name="Name">Of the dataset, or of the part.</param>
/// <param name="Description">Channels and labels.</param>
/// <param name="Plans">Its plans, the first of several; null for a model of parts.</param>
/// <param name="Configurations">Planned configurations, of a model file only the trained ones; none for a model of parts.</param>
/// <param name="Choice">What predicts unless something else is asked for, in a line.</param>
/// <param name="Parts">The models of which it consists.</param>
public sealed record ModelInspection(
    string Name, DatasetDescription Description, Plans? Plans, IReadOnlyList<InspectedConfiguration> Configurations,
    string Choice,
    IReadOnlyList<ModelInspection> Parts)
{
    /// <summary>Inspects a workspace or an unpacked model.</summary>
    /// <param name="work">The workspace; seen through a further plan, that plan alone.</param>
    /// <param name="parts">Its parts; none for an ordinary model.</param>
    /// <param name="scan">A scan whose prediction's memory is wanted, or null.</param>
    /// <param name="trainedOnly">Leave out what is only planned, as a model file cannot use it.</param>
    /// <param name="backend">Whose memory is meant; nothing is computed.</param>
    /// <param name="maxMemory">Memory that the prediction may take; null for what the machine has.</param>
    /// <exception cref="SharpSegException">Nothing is planned, something is damaged, or the scan cannot be read.</exception>
    public static ModelInspection Of(
        Workspace work, IReadOnlyList<ModelPart> parts, string? scan, bool trainedOnly, Backend backend,
        MemoryBudget? maxMemory = null)
    {
        var budget = maxMemory ?? MemoryBudget.OfMachine();
        var description = work.ReadDescription();
        var header = scan is null ? null : new ScanFile(scan, ImageFile.ReadGeometry(scan));
        if (parts.Count == 0)
        {
            return OfOne(description.Name, work, header, trainedOnly, budget, backend);
        }

        var inspected = parts.Select(part => OfOne(part.Name, part.Work, header, trainedOnly, budget, backend)).ToArray();
        var choice = $"{parts.Count} parts one after the other; a later one writes over an earlier one";
        return new(description.Name, description, null, [], choice, inspected) { Budget = budget };
    }

    /// <summary>Memory that a prediction may take.</summary>
    public MemoryBudget Budget { get; private init; } = MemoryBudget.OfMachine();

    /// <summary>The model as text for people.</summary>
    public string ToText()
    {
        var text = new StringBuilder();
        Write(text, "");
        return text.ToString();
    }

    private static ModelInspection OfOne(
        string name, Workspace work, ScanFile? scan, bool trainedOnly, MemoryBudget budget, Backend backend)
    {
        var description = work.ReadDescription();
        var seen = !work.IsPlanAsked && work.AllPlans() is { Count: > 0 } all ? all : [work];
        var configurations = new List<InspectedConfiguration>();
        foreach (var plan in seen)
        {
            var plans = plan.ReadPlans();
            configurations.AddRange(plans.Configurations.Values
                .Select(
                    configuration =>
                        (Configuration: configuration, Folds: ModelChoice.TrainedFolds(plan, configuration.Name, "final")))
                .Where(item => item.Folds.Count > 0 || !trainedOnly)
                .Select(item => Inspect(plan, plans, item.Configuration, item.Folds, description, scan, budget, backend)));
        }

        var choice = trainedOnly || configurations.Any(item => item.Folds.Count > 0)
            ? ModelChoice.Of(work, description.Labels, null, [], "final").Describe(description.Labels)
            : "nothing yet: no fold is trained";
        return new(name, description, seen[0].ReadPlans(), configurations, choice, []) { Budget = budget };
    }

    private static InspectedConfiguration Inspect(
        Workspace work, Plans plans, ConfigurationPlan configuration, IReadOnlyList<string> folds, DatasetDescription description,
        ScanFile? scan, MemoryBudget budget, Backend backend)
    {
        var size = NetworkSize.Of(configuration.NetworkFor(plans.Profile, description), configuration.Patch);
        return new(
            work.NameOf(configuration.Name), configuration, folds, size,
            PeakMemory.TrainingBytes(plans.Profile, configuration, description, backend),
            PeakMemory.PredictionBytes(plans.Profile, configuration, description, backend),
            scan is null ? null : Memory().OfFiles(scan.Geometry, [scan.Path]));

        // As `predict` would use it: what is not trained yet counts as one fold, a cascade's first stage with all of its own.
        PredictionMemory Memory()
        {
            ModelMember Member(ConfigurationPlan stage, IReadOnlyList<string> trained, ModelMember? before) => new(
                work, plans, stage, trained, trained.Count > 0 ? trained : ["untrained"], before);
            var first = configuration.PreviousStage is { } before
                ? Member(plans.Resolve(before), ModelChoice.TrainedFolds(work, before, "final"), null)
                : null;
            return PredictingMember.Memory(
                Member(configuration, folds, first), description, new InferenceOptions(), budget, backend)[^1].Memory;
        }
    }

    private void Write(StringBuilder text, string indent)
    {
        text.Append(indent).Append(Name).Append(Plans is null ? "" : $": plans {Plans.PlansName}").Append('\n');
        Line(text, indent, "channels", string.Join(", ", Description.ChannelNames));
        Line(
            text, indent, "labels",
            string.Join(", ", Description.Labels.Entries.Select(
                entry => $"{string.Join('+', entry.Values.Select(Description.Labels.OriginalValue))} {entry.Name}")));
        if (Plans is not null)
        {
            Line(text, indent, "orientation", Plans.ReorientToRas ? "scans are turned to RAS, results back" : "as stored");
        }

        Line(text, indent, "predicts", Choice);
        foreach (var item in Configurations)
        {
            var plan = item.Configuration;
            text.Append('\n').Append(indent).Append("  ").Append(item.Name).Append('\n');
            Line(text, indent + "  ", "network", string.Create(
                CultureInfo.InvariantCulture,
                $"{plan.Architecture.Family}, {plan.Architecture.StageCount} stages, {item.Size.Layers} layers, {item.Size.Parameters:#,0} parameters"));
            var architecture = plan.Architecture;
            Line(
                text, indent + "  ", "blocks",
                (architecture.Norm == NormKind.Batch ? "batch" : "instance") + " normalisation, "
                    + (architecture.LeakySlope == 0 ? "ReLU" : $"leaky ReLU {PlanText.Number(architecture.LeakySlope)}"));
            Line(text, indent + "  ", "features", string.Join(", ", plan.Architecture.FeaturesPerStage));
            Line(text, indent + "  ", "operations", string.Create(
                CultureInfo.InvariantCulture, $"{item.Size.Flops / 1e9:#,0.0} GFLOP per patch (a multiply-add counts as two)"));
            Line(text, indent + "  ", "training", $"batch {plan.BatchSize}, {MemoryPlan.Size(item.TrainingBytes)}");
            Line(text, indent + "  ", "predicting", $"{MemoryPlan.Size(item.PatchBytes)} per patch");
            Line(text, indent + "  ", "folds", item.Folds.Count == 0 ? "none trained" : string.Join(", ", item.Folds));
            Line(text, indent + "  ", "spacing", PlanText.Millimetres(plan.Spacing));
            Line(text, indent + "  ", "patch", PlanText.Sizes(plan.PatchSize) + " voxels");
            if (plan.PreviousStage is { } first)
            {
                Line(text, indent + "  ", "after", first);
            }

            if (item.Prediction is { } need)
            {
                var fits = need.Fits(Budget) ? "" : "; that does not fit, and `predict` refuses the scan";
                Line(text, indent + "  ", "memory", $"for the scan, on the processor: {need.Describe(Budget)}{fits}");
            }
        }

        foreach (var part in Parts)
        {
            text.Append('\n');
            part.Write(text, indent + "  ");
        }
    }

    private static void Line(StringBuilder text, string indent, string subject, string value) =>
        text.Append(indent).Append("  ").Append(subject.PadRight(12)).Append(value).Append('\n');

    private sealed record ScanFile(string Path, ImageGeometry Geometry);
}
