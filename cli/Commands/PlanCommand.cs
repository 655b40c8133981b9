using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Fingerprinting;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.Cli.Options;

namespace SharpSeg.Cli.Commands;

/// <summary><c>sharpseg plan</c>: measure a dataset and plan its networks, or plan from a fingerprint alone.</summary>
internal static class PlanCommand
{
    public static Answer Run(PlanVerbOptions options, IReporter reporter)
    {
        var planner = new PlannerOptions
        {
            Profile = Choices.Profile(options.Profile),
            Preset = Preset.Parse(options.Preset.Replace("_", "", StringComparison.Ordinal)).Name,
            MemoryGigabytes = options.Memory is { } memory ? Choices.Gigabytes(memory) : null,
            TargetSpacing = Spacing(options),
        };
        var work = new Workspace(options.Output);
        var (fingerprint, description, folder) = options.Fingerprint is not null
            ? FromFiles(options)
            : Measured(options, work, planner.Profile, reporter);
        var result = Planner.Plan(fingerprint, description, planner);
        work.WriteDataset(description, folder);
        work.WritePlans(result.Plans);

        var peaks = PeakMemory.OfAll(result.Plans, description);
        var text = $"{PlanTable.Write(result, options.Explain, peaks).TrimEnd()}\n\nplans: {work.PlansFile}";
        var json = new JsonObject
        {
            ["plans"] = work.PlansFile,
            ["configurations"] = new JsonArray([.. result.Plans.Configurations.Keys.Select(name => (JsonNode)name)]),
        };
        json["predicted_training_bytes"] = new JsonObject(peaks.Select(p => KeyValuePair.Create(p.Key, (JsonNode?)p.Value)));
        return new Answer(text, json);
    }

    private static (Fingerprint Fingerprint, DatasetDescription Description, string? Folder) FromFiles(PlanVerbOptions options)
    {
        if (options.DatasetJson is not { } json)
        {
            throw new UsageException("--fingerprint needs --dataset-json", "give the dataset.json with channels and labels");
        }

        if (!File.Exists(json))
        {
            throw new SharpSegException($"`{json}`: no such file", "give the dataset.json with channels and labels");
        }

        return (FingerprintJson.Read(options.Fingerprint!), DatasetDescription.FromJson(File.ReadAllText(json), json), null);
    }

    private static (Fingerprint Fingerprint, DatasetDescription Description, string? Folder) Measured(
        PlanVerbOptions options, Workspace work, Profile profile, IReporter reporter)
    {
        var folder = options.Dataset ?? throw new UsageException("DATASET is missing", "give a dataset folder, or --fingerprint and --dataset-json");
        var dataset = Dataset.Open(folder);
        work.MakeFolder(); // an output that cannot be is told before everything is measured
        reporter.Stage($"measure {dataset.TrainingCases.Count} cases");
        var fingerprint = FingerprintExtractor.ExtractCached(
            dataset, profile, work, Environment.ProcessorCount, (done, of) => reporter.Progress((double)done / of, $"case {done}/{of}"));
        return (fingerprint, dataset.Description, dataset.Folder);
    }

    private static Spacing? Spacing(PlanVerbOptions options)
    {
        double[] values = [.. options.Spacing];
        return values.Length switch
        {
            0 => null,
            3 when values.All(v => v is > 0 and < 1000) => AutoPlanner.Imaging.Spacing.FromArray(values),
            _ => throw new UsageException("--spacing needs three positive numbers z,y,x in mm", "e.g. --spacing 2.5,0.8,0.8"),
        };
    }
}
