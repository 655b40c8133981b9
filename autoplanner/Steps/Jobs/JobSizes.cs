using SharpSeg.AutoPlanner.Batches;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.Backends;

namespace SharpSeg.AutoPlanner.Steps.Jobs;

/// <summary>
/// How much memory of the host each kind of task asks for, by the memory plans of its steps (docs/method/memory.md), with
/// something for what they do not count: a cluster kills what takes more.
/// </summary>
internal sealed class JobSizes
{
    private const double Margin = 1.25;
    private const long Unit = 250_000_000;          // asked for in steps of so many bytes
    private const long Least = 2_000_000_000;
    private const long PredictionLimit = 32_000_000_000; // beyond it, outputs go through a file
    private const int AveragedAtOnce = 4;           // cases, by find-best
    private const int PatchesPerThread = 3;         // read, augmented, waiting

    private readonly Plans plans;
    private readonly DatasetDescription description;
    private readonly Backend processor;
    private readonly IReadOnlyList<ImageGeometry> cases;

    /// <summary>Reads the sizes of all cases: their headers, else the fingerprint.</summary>
    /// <param name="work">A planned workspace.</param>
    /// <param name="dataset">Its dataset; null without images.</param>
    /// <param name="processor">Says what computing on the processor takes.</param>
    public JobSizes(Workspace work, Dataset? dataset, Backend processor)
    {
        (plans, description, this.processor) = (work.ReadPlans(), work.ReadDescription(), processor);
        if (dataset is not null)
        {
            cases = [.. dataset.TrainingCases.Select(item => ImageFile.ReadGeometry(item.ImageFiles[0]))];
        }
        else
        {
            var fingerprint = FingerprintJson.Read(work.FingerprintFile);
            cases = [.. fingerprint.ShapesAfterCrop.Zip(
                fingerprint.Spacings, (shape, spacing) => new ImageGeometry(shape, spacing, new double[12], "", []))];
        }
    }

    /// <summary>Preprocessing with so many threads; the step keeps to what it is given.</summary>
    public long Preprocessing(string configuration, int cpus)
    {
        var recipe = PreprocessingRecipe.From(plans, plans.Resolve(configuration));
        var largest = cases.Max(item => PreprocessingMemory.Of(item, recipe, hasLabels: true).PeakBytes);
        return Asked(largest * Math.Min(cpus, cases.Count));
    }

    /// <summary>Training, with the prediction of the validation cases.</summary>
    /// <param name="configuration">Its name.</param>
    /// <param name="cpus">Threads that make batches.</param>
    /// <param name="onDevice">The network computes in a device's own memory.</param>
    public long Training(string configuration, int cpus, bool onDevice)
    {
        var plan = plans.Resolve(configuration);
        var initial = PatchGeometry.For(plans.Profile, plan.Patch, plan.Is2D).Initial.Voxels;
        var batches = initial * sizeof(float) * (description.ChannelNames.Count + 2) * PatchesPerThread * (cpus + plan.BatchSize);
        var step = PeakMemory.Training(plans.Profile, plan, description, processor);
        var training = batches + (onDevice ? step.Weights + step.Gradients + step.Optimizer : step.Total);
        var memory = new PredictionMemory(
            plans, plan, description, folds: 1, new InferenceOptions(), new MemoryBudget(PredictionLimit, IsGiven: false),
            processor);
        return Asked(Math.Max(training, cases.Max(item => memory.Of(item, needsMaps: true).PeakBytes)));
    }

    /// <summary>Averaging and scoring the candidates of a comparison.</summary>
    public long Choosing() => Asked(
        AveragedAtOnce * cases.Max(item => item.Extent.Voxels) * sizeof(float) * ((2L * description.Labels.HeadCount) + 4));

    /// <summary>Writing a model to a file.</summary>
    public static long Exporting => Least;

    private static long Asked(long bytes)
    {
        var wanted = (long)(bytes * Margin) + (2 * MemoryBudget.ProgramBytes);
        return Math.Max(Least, (wanted + Unit - 1) / Unit * Unit);
    }
}
