using SharpSeg.AutoPlanner.Batches;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>
/// Memory of a fold, from its first step to its scores (docs/method/memory.md §5): the phases follow each other, and the largest
/// counts.
/// </summary>
internal static class TrainingMemory
{
    private const int SupervisedShare = 2;                // all supervised outputs have fewer than twice the first one's voxels

    /// <summary>Says what the phases take, and refuses what does not fit before anything is trained.</summary>
    /// <param name="job">What is trained.</param>
    /// <param name="request">How.</param>
    /// <param name="backend">Where.</param>
    /// <param name="reporter">Receives a line.</param>
    /// <returns>
    /// Bytes that training itself takes of the host, and whether surfaces are measured: they are left out where they alone do not
    /// fit.
    /// </returns>
    /// <exception cref="SharpSegException">A phase does not fit; the hint says which batch or patch does.</exception>
    public static (long Training, bool Surface) Plan(
        TrainingJob job, TrainingRequest request, Backend backend, IReporter reporter)
    {
        var budget = request.MaxMemory ?? MemoryBudget.OfMachine();
        var configuration = job.Configuration with
        {
            BatchSize = request.Length.Schedule?.BatchSize ?? job.Configuration.BatchSize,
        };
        if (!backend.HasOwnMemory)
        {
            var left = budget.Bytes - MemoryBudget.ProgramBytes - LoaderBytes(job.Plans.Profile, configuration, job.Description);
            var need = LearningBytes(job.Plans.Profile, configuration, job.Description, backend, onDevice: false);
            MemoryPlan.Require(
                job.Plans.Profile, configuration, job.Description, backend, left,
                $"beside the program and the batches in work {(budget.IsGiven ? "--max-memory leaves" : "there are")} "
                    + $"{MemoryBudget.Text(Math.Max(0, left))}",
                budget.IsGiven ? MemoryBudget.Enough(need) : "use a machine with more memory");
        }

        var training = LearningBytes(job.Plans.Profile, configuration, job.Description, backend, backend.HasOwnMemory);
        budget.Require(training, job.Folder, "a smaller --batch");

        var memory = new PredictionMemory(
            job.Plans, job.Configuration, job.Description, folds: 1, new InferenceOptions(), budget, backend);
        long validation = 0, scoring = 0, disk = 0;
        var surface = request.Surface;
        bool Fits(long bytes) => MemoryBudget.ProgramBytes + bytes <= budget.Bytes;
        foreach (var id in job.ValidationCases)
        {
            using var stored = StoredCase.Open(job.DataFolder, id);
            var need = memory.OfStored(stored.Properties, request.Probabilities);
            need.Require(
                budget, stored.Properties.SourceFiles[0],
                "a machine with more memory: the case is one of the fold's validation");
            var voxels = stored.Properties.ShapeBeforeCropping.Voxels;
            if (surface && !Fits(Evaluator.Bytes(voxels, surface: true)))
            {
                reporter.Warning(
                    $"HD95 and NSD are not measured: case `{id}` would take "
                        + $"{MemoryBudget.Text(MemoryBudget.ProgramBytes + Evaluator.Bytes(voxels, surface: true))} of "
                        + $"{MemoryBudget.Text(budget.Bytes)}");
                (surface, scoring) = (false, 0);
            }

            var score = Evaluator.Bytes(voxels, surface);
            (validation, scoring, disk) = (
                Math.Max(validation, need.PeakBytes), Math.Max(scoring, MemoryBudget.ProgramBytes + score),
                Math.Max(disk, need.DiskBytes));
        }

        reporter.Info(
            $"memory: training {MemoryBudget.Text(training)}, validation {MemoryBudget.Text(validation)}, scoring "
                + $"{MemoryBudget.Text(scoring)}; peak {MemoryBudget.Text(Math.Max(training, Math.Max(validation, scoring)))} of "
                + $"{MemoryBudget.Text(budget.Bytes)}"
            + (disk > 0 ? $"; disk at most {MemoryBudget.Text(disk)} a case" : ""));
        return (training, surface);
    }

    /// <summary>Bytes of the host while the network learns, the program included.</summary>
    /// <param name="profile">Decides the optimiser.</param>
    /// <param name="configuration">Network, patch, batch.</param>
    /// <param name="description">Channels and labels.</param>
    /// <param name="backend">Says what scratch it takes; nothing is computed.</param>
    /// <param name="onDevice">The network computes in a device's own memory: only what a checkpoint gathers comes back.</param>
    public static long LearningBytes(
        Profile profile, ConfigurationPlan configuration, DatasetDescription description, Backend backend, bool onDevice)
    {
        var step = MemoryPlan.Of(profile, configuration, description, backend);
        return MemoryBudget.ProgramBytes + LoaderBytes(profile, configuration, description)
            + (onDevice ? step.Weights + step.Optimizer : step.Total);
    }

    /// <summary>Batches that wait or are handed over, and samples in work on every thread.</summary>
    private static long LoaderBytes(Profile profile, ConfigurationPlan configuration, DatasetDescription description)
    {
        var geometry = PatchGeometry.For(profile, configuration.Patch, configuration.Is2D);
        long channels = description.ChannelNames.Count;
        var masks = configuration.MaskLabels(description.Labels).Count;
        var targets = SupervisedShare * new SupervisionTargets(
            description.Labels.HasRegions ? description.Labels.Regions : [], description.Labels.IgnoreLabel).Channels;
        var batches = BatchLoader.MostBatches * configuration.BatchSize * geometry.Patch.Voxels * sizeof(float)
            * (channels + masks + targets);
        return batches + (BatchLoader.MostBuilders * geometry.SampleBytes(channels));
    }
}
