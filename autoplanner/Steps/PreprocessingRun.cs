using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.Backends;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>What a run over a dataset did.</summary>
/// <param name="Folder">Where the cases are stored.</param>
/// <param name="CaseIds">All cases, in the dataset's order.</param>
/// <param name="Written">How many were computed now.</param>
/// <param name="Reused">How many were complete, undamaged and up to date already.</param>
public sealed record PreprocessingReport(string Folder, IReadOnlyList<string> CaseIds, int Written, int Reused);

/// <summary>
/// Preprocesses all training cases of a dataset into a workspace: cases in parallel, as many at once as fit into memory. It can
/// be interrupted at any moment; cases that are complete, undamaged and made by the same recipe from the same files are not
/// redone.
/// </summary>
public static class PreprocessingRun
{
    /// <summary>Preprocesses one configuration; cases that are done are kept.</summary>
    /// <param name="dataset">Where the images are; only read.</param>
    /// <param name="work">Where the cases are written: <see cref="Workspace.PreprocessedFolder"/>.</param>
    /// <param name="plans">The plans.</param>
    /// <param name="configuration">Name of one of their configurations.</param>
    /// <param name="openProcessor">Opens the processor with a number of threads; each worker opens its own.</param>
    /// <param name="reporter">Receives progress after every case.</param>
    /// <param name="cancel">Stops before the next case; what is stored stays valid.</param>
    /// <param name="budget">Memory that may be taken; null for what the machine has.</param>
    /// <exception cref="SharpSegException">
    /// The dataset is no longer the one that was planned, or a case is unusable (<see cref="CasesFailedException"/>); all
    /// others are stored.
    /// </exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static PreprocessingReport Execute(
        Dataset dataset, Workspace work, Plans plans, string configuration, Func<int, Backend> openProcessor, IReporter reporter,
        CancellationToken cancel, MemoryBudget? budget = null)
    {
        reporter.WritesTo(work.Folder);
        WorkspaceGuard.RequireUnchanged(work, dataset);
        reporter.Stage($"preprocess {configuration}");
        var plan = plans.Resolve(configuration);
        return Execute(
            dataset, PreprocessingRecipe.From(plans, plan), work.PreprocessedFolder(plan), openProcessor,
            progress: (done, of) =>
                reporter.Progress((double)done / of, $"case {done}/{of}"), budget: budget, info: reporter.Info,
            warn: reporter.Warning, cancel: cancel);
    }

    /// <summary>Runs a recipe into a folder.</summary>
    /// <param name="dataset">Where the images are; only read.</param>
    /// <param name="recipe">What is done to every case.</param>
    /// <param name="folder">Where the cases are written.</param>
    /// <param name="openProcessor">Opens the processor with a number of threads; each worker opens its own.</param>
    /// <param name="workers">Maximum number of cores; 0 = all.</param>
    /// <param name="progress">Called with finished and total cases, from any thread, one call at a time.</param>
    /// <param name="budget">Memory that may be taken; null for what the machine has.</param>
    /// <param name="info">Receives the memory plan.</param>
    /// <param name="warn">Receives a line for every case that failed.</param>
    /// <param name="cancel">Stops before the next case.</param>
    internal static PreprocessingReport Execute(
        Dataset dataset, PreprocessingRecipe recipe, string folder, Func<int, Backend> openProcessor, int workers = 0,
        Action<int, int>? progress = null, MemoryBudget? budget = null, Action<string>? info = null,
        Action<string>? warn = null, CancellationToken cancel = default)
    {
        recipe.RequireLabelInterpolation();
        using var alone = RunLock.Take(folder, "preprocessed");
        var cases = dataset.TrainingCases;
        var scheme = dataset.Description.Labels;
        workers = workers > 0 ? workers : Environment.ProcessorCount;
        var memory = PlanMemory(cases, recipe, budget ?? MemoryBudget.OfMachine(), workers, info);
        var gate = new MemoryGate(memory.BytesForCases);
        var failures = new CaseFailures(cases.Count, warn ?? (_ => { }));

        int finished = 0, written = 0, reused = 0;
        var report = new object();
        var options = new ParallelOptions { MaxDegreeOfParallelism = Math.Min(workers, cases.Count), CancellationToken = cancel };
        try
        {
            // A worker keeps its processor: its memory serves one case after the other.
            Parallel.For(0, cases.Count, options, () => openProcessor(1), (index, state, own) =>
            {
                var item = cases[index];
                bool? isStored = null;
                failures.Try(item.Id, () => isStored = StoreUnlessUpToDate(index, own));
                lock (report)
                {
                    written += isStored == false ? 1 : 0;
                    reused += isStored == true ? 1 : 0;
                    progress?.Invoke(++finished, cases.Count);
                }

                return own;
            },
            own => own.Dispose());
        }
        catch (AggregateException errors) when (errors.InnerExceptions.OfType<SharpSegException>().Any())
        {
            var first = errors.InnerExceptions.OfType<SharpSegException>()
                .OrderBy(error => error.Message, StringComparer.Ordinal).First();
            throw new SharpSegException(first.Message, first.Hint, errors);
        }

        failures.ThrowIfAny([.. cases.Select(item => item.Id).Where(id => StoredCase.Exists(folder, id))]);
        return new PreprocessingReport(folder, [.. cases.Select(item => item.Id)], written, reused);

        bool StoreUnlessUpToDate(int index, Backend own)
        {
            var item = cases[index];
            var hash = recipe.CaseHash(item, scheme);
            if (IsUpToDate(folder, item.Id, hash))
            {
                return true;
            }

            var bytes = memory[index];
            using (gate.Enter(bytes))
            {
                cancel.ThrowIfCancellationRequested(); // it may have waited for long
                // Cases too large to run side by side share the cores inside the case instead.
                var atOnce = Math.Clamp(memory.BytesForCases / Math.Max(bytes, 1), 1, Math.Min(workers, cases.Count));
                var threads = (int)Math.Max(1, workers / atOnce);
                memory.Run(index, () =>
                {
                    using var wide = threads > 1 ? openProcessor(threads) : null;
                    Store(dataset, item, recipe, scheme, folder, hash, wide ?? own);
                });
            }

            return false;
        }
    }

    private static void Store(
        Dataset dataset, DatasetCase item, PreprocessingRecipe recipe, LabelScheme scheme, string folder, string hash,
        Backend processor)
    {
        var preprocessed = Preprocessor.Consume(
            item.Id, dataset.LoadImage(item), () => dataset.LoadLabels(item), recipe, scheme, processor);
        var properties =
            preprocessed.Properties with { SourceFiles = item.ImageFiles, LabelFile = item.LabelFile, RecipeHash = hash };
        StoredCase.Save(folder, preprocessed with { Properties = properties });
    }

    private static bool IsUpToDate(string folder, string caseId, string hash)
    {
        if (!StoredCase.Exists(folder, caseId))
        {
            return false;
        }

        try
        {
            using var stored = StoredCase.Open(folder, caseId);
            if (stored.Properties.RecipeHash != hash)
            {
                return false;
            }

            stored.Verify();
            return true;
        }
        catch (SharpSegException)
        {
            // Damaged or from another version: the cure is to redo it, which is what false means.
            return false;
        }
    }

    /// <summary>
    /// Memory of each case (docs/method/memory.md §3); says what the largest takes and how many cases go side by side, and
    /// refuses a case that does not fit alone.
    /// </summary>
    private static SideBySide PlanMemory(
        IReadOnlyList<DatasetCase> cases, PreprocessingRecipe recipe, MemoryBudget budget, int workers, Action<string>? info)
    {
        long disk = 0;
        var needs = cases.Select(item => CaseNeed.Of(item.Id, item.ImageFiles[0], image =>
        {
            var memory = PreprocessingMemory.Of(image, recipe, hasLabels: true);
            disk += memory.ResultBytes;
            return memory.PeakBytes;
        })).ToArray();
        return SideBySide.Plan(needs, budget, "a machine with more memory, or a coarser spacing", info, workers, disk);
    }
}

/// <summary>
/// Lets pieces of work run at once only while their estimated memory fits a budget. One piece may always run, however large it
/// is.
/// </summary>
internal sealed class MemoryGate(long budgetBytes)
{
    private readonly object door = new();
    private long usedBytes;
    private int running;

    /// <summary>Waits until the bytes fit; dispose the result when the work is done.</summary>
    public IDisposable Enter(long bytes)
    {
        lock (door)
        {
            while (running > 0 && usedBytes + bytes > budgetBytes)
            {
                Monitor.Wait(door);
            }

            usedBytes += bytes;
            running++;
        }

        return new Pass(this, bytes);
    }

    private void Leave(long bytes)
    {
        lock (door)
        {
            usedBytes -= bytes;
            running--;
            Monitor.PulseAll(door);
        }
    }

    private sealed class Pass(MemoryGate gate, long bytes) : IDisposable
    {
        private int left;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref left, 1) == 0)
            {
                gate.Leave(bytes);
            }
        }
    }
}
