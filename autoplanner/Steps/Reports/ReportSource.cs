using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.Backends;

namespace SharpSeg.AutoPlanner.Steps.Reports;

/// <summary>
/// Gathers from a workspace what a report shows. A report is what one looks at when something is odd, so a damaged or missing
/// file leaves a gap, named in the report, and the rest is shown.
/// </summary>
internal sealed class ReportSource
{
    private readonly Workspace work;
    private readonly Backend processor;
    private readonly DatasetDescription description;
    private readonly List<string> gaps = [];
    private readonly IReadOnlyList<EvaluatedClass> classes;

    private ReportSource(Workspace work, Backend processor)
    {
        (this.work, this.processor) = (work, processor);
        description = work.ReadDescription();
        classes = EvaluatedClass.Of(description.Labels);
    }

    /// <summary>Reads a workspace.</summary>
    /// <param name="work">The workspace; all of its plans are shown.</param>
    /// <param name="processor">Says how much memory training takes; nothing is computed.</param>
    /// <exception cref="SharpSegException">It is no workspace.</exception>
    public static ReportContent Of(Workspace work, Backend processor) => new ReportSource(work, processor).Read();

    private ReportContent Read()
    {
        var plans = work.AllPlans();
        if (plans.Count == 0)
        {
            throw new SharpSegException(
                $"`{work.Folder}` has no plans: there is nothing to report", "`sharpseg plan DATASET -o WORK` makes them");
        }

        var runs = new List<RunFolder>();
        var shown = new List<ReportPlan>();
        foreach (var plan in plans)
        {
            if (Try(plan.ReadPlans) is { } read)
            {
                shown.Add(WithReasons(plan, read));
                runs.AddRange(read.Configurations.Keys.SelectMany(name => RunsOf(plan, name)));
            }
        }

        var best = File.Exists(work.BestFile) ? Try(() => BestModel.Read(work.BestFile)) : null;
        return new ReportContent
        {
            Title = description.Name,
            Labels = description.Labels,
            Scores = (best is null ? null : ScoresOf(best, runs)) ?? ScoresOf(runs),
            Runs = [.. runs.Select(run => run.Run)],
            Best = best,
            Plans = shown,
            Gaps = gaps,
        };
    }

    private sealed record RunFolder(ReportRunOf Run, EvaluationSummary? Summary);

    private IEnumerable<RunFolder> RunsOf(Workspace plan, string configuration)
    {
        var runs = plan.RunFolders(configuration);
        foreach (var run in runs.OrderBy(path => path.Length).ThenBy(path => path, StringComparer.Ordinal))
        {
            var fold = Workspace.FoldOf(run);
            var log = File.Exists(Workspace.LogFile(run)) ? Try(() => TrainingLog.Read(Workspace.LogFile(run))) : null;
            var scores = Workspace.SummaryFile(Workspace.ValidationFolder(run));
            var summary = File.Exists(scores) ? Try(() => SummaryJson.Read(scores, classes)) : null;
            var state = File.Exists(Workspace.FinalCheckpoint(run)) ? summary is null ? "trained, not scored" : "done"
                : log is null && !File.Exists(Workspace.LatestCheckpoint(run)) ? "left" : "begun";
            var shown = new ReportRunOf(
                plan.NameOf(configuration), TrainingMatrix.Name(fold), state, log, summary?.ForegroundDice);
            yield return new(shown, summary);
        }
    }

    /// <summary>The scores of what find-best chose, over all folds.</summary>
    private ReportScores? ScoresOf(BestModel best, List<RunFolder> runs)
    {
        var folder = FindBestRun.FolderOf(work, best.Winner);
        var postprocessed = Path.Combine(folder, "postprocessed");
        var file = Workspace.SummaryFile(best.Postprocessing.LabelSets.Count > 0 ? postprocessed : folder);
        return Try(() => SummaryJson.Read(file, classes)) is not { } summary
            ? null
            : ReportScores.Of(
                $"{best.Winner}, folds {string.Join(", ", best.Folds)}: what find-best chose"
                    + $"{(best.Postprocessing.LabelSets.Count > 0 ? ", postprocessed" : "")}",
                summary, FoldOf(runs));
    }

    /// <summary>
    /// Where nothing is chosen: the configuration with most scored cases, its folds together. A fold whose cases are scored in
    /// another one is left out.
    /// </summary>
    private static ReportScores? ScoresOf(List<RunFolder> runs)
    {
        var best = default((string Name, List<RunFolder> Folds, int Cases));
        foreach (var group in runs.Where(run => run.Summary?.Cases.Count > 0).GroupBy(run => run.Run.Configuration))
        {
            var (folds, seen) = (new List<RunFolder>(), new HashSet<string>(StringComparer.Ordinal));
            foreach (var run in group)
            {
                string[] ids = [.. run.Summary!.Cases.Select(item => item.CaseId)];
                if (!ids.Any(seen.Contains))
                {
                    seen.UnionWith(ids);
                    folds.Add(run);
                }
            }

            best = seen.Count > best.Cases ? (group.Key, folds, seen.Count) : best;
        }

        return best.Folds is null
            ? null
            : ReportScores.Of(
                $"{best.Name}, {Counted.Noun(best.Folds.Count, "fold")} {string.Join(", ", best.Folds.Select(run => run.Run.Fold))}",
                EvaluationSummary.Merge([.. best.Folds.Select(run => run.Summary!)]), FoldOf(best.Folds));
    }

    private static Func<string, string?> FoldOf(IEnumerable<RunFolder> runs)
    {
        var folds = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var run in runs.Where(run => run.Summary is not null))
        {
            foreach (var item in run.Summary!.Cases)
            {
                folds.TryAdd(item.CaseId, run.Run.Fold);
            }
        }

        return folds.GetValueOrDefault;
    }

    /// <summary>
    /// The rules are run again on the fingerprint. A plan that was made with other options, or edited, gets no reasons rather
    /// than wrong ones.
    /// </summary>
    private ReportPlan WithReasons(Workspace plan, Plans plans)
    {
        var fingerprint = File.Exists(plan.FingerprintFile) ? Try(() => FingerprintJson.Read(plan.FingerprintFile)) : null;
        var result = fingerprint is null ? null : Try(() => NetworkChoice.All.Where(choice => choice.Profile == plans.Profile)
            .Select(choice => Planner.Plan(fingerprint, description, choice.Options()))
            .FirstOrDefault(planned => IsSame(planned.Plans, plans)));
        var peaks = Try(() => PeakMemory.OfAll(plans, description, processor)) ?? new Dictionary<string, long>();
        return new(plan.Plan ?? Workspace.DefaultPlan, plans, result, peaks);
    }

    private static bool IsSame(Plans planned, Plans stored)
    {
        // Data identifiers name folders, which several plans in one workspace may share or not.
        Plans WithoutFolders(Plans plans) => plans with
        {
            Configurations = plans.Configurations.ToDictionary(
                pair => pair.Key, pair => pair.Value with { DataIdentifier = "" }, StringComparer.Ordinal),
        };
        return PlansJson.ToJson(WithoutFolders(planned)) == PlansJson.ToJson(WithoutFolders(stored));
    }

    private T? Try<T>(Func<T?> read) where T : class
    {
        try
        {
            return read();
        }
        catch (SharpSegException error)
        {
            gaps.Add(error.Message);
            return null;
        }
    }
}
