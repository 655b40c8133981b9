using System.Globalization;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;

namespace SharpSeg.AutoPlanner.Steps.Jobs;

/// <summary>How the runs of a matrix are trained.</summary>
/// <param name="Options">Words of `train` that every run gets as they are, e.g. --epochs 100.</param>
/// <param name="Device">What --device says.</param>
/// <param name="Length">What is asked of every run's length.</param>
/// <param name="Kept">How the probabilities of every run are kept; those that will be averaged are kept anyway.</param>
internal sealed record TrainingStyle(
    IReadOnlyList<string> Options, string Device, ScheduleChange Length, SavedProbabilities Kept);

/// <summary>
/// The whole method as a graph: preprocess → first stage of a cascade on all folds → second stage, other configurations beside
/// them → find-best → export. What is done already is marked; an array waits for just the tasks that make what it reads.
/// </summary>
internal static class TrainingGraph
{
    /// <summary>Builds the graph.</summary>
    /// <param name="work">The workspace.</param>
    /// <param name="matrix">The runs.</param>
    /// <param name="style">How they are trained.</param>
    /// <param name="site">What each task is given.</param>
    /// <param name="sizes">Memory and threads of the tasks.</param>
    /// <param name="isDone">Whether a task of the graph before, which did the same, ended well.</param>
    public static JobGraph Of(
        Workspace work, TrainingMatrix matrix, TrainingStyle style, JobSite site, JobSizes sizes, Func<JobStage, bool> isDone)
    {
        var plans = work.ReadPlans();
        string[] plan = work.Plan is { } name ? ["--plan", name] : [];
        string Data(string configuration) => plans.Resolve(configuration).DataIdentifier;
        var times = new JobTimes(work, plans, sizes, site, style.Length);

        // Configurations that share their data are preprocessed once.
        string[] prepared = [.. matrix.Configurations.DistinctBy(Data)];
        int PreparedIndex(string configuration) => Array.FindIndex(prepared, other => Data(other) == Data(configuration));
        var isNeeded = new bool[prepared.Length];
        var trainings = new List<JobStage>();
        foreach (var configuration in matrix.Configurations)
        {
            var cells = matrix.Cells.Where(cell => cell.Configuration == configuration).ToArray();
            JobItem[] items = [.. cells.Select(cell => new JobItem(
                IndexOf(cell, cells), TrainingMatrix.Name(cell.Fold), matrix.IsDone(cell)))];
            var resolved = plans.Resolve(configuration);

            // A first stage writes its validation segmentations on the next one's grid.
            string[] read = [configuration, .. resolved.NextStages.Where(matrix.Configurations.Contains)];
            List<JobNeed> needs = [.. read.Select(PreparedIndex).Distinct().Select(index => new JobNeed("preprocess", index))];
            if (resolved.PreviousStage is { } first && matrix.Configurations.Contains(first))
            {
                needs.Add(new JobNeed(TrainingName(first)));
            }

            foreach (var need in needs.Where(need => need.Index is not null && items.Any(item => !item.IsDone)))
            {
                isNeeded[need.Index!.Value] = true;
            }

            var keeps = style.Kept == SavedProbabilities.None && cells.Any(matrix.KeepsProbabilities);
            var share = sizes.Training(configuration, style.Length.Batch ?? resolved.BatchSize);
            trainings.Add(new JobStage(
                TrainingName(configuration), items,
                [
                    "train", JobWord.Folder(), .. Literals(plan), "-c", configuration, "-f", JobWord.Item, "--resume",
                    .. Literals(keeps ? ["--save-probabilities"] : []), .. Literals(style.Options),
                    "--threads", JobWord.Cpus, "--max-memory", JobWord.Memory,
                    "--device", new JobWord(JobWordKind.Device, style.Device),
                ],
                needs, JobResources.Of(share, times.Training(configuration, share.Cpus), site.Gres)));
        }

        var preprocess = new JobStage(
            "preprocess", [.. prepared.Select((configuration, i) => new JobItem(i, configuration, !isNeeded[i]))],
            [
                "preprocess", JobWord.Folder(), .. Literals(plan), "-c", JobWord.Item, "--max-memory", JobWord.Memory,
            ],
            [], JobResources.Of(sizes.Preprocessing(prepared), times.Usual));
        return new JobGraph(
            [preprocess, .. trainings, .. Closing(matrix, trainings, plans, work, site, sizes, times.Usual, isDone)]);
    }

    /// <summary>Choosing the best model, where folds can be compared, and writing it to one file.</summary>
    private static IEnumerable<JobStage> Closing(
        TrainingMatrix matrix, List<JobStage> trainings, Plans plans, Workspace work, JobSite site, JobSizes sizes,
        JobTime time, Func<JobStage, bool> isDone)
    {
        var trained = trainings.All(stage => stage.Items.All(item => item.IsDone));
        JobNeed[] needs = [.. trainings.Select(stage => new JobNeed(stage.Name))];
        JobStage Single(string name, IReadOnlyList<JobWord> words, JobNeed[] needs, JobShare share, string file)
        {
            var stage = new JobStage(name, [new JobItem(0, "")], words, needs, JobResources.Of(share, time));
            trained = trained && isDone(stage) && File.Exists(Path.Combine(work.Folder, file));
            return stage with { Items = [new JobItem(0, "", trained)] };
        }

        string[] export = ["export"];
        string[] model = ["-o"];
        if (matrix.NumberedFolds.Count > 0)
        {
            var pairs = matrix.Configurations.Count(
                name => matrix.KeepsProbabilities(new MatrixCell(name, matrix.NumberedFolds[0]))) > 1;
            var isAll = plans.Configurations.Keys.All(matrix.Configurations.Contains);
            yield return Single(
                "find-best",
                [
                    "find-best", JobWord.Folder(), "-f", string.Join(',', matrix.NumberedFolds), "--plan",
                    work.Plan ?? Workspace.DefaultPlan, .. Literals(pairs ? [] : ["--no-ensemble"]),
                    .. Literals(isAll ? [] : ["--trained-only"]), "--max-memory", JobWord.Memory,
                ],
                needs, sizes.Choosing(), "best.json");
            needs = [new JobNeed("find-best")];
            yield return Single(
                "export", [.. Literals(export), JobWord.Folder(), .. Literals(model), JobWord.Folder("/model.zip")], needs,
                JobSizes.Files(site), "model.zip");
        }
        else if (matrix.Configurations is [var only])
        {
            string[] choice = [.. work.Plan is { } plan ? ["--plan", plan] : Array.Empty<string>(), "-c", only, "-f"];
            yield return Single(
                "export",
                [
                    .. Literals(export), JobWord.Folder(), .. Literals(model), JobWord.Folder("/model.zip"), .. Literals(choice),
                    string.Join(',', matrix.Cells.Select(cell => TrainingMatrix.Name(cell.Fold))),
                ],
                needs, JobSizes.Files(site), "model.zip");
        }
    }

    private static string TrainingName(string configuration) => ShellWord.Name($"train-{configuration}");

    /// <summary>Folds have their own number; the network on every case comes behind them.</summary>
    private static int IndexOf(MatrixCell cell, IReadOnlyList<MatrixCell> cells) =>
        cell.Fold != Splits.AllCases
            ? int.Parse(cell.Fold, CultureInfo.InvariantCulture)
            : cells.Where(other => other.Fold != Splits.AllCases)
                .Select(other => int.Parse(other.Fold, CultureInfo.InvariantCulture) + 1).DefaultIfEmpty(0).Max();

    private static IEnumerable<JobWord> Literals(IEnumerable<string> words) => words.Select(word => (JobWord)word);
}
