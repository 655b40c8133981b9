using SharpSeg.AutoPlanner.Batches;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.Backends;

namespace SharpSeg.AutoPlanner.Steps.Jobs;

/// <summary>
/// How much memory of the host and how many threads each kind of task asks for: memory by the plans of its steps
/// (docs/method/memory.md), with something for what they do not count, because a cluster kills what takes more; threads by what
/// the step does side by side, because more of them would stand idle.
/// </summary>
internal sealed class JobSizes
{
    /// <summary>Threads of a task whose work can be divided at will: a usual share of a node.</summary>
    public const int UsualCpus = 8;

    private const double Margin = 1.25;
    private const long Unit = 250_000_000;          // asked for in steps of so many bytes
    private const long Least = 2_000_000_000;
    private const long PredictionLimit = 32_000_000_000; // beyond it, outputs go through a file
    private const long VoxelsPerThread = 1 << 15;   // of a batch; with fewer, threads of a step mostly wait for each other
    private const int DeviceThreads = 1;            // hands the device its work

    private readonly Plans plans;
    private readonly DatasetDescription description;
    private readonly Backend processor;
    private readonly IReadOnlyList<ImageGeometry> cases;
    private readonly JobSite site;
    private readonly int mostCpus;

    /// <summary>Reads the sizes of all cases: their headers, else the fingerprint.</summary>
    /// <param name="work">A planned workspace.</param>
    /// <param name="dataset">Its dataset; null without images.</param>
    /// <param name="processor">Says what computing on the processor takes.</param>
    /// <param name="site">Says whether there are devices, and numbers that count instead of planned ones.</param>
    /// <param name="mostCpus">Threads that a task can have at most.</param>
    public JobSizes(Workspace work, Dataset? dataset, Backend processor, JobSite site, int mostCpus)
    {
        (plans, description, this.processor) = (work.ReadPlans(), work.ReadDescription(), processor);
        (this.site, this.mostCpus) = (site, mostCpus);
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

    /// <summary>The training cases, as their files have them.</summary>
    public IReadOnlyList<ImageGeometry> Cases => cases;

    /// <summary>Preprocessing: cases go side by side, and the step keeps to the memory that it is given.</summary>
    public JobShare Preprocessing(IEnumerable<string> configurations)
    {
        var cpus = Cpus(Math.Min(UsualCpus, cases.Count));
        var largest = configurations.Select(plans.Resolve).Max(configuration => cases.Max(
            item => PreprocessingMemory.Of(item, PreprocessingRecipe.From(plans, configuration), hasLabels: true).PeakBytes));
        return Share(largest * Math.Min(cpus, cases.Count), cpus);
    }

    /// <summary>
    /// Training, with the prediction and the scores of the validation cases: on a device threads only make batches; on the
    /// processor they share the voxels of a batch.
    /// </summary>
    /// <param name="configuration">Its name.</param>
    /// <param name="batch">Patches per iteration.</param>
    public JobShare Training(string configuration, int batch)
    {
        var plan = plans.Resolve(configuration) with { BatchSize = batch };
        var onDevice = site.Gres is not null;
        var learning = TrainingMemory.LearningBytes(plans.Profile, plan, description, processor, onDevice);
        var memory = new PredictionMemory(
            plans, plan, description, folds: 1, new InferenceOptions(), new MemoryBudget(PredictionLimit, IsGiven: false),
            processor);
        var after = cases.Max(item => Math.Max(
            memory.Of(item, needsMaps: true).PeakBytes - MemoryBudget.ProgramBytes,
            Evaluator.Bytes(item.Extent.Voxels, surface: true)));
        var cpus = onDevice
            ? BatchLoader.MostBuilders + DeviceThreads
            : (int)Math.Clamp(batch * plan.Patch.Voxels / VoxelsPerThread, 1, UsualCpus);
        return Share(Math.Max(learning - MemoryBudget.ProgramBytes, after), Cpus(cpus));
    }

    /// <summary>Averaging and scoring the candidates of a comparison: cases go side by side.</summary>
    public JobShare Choosing()
    {
        var cpus = Cpus(Math.Min(FindBestRun.MostAveragedAtOnce, cases.Count));
        var largest = cases.MaxBy(item => item.Extent.Voxels)!.Extent;
        return Share(
            cpus * Math.Max(
                EnsembleMembers.Bytes(largest, description.Labels, members: 2), Evaluator.Bytes(largest.Voxels, surface: true)),
            cpus);
    }

    /// <summary>Copying to one file, or looking at files: one after the other.</summary>
    public static JobShare Files(JobSite site) => new(site.MemoryBytes ?? Least, 1);

    /// <summary>Threads of prediction: beside a device they make tiles ready and bring results to the scan's grid.</summary>
    public static int PredictionCpus(JobSite site, int mostCpus) => site.Cpus
        ?? Math.Min(mostCpus, site.Gres is not null ? BatchLoader.MostBuilders + DeviceThreads : UsualCpus);

    private int Cpus(int planned) => site.Cpus ?? Math.Clamp(planned, 1, mostCpus);

    /// <param name="bytes">Beside the program.</param>
    /// <param name="cpus">Threads.</param>
    private JobShare Share(long bytes, int cpus)
    {
        var wanted = (long)(bytes * Margin) + (2 * MemoryBudget.ProgramBytes);
        return new(site.MemoryBytes ?? Math.Max(Least, (wanted + Unit - 1) / Unit * Unit), cpus);
    }
}

/// <summary>Memory of the host and threads of one task.</summary>
/// <param name="MemoryBytes">Bytes.</param>
/// <param name="Cpus">Threads.</param>
internal sealed record JobShare(long MemoryBytes, int Cpus);
