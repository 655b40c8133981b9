using System.Globalization;
using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Training;

namespace SharpSeg.AutoPlanner.Steps.Jobs;

/// <summary>
/// What a training step and a predicted tile of a configuration took, and where: <c>speed/CONFIGURATION-device.json</c> or
/// <c>…-processor.json</c> beside the plan's runs. A later measurement replaces it.
/// </summary>
/// <param name="Configuration">Its name.</param>
/// <param name="SecondsPerStep">Of one training step.</param>
/// <param name="Batch">Patches in it.</param>
/// <param name="SecondsPerTile">Of one tile, one view, in prediction.</param>
/// <param name="Patch">Voxels of a patch, as text.</param>
/// <param name="Parameters">Of the network: another network has another speed.</param>
/// <param name="Device">On what.</param>
/// <param name="Threads">Of the processor.</param>
/// <param name="Node">Name of the machine.</param>
/// <param name="Date">When, UTC.</param>
public sealed record SpeedMeasurement(
    string Configuration, double SecondsPerStep, int Batch, double SecondsPerTile, string Patch, long Parameters, string Device,
    int Threads, string Node, DateTime Date)
{
    /// <summary>Where and when, in words.</summary>
    public string Where => $"on {Node} ({Device}), {Date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)}";

    /// <summary>What is recorded of a configuration; null if nothing is, or of another network.</summary>
    /// <param name="work">The workspace, seen through its plan.</param>
    /// <param name="plans">Its plans.</param>
    /// <param name="plan">The configuration.</param>
    /// <param name="onDevice">On a device of its own memory, or on the processor.</param>
    internal static SpeedMeasurement? Find(Workspace work, Plans plans, ConfigurationPlan plan, bool onDevice)
    {
        var file = work.SpeedFile(plan.Name, onDevice);
        if (!File.Exists(file))
        {
            return null;
        }

        var json = JsonFile.Read(file);
        var found = new SpeedMeasurement(
            plan.Name, json.RequiredNumber("seconds_per_step"), json.RequiredInt("batch"),
            json.RequiredNumber("seconds_per_tile"), json.RequiredText("patch"),
            json.RequiredLong("parameters"), json.RequiredText("device"), json.RequiredInt("threads"),
            json.RequiredText("node"), DateTime.TryParse(
                json.RequiredText("date"), CultureInfo.InvariantCulture,
                DateTimeStyles.AdjustToUniversal | DateTimeStyles.AssumeUniversal, out var date)
                ? date
                : throw json.Error("date", "not a date"));
        return found.Patch == plan.Patch.ToString() && found.Parameters == ParametersOf(plans, plan, work.ReadDescription())
            ? found
            : null;
    }

    /// <summary>Writes it.</summary>
    internal void Write(Workspace work, bool onDevice)
    {
        var file = work.SpeedFile(Configuration, onDevice);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        AtomicFile.WriteText(file, JsonFile.ToText(Json));
    }

    /// <summary>The file's content.</summary>
    public JsonObject Json => new()
    {
        ["configuration"] = Configuration, ["seconds_per_step"] = SecondsPerStep, ["batch"] = Batch,
        ["seconds_per_tile"] = SecondsPerTile, ["patch"] = Patch, ["parameters"] = Parameters, ["device"] = Device,
        ["threads"] = Threads, ["node"] = Node, ["date"] = Date.ToString("s", CultureInfo.InvariantCulture) + "Z",
    };

    internal static long ParametersOf(Plans plans, ConfigurationPlan plan, DatasetDescription description) =>
        StepMemory.ParametersOf(plan.NetworkFor(plans.Profile, description)).Sum(parameter => (long)parameter.Shape.Length);
}

/// <summary>
/// Measures a training step and a predicted tile of each configuration on random data: the speed from which jobs take their
/// time. It needs the plan, not the preprocessed data, and is best run on a node of the kind that will train.
/// </summary>
public static class MeasuringRun
{
    /// <summary>Measures, and records what was measured.</summary>
    /// <param name="work">A planned workspace.</param>
    /// <param name="configurations">Names; none for all that are planned.</param>
    /// <param name="backend">The device.</param>
    /// <param name="threads">Of the processor.</param>
    /// <param name="budget">Memory that may be taken; null for what the machine has.</param>
    /// <param name="reporter">Receives progress.</param>
    /// <param name="cancel">Ends between two steps.</param>
    /// <exception cref="SharpSegException">The workspace is not planned, or a configuration does not fit.</exception>
    public static IReadOnlyList<SpeedMeasurement> Execute(
        Workspace work, IReadOnlyList<string> configurations, Backend backend, int threads, MemoryBudget? budget,
        IReporter reporter, CancellationToken cancel)
    {
        var (plans, description) = (work.ReadPlans(), work.ReadDescription());
        string[] names = configurations.Count > 0 ? [.. configurations] : [.. plans.Configurations.Keys];
        var measured = new List<SpeedMeasurement>();
        foreach (var plan in names.Select(plans.Resolve).DistinctBy(plan => plan.Name).ToArray())
        {
            cancel.ThrowIfCancellationRequested();
            reporter.Stage($"measure {plan.Name}");
            var batch = TrainingSchedule.ProbeBatch(plan.BatchSize, plan.Is2D);
            var probed = plan with { BatchSize = batch };
            MemoryPlan.Require(plans.Profile, probed, description, backend);
            (budget ?? MemoryBudget.OfMachine()).Require(
                TrainingMemory.LearningBytes(plans.Profile, probed, description, backend, backend.HasOwnMemory), work.PlansFile,
                "a machine with more memory");
            var job = new TrainingJob
            {
                Folder = "", DataFolder = "", Plans = plans, Configuration = plan, Description = description, Fold = "0",
                TrainingCases = [], ValidationCases = [], Seed = TrainingJob.DefaultSeed,
            };
            var speed = SpeedProbe.Measure(job, backend, new InferenceOptions(), cancel);
            var measurement = new SpeedMeasurement(
                plan.Name, speed.SecondsPerStep, batch, speed.SecondsPerTile, plan.Patch.ToString(),
                SpeedMeasurement.ParametersOf(plans, plan, description), backend.Description, threads,
                SlurmTask.Current()?.Node ?? Environment.MachineName, DateTime.UtcNow);
            measurement.Write(work, backend.HasOwnMemory);
            measured.Add(measurement);
        }

        return measured;
    }
}
