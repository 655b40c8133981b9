using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Steps.Jobs;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Kernels.Cpu;

namespace SharpSeg.AutoPlanner.Tests.Steps.Jobs;

/// <summary>A workspace of large scans that was planned without images: all four configurations, five folds.</summary>
internal sealed class PlannedWorkspace : IDisposable
{
    private const string Fingerprint =
        """{"spacings": [SPACINGS], "shapes_after_crop": [SHAPES], "foreground_intensity_properties_per_channel": {"0": {"mean": 1, "median": 1, "std": 1, "min": 0, "max": 2, "percentile_00_5": 0, "percentile_99_5": 2}}, "median_relative_size_after_cropping": 1.0}""";

    private readonly TemporaryFolder temporary = new();

    public PlannedWorkspace(string name = "work", int cases = 10)
    {
        static string Repeat(string text, int times) => string.Join(", ", Enumerable.Repeat(text, times));
        Folder = Path.Combine(temporary.Path, name);
        Directory.CreateDirectory(Folder);
        var source = Path.Combine(temporary.Path, "fingerprint.json");
        File.WriteAllText(source, Fingerprint.Replace("SPACINGS", Repeat("[2.0, 1.0, 1.0]", cases), StringComparison.Ordinal)
            .Replace("SHAPES", Repeat("[200, 400, 400]", cases), StringComparison.Ordinal));
        var description = DatasetDescription.FromJson(
            """{"channel_names": {"0": "MRI"}, "labels": {"background": 0, "organ": 1}, "numTraining": 10, "file_ending": ".nii.gz"}""",
            "dataset.json");
        PlanningRun.FromFingerprint(
            FingerprintJson.Read(source), description, null, new Workspace(Folder), NetworkChoice.UNet.Options());
    }

    public string Folder { get; }

    public string Jobs => Path.Combine(Folder, "jobs");

    /// <summary>Writes the scripts.</summary>
    public JobReport Write(JobSite? site = null, string[]? configurations = null, string[]? folds = null, bool dryRun = true,
        string[]? program = null)
    {
        using var processor = Cpu.Open();
        return JobsRun.Train(
            new TrainingJobsRequest(
                new Workspace(Folder), configurations ?? [], folds ?? [], ["--epochs", "3"], "auto", "jobs train")
            {
                Length = new ScheduleChange(Epochs: 3),
                Runs = new MatrixRequest(
                    TrainingJob.DefaultSeed, (_, _) => TrainingLength.Of(TrainingSchedule.Full(2)), SkipDone: true, Resume: true),
            },
            site ?? new JobSite(), new JobsPlace(dryRun, null, [], program ?? ["/opt/sharp seg/sharpseg"]), processor,
            SilentReporter.Instance, CancellationToken.None);
    }

    public string Script(string name) => File.ReadAllText(Path.Combine(Jobs, name));

    public void Dispose() => temporary.Dispose();
}
