using System.Text;
using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner.Workspaces;

namespace SharpSeg.AutoPlanner.Steps.Jobs;

/// <summary>How the jobs of a folder stand: one table, and what did not succeed.</summary>
public sealed class JobReport
{
    private readonly IReadOnlyList<TaskStatus> tasks;
    private readonly JobFolder folder;

    internal JobReport(JobFolder folder, IReadOnlyList<TaskStatus> tasks) => (this.folder, this.tasks) = (folder, tasks);

    /// <summary>Whether every task ended well.</summary>
    public bool AllSucceeded => tasks.All(task => task.State == TaskState.Done);

    /// <summary>Whether a task failed, or waits for one that did.</summary>
    public bool HasFailures => tasks.Any(task => task.State is TaskState.Failed or TaskState.Blocked);

    /// <summary>The table, then one line on the whole, then each failure with its reason and its log.</summary>
    public string Text
    {
        get
        {
            string[] heads = ["task", "of", "state", "node", "again", "memory", "Dice", "progress"];
            string[][] rows = [heads, .. tasks.Select(Row)];
            var widths = heads.Select((_, column) => rows.Max(row => row[column].Length)).ToArray();
            var text = new StringBuilder();
            foreach (var row in rows)
            {
                var cells = row.Select((cell, column) => cell.PadRight(widths[column]));
                text.Append(string.Join("  ", cells).TrimEnd()).Append('\n');
            }

            text.Append('\n').Append(Summary).Append('\n');
            foreach (var task in tasks.Where(task => task.State == TaskState.Failed))
            {
                text.Append($"{task.Task.Name}{Of(task.Task, ", ")}: {task.Reason}\n  log: {folder.LogFile(task.Task)}\n");
            }

            return text.ToString();
        }
    }

    /// <summary>One line: "all … succeeded", or how many did what.</summary>
    public string Summary => AllSucceeded
        ? $"all {tasks.Count} tasks succeeded"
        : string.Join(", ", tasks.GroupBy(task => task.State).OrderByDescending(group => group.Key)
            .Select(group => $"{group.Count()} {Word(group.Key)}"));

    /// <summary>The same for programs.</summary>
    public JsonObject Json => new()
    {
        ["all_succeeded"] = AllSucceeded,
        ["tasks"] = new JsonArray([.. tasks.Select(status => (JsonNode)new JsonObject
        {
            ["name"] = status.Task.Name,
            ["of"] = status.Task.Item.Text,
            ["state"] = Word(status.State),
            ["reason"] = status.Reason,
            ["job"] = status.Job,
            ["node"] = status.Node,
            ["restarts"] = Restarts(status),
            ["peak_bytes"] = status.Record.Last?.PeakBytes,
            ["asked_bytes"] = status.Task.Stage.Resources.MemoryBytes,
            ["mean_foreground_dice"] = Dice(status.Task),
            ["log"] = folder.LogFile(status.Task),
        })]),
    };

    private static string Word(TaskState state) => state.ToString().ToLowerInvariant();

    private static string Of(JobTask task, string before) =>
        task.Item.Text.Length == 0 || task.Name.EndsWith($"_{task.Item.Text}", StringComparison.Ordinal)
            ? ""
            : before + task.Item.Text;

    private static int Restarts(TaskStatus status) => Math.Max(0, status.Record.Attempts.Count - 1);

    private string[] Row(TaskStatus status)
    {
        var last = status.Record.Last;
        var asked = status.Task.Stage.Resources.MemoryBytes;
        var progress = status.State switch
        {
            TaskState.Running when last is { Stage.Length: > 0 } =>
                $"{last.Stage}: {last.Detail}{(last.SecondsLeft is { } left ? $", {Left(left)} left" : "")}",
            TaskState.Failed => "see below",
            _ => status.Reason,
        };
        return
        [
            status.Task.Name, Of(status.Task, ""), Word(status.State), status.Node,
            last is null ? "" : FormattableString.Invariant($"{Restarts(status)}"),
            last is not null ? $"{MemoryBudget.Text(last.PeakBytes)} of {MemoryBudget.Text(asked)}"
                : asked > 0 ? MemoryBudget.Text(asked) : "",
            Dice(status.Task) is { } dice ? FormattableString.Invariant($"{dice:0.0000}") : "", progress,
        ];
    }

    private static string Left(double seconds) => TimeSpan.FromSeconds(Math.Clamp(seconds, 0, 1e8)) is { TotalHours: >= 1 } time
        ? FormattableString.Invariant($"{time.TotalHours:0.0} h")
        : FormattableString.Invariant($"{Math.Ceiling(seconds / 60):0} min");

    /// <summary>The score of a training's validation cases; null while there is none.</summary>
    private double? Dice(JobTask task)
    {
        var words = task.Words(folder.Owner).ToList();
        string? After(string option) => words.IndexOf(option) is >= 0 and var at && at + 1 < words.Count ? words[at + 1] : null;
        if (words is not ["train", ..] || After("-c") is not { } configuration || After("-f") is not { } fold)
        {
            return null;
        }

        var work = new Workspace(folder.Owner, After("--plan"));
        var name = fold == TrainingMatrix.Name(Splits.AllCases) ? Splits.AllCases : fold;
        var file = Workspace.SummaryFile(Workspace.ValidationFolder(work.RunFolder(configuration, name)));
        return !File.Exists(file) ? null : JsonFile.Read(file).RequiredObject("foreground_mean").Number("Dice");
    }
}
