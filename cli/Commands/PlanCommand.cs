using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Cli.Options;
using SharpSeg.Kernels.Cpu;

namespace SharpSeg.Cli.Commands;

/// <summary><c>sharpseg plan</c>: measures a dataset and plans its networks, or plans from a fingerprint alone.</summary>
internal static class PlanCommand
{
    public static Answer Run(PlanVerbOptions options, IReporter reporter, CancellationToken cancel)
    {
        var planner = Choices.Network(options.Network, options.Profile, options.Activation, options.Norm).Options() with
        {
            MemoryGigabytes = options.Memory is { } memory ? Choices.Gigabytes(memory) : null,
            Mirroring = Choices.Mirroring(options.Mirroring),
            TargetSpacing = Spacing(options),
        };
        if (options.MaxMemory is not null && options.Fingerprint is not null)
        {
            throw new UsageException(
                "--max-memory is for measuring a dataset; with --fingerprint nothing is measured", "leave --max-memory out");
        }

        if (options.DatasetJson is not null && options.Fingerprint is null)
        {
            throw new UsageException(
                "--dataset-json goes with --fingerprint", "a DATASET has its own dataset.json: leave --dataset-json out");
        }

        if (options.GroupBy is not null && options.Dataset is null)
        {
            throw new UsageException("--group-by is about the cases of a dataset", "give DATASET, or leave --group-by out");
        }

        var work = new Workspace(options.Output, options.Plan);
        var dataset = options.Dataset is { } folder ? Dataset.Open(folder) : null;
        var description = options.Fingerprint is null ? null : Description(options, dataset);
        var patients = dataset is null || options.GroupBy is null ? null : PlanningRun.Patients(dataset, options.GroupBy);
        var result = description is not null
            ? PlanningRun.FromFingerprint(
                FingerprintJson.Read(options.Fingerprint!), description, dataset, work, planner, reporter)
            : PlanningRun.Execute(
                dataset ?? throw new UsageException(
                    "DATASET is missing", "give a dataset folder, or --fingerprint and --dataset-json"),
                work, planner, reporter, cancel, options.Budget);

        if (patients is not null)
        {
            PlanningRun.Group(work, dataset!, patients, reporter);
        }

        reporter.WritesTo(work.Folder); // has been said by what measures
        using var processor = Cpu.Open();
        var peaks = PeakMemory.OfAll(result.Plans, work.ReadDescription(), processor);
        var text = $"{PlanTable.Write(result, options.Explain, peaks).TrimEnd()}\n\nplans: {work.PlansFile}";
        var json = new JsonObject
        {
            ["plans"] = work.PlansFile,
            ["configurations"] = new JsonArray([.. result.Plans.Configurations.Keys.Select(name => (JsonNode)name)]),
        };
        json["predicted_training_bytes"] = new JsonObject(peaks.Select(p => KeyValuePair.Create(p.Key, (JsonNode?)p.Value)));
        return new Answer(text, json) { Facts = Facts.Of(work) };
    }

    /// <summary>
    /// Channels and labels for planning without images: those of the dataset if it is given too, else of --dataset-json.
    /// </summary>
    private static DatasetDescription Description(PlanVerbOptions options, Dataset? dataset)
    {
        if ((dataset is null) == (options.DatasetJson is null))
        {
            throw new UsageException(
                dataset is null
                    ? "--fingerprint needs --dataset-json"
                    : "DATASET has its own dataset.json: leave out --dataset-json",
                "give the dataset.json with channels and labels, or the dataset's folder");
        }

        if (dataset is not null)
        {
            return dataset.Description;
        }

        return File.Exists(options.DatasetJson)
            ? DatasetDescription.FromJson(JsonFile.ReadText(options.DatasetJson), options.DatasetJson)
            : throw new SharpSegException(
                $"`{options.DatasetJson}`: no such file", "give the dataset.json with channels and labels");
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
