using System.Globalization;

namespace SharpSeg.AutoPlanner.Steps.Jobs;

/// <summary>What a cohort is predicted with.</summary>
/// <param name="Model">A workspace or model.zip, absolute.</param>
/// <param name="Inputs">Folders or files, absolute.</param>
/// <param name="Parts">Number of tasks.</param>
/// <param name="Options">Further words of `predict`.</param>
/// <param name="Device">What --device says.</param>
internal sealed record PredictionStyle(
    string Model, IReadOnlyList<string> Inputs, int Parts, IReadOnlyList<string> Options, string Device);

/// <summary>The prediction of a cohort as a graph: its parts, then a look whether every scan has its segmentation.</summary>
internal static class PredictionGraph
{
    /// <summary>Bytes for each part; prediction keeps to what it is given (docs/method/memory.md §2).</summary>
    public const long DefaultMemory = 16_000_000_000;

    private static readonly JobTime Usual = new("24:00:00", "not measured: a day");
    private static readonly JobTime ToCheck = new("01:00:00", "reads headers only");

    /// <summary>Builds the graph.</summary>
    /// <param name="style">What is predicted.</param>
    /// <param name="site">What each task is given.</param>
    /// <param name="mostCpus">Threads that a task can have at most.</param>
    /// <param name="isDone">Whether a part, as a task of the graph before, ended well, and lacks no file.</param>
    public static JobGraph Of(PredictionStyle style, JobSite site, int mostCpus, Func<JobTask, bool> isDone)
    {
        var share = new JobShare(site.MemoryBytes ?? DefaultMemory, JobSizes.PredictionCpus(site, mostCpus));
        JobTime Time(JobTime usual) => site.Time is { } given ? new(given, "as asked for") : usual;
        static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
        static IEnumerable<JobWord> Literals(IEnumerable<string> words) => words.Select(word => (JobWord)word);
        var predict = new JobStage(
            "predict", [.. Enumerable.Range(0, style.Parts).Select(part => new JobItem(part, Number(part)))],
            [
                "predict", style.Model, "-i", .. Literals(style.Inputs), "-o", JobWord.Folder(), "--parts", Number(style.Parts),
                "--part", JobWord.Item, "--continue", .. Literals(style.Options), "--max-memory", JobWord.Memory,
                "--threads", JobWord.Cpus, "--device", new JobWord(JobWordKind.Device, style.Device),
            ],
            [], JobResources.Of(share, Time(Usual), site.Gres));
        predict = predict with
        {
            Items = [.. predict.Items.Select(item => item with { IsDone = isDone(new JobTask(predict, item)) })],
        };
        var check = new JobStage(
            "check", [new JobItem(0, "")], ["jobs", "check", JobWord.Folder(), "-i", .. Literals(style.Inputs)],
            [new JobNeed("predict")], JobResources.Of(JobSizes.Files(site), ToCheck));
        return new JobGraph([predict, check]); // the check is never done: files may go, and scans come
    }
}
