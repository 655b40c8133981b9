using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.Backends;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>How a matrix is trained.</summary>
/// <param name="Seed">Seed of every run.</param>
/// <param name="Length">How long a run trains, when so many are left with it.</param>
/// <param name="SkipDone">Leave alone what is done; else its scores are made again.</param>
/// <param name="Resume">Continue runs that were interrupted.</param>
/// <param name="Probabilities">How the probabilities of every run are kept; those that the matrix will average are kept
/// anyway.</param>
/// <param name="Surface">Also measure HD95 and NSD.</param>
/// <param name="Pretrained">From which other network new runs of a configuration start; null for random weights.</param>
/// <param name="TimeLeft">Time until everything must be done, validation included; null if there is no such time.</param>
/// <param name="Variant">In what the runs depart from their profile; null in nothing.</param>
public sealed record MatrixRequest(
    ulong Seed, Func<TrainingJob, int, TrainingLength> Length, bool SkipDone, bool Resume,
    SavedProbabilities Probabilities = SavedProbabilities.None, bool Surface = true,
    Func<string, PretrainedStart>? Pretrained = null, Func<TimeSpan>? TimeLeft = null, TrainingVariant? Variant = null)
{
    /// <summary>Memory that may be taken; null for what the machine has.</summary>
    public MemoryBudget? MaxMemory { get; init; }

    /// <summary>How the probabilities of a run are kept.</summary>
    internal SavedProbabilities Kept(TrainingMatrix matrix, MatrixCell cell) =>
        Probabilities == SavedProbabilities.None && matrix.KeepsProbabilities(cell) ? SavedProbabilities.Compact : Probabilities;
}

/// <summary>A run of the matrix that was trained in this session.</summary>
/// <param name="Cell">Which.</param>
/// <param name="Job">What was trained.</param>
/// <param name="Result">How it went.</param>
public sealed record MatrixOutcome(MatrixCell Cell, TrainingJob Job, TrainingResult Result);

/// <summary>
/// Trains, validates and scores the runs of a matrix, one after the other, or one on each device; a cascade's second stage
/// waits for all folds of its first.
/// </summary>
public static class MatrixRun
{
    /// <summary>Runs what is not done, on one device.</summary>
    /// <exception cref="SharpSegException">A run cannot start or diverged; the runs before it are done.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; the state is saved.</exception>
    public static IReadOnlyList<MatrixOutcome> Execute(
        Workspace work, Dataset dataset, TrainingMatrix matrix, MatrixRequest request, Backend backend, IReporter reporter,
        CancellationToken cancel) =>
        Execute(work, dataset, matrix, request, [new NamedDevice(backend.Name, backend)], reporter, cancel);

    /// <summary>Runs what is not done, one run on each device at a time.</summary>
    /// <exception cref="SharpSegException">
    /// A run cannot start or diverged. With one device, the runs before it are done; with several, all others but those that need
    /// it.
    /// </exception>
    /// <exception cref="OperationCanceledException">Cancelled; the state is saved.</exception>
    public static IReadOnlyList<MatrixOutcome> Execute(
        Workspace work, Dataset dataset, TrainingMatrix matrix, MatrixRequest request, IReadOnlyList<NamedDevice> devices,
        IReporter reporter, CancellationToken cancel)
    {
        var plans = work.ReadPlans();
        RequireCascade(request.Variant, matrix, plans);
        reporter.WritesTo(work.Folder);
        if (request.SkipDone || request.Resume)
        {
            RequireAsAsked(work, matrix, request);
        }

        RequireDisk(work, matrix, request, reporter);
        var all = new DeviceWork(devices, reporter, cancel);
        return all.Run(
            [.. matrix.Cells.Where(cell => !(request.SkipDone && matrix.IsDone(cell)))],
            (cell, other) => plans.Resolve(cell.Configuration).PreviousStage == other.Configuration,
            cell => $"{cell.Configuration} fold {TrainingMatrix.Name(cell.Fold)}", Prepare,
            (prepared, backend, own) => new MatrixOutcome(
                prepared.Cell, prepared.Job,
                TrainingRun.Execute(prepared.Job, dataset, prepared.Training, backend, own, cancel)));

        (MatrixCell Cell, TrainingJob Job, TrainingRequest Training) Prepare(DeviceWork.Beginning<MatrixCell> beginning)
        {
            var cell = beginning.Piece;
            if (matrix.Cells.Count > 1)
            {
                ShowTable(matrix, beginning, reporter);
            }

            var job = JobOf(work, cell, request);
            var resume = request.Resume
                && (
                    matrix.Cells.Count == 1 || ResumePoint.Find(job) is not null
                        || File.Exists(Workspace.FinalCheckpoint(job.Folder)));
            return (cell, job, new TrainingRequest(
                request.Length(job, all.Rounds(beginning.Left)), resume, request.Kept(matrix, cell),
                request.Surface, request.TimeLeft, all.Share(request.MaxMemory)));
        }
    }

    /// <summary>
    /// Refuses runs that have ended as something else than what is asked for, before any other begins: the matrix would be of
    /// both kinds.
    /// </summary>
    /// <exception cref="SharpSegException">One has.</exception>
    internal static void RequireAsAsked(Workspace work, TrainingMatrix matrix, MatrixRequest request)
    {
        foreach (var cell in matrix.Cells.Where(
            cell => File.Exists(Workspace.FinalCheckpoint(work.RunFolder(cell.Configuration, cell.Fold)))))
        {
            var job = JobOf(work, cell, request, isFinished: true);
            TrainingSession.RequireAsAsked(job, request.Length(job, 1));
        }
    }

    private static TrainingJob JobOf(Workspace work, MatrixCell cell, MatrixRequest request, bool isFinished = false) =>
        TrainingJob.Open(work, cell.Configuration, cell.Fold, request.Seed, isFinished) with
        {
            Pretrained = request.Pretrained?.Invoke(cell.Configuration),
            Variant = request.Variant ?? new(),
        };

    private static void ShowTable(TrainingMatrix matrix, DeviceWork.Beginning<MatrixCell> beginning, IReporter reporter)
    {
        reporter.Info(
            $"{matrix.Cells.Count(matrix.IsDone)} of {matrix.Cells.Count} runs done");
        foreach (var row in matrix.Table(beginning.Running).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            reporter.Info(row);
        }
    }

    /// <summary>Refuses to leave out what none of the runs has.</summary>
    private static void RequireCascade(TrainingVariant? variant, TrainingMatrix matrix, Plans plans)
    {
        if (variant?.Without is { } parts && parts != AugmentationParts.All && parts.HasFlag(AugmentationParts.Cascade)
            && matrix.Cells.All(cell => plans.Resolve(cell.Configuration).PreviousStage is null))
        {
            throw new SharpSegException(
                "--augmentation no-cascade: none of the configurations is the second stage of a cascade", "leave it out");
        }
    }

    /// <summary>Says what the runs will write, and refuses what does not fit on the disk.</summary>
    private static void RequireDisk(Workspace work, TrainingMatrix matrix, MatrixRequest request, IReporter reporter)
    {
        var (weights, probabilities) = matrix.DiskBytes(cell => request.Kept(matrix, cell));
        var free = new DriveInfo(work.Folder).AvailableFreeSpace;
        var need = $"{MemoryPlan.Size(weights)} of weights"
            + (probabilities > 0
                ? $" and up to about {MemoryPlan.Size(probabilities)} of validation probabilities, which comparing pairs of "
                    + "configurations needs"
                : "");
        if (weights + probabilities > free)
        {
            throw new SharpSegException(
                $"`{work.Folder}`: the runs write {need}; the disk has room for {MemoryPlan.Size(free)}",
                "free space, or take fewer folds or configurations");
        }

        if (matrix.Cells.Count > 1)
        {
            reporter.Info($"on disk: {need}; {MemoryPlan.Size(free)} are free");
        }
    }
}
