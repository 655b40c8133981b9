using System.Globalization;
using SharpSeg.AutoPlanner.Workspaces;

namespace SharpSeg.AutoPlanner.Steps.Jobs;

/// <summary>How a task stands.</summary>
internal enum TaskState
{
    /// <summary>Not submitted, or withdrawn.</summary>
    Left,

    /// <summary>In the queue, until others are done.</summary>
    Waiting,

    /// <summary>In the queue.</summary>
    Queued,

    /// <summary>At work.</summary>
    Running,

    /// <summary>Ended well.</summary>
    Done,

    /// <summary>Ended otherwise.</summary>
    Failed,

    /// <summary>What it needs has failed.</summary>
    Blocked,
}

/// <summary>A task with how it stands.</summary>
/// <param name="Task">The task.</param>
/// <param name="State">How it stands.</param>
/// <param name="Reason">Why; empty if there is nothing to say.</param>
/// <param name="Node">Where it runs or ran.</param>
/// <param name="Job">Its id in the queue; null if it is not there.</param>
/// <param name="Record">What it wrote itself.</param>
internal sealed record TaskStatus(JobTask Task, TaskState State, string Reason, string Node, string? Job, TaskRecord Record)
{
    /// <summary>Slurm has it.</summary>
    public bool IsInQueue => Job is not null;
}

/// <summary>How all tasks stand: what the queue says counts first, then what the tasks themselves wrote.</summary>
internal static class JobStates
{
    /// <summary>Looks at all tasks.</summary>
    /// <param name="folder">The jobs' folder.</param>
    /// <param name="graph">The tasks.</param>
    /// <param name="slurm">What Slurm says about them.</param>
    /// <returns>The tasks of the graph in its order, then those in the queue that are of an earlier one.</returns>
    public static IReadOnlyList<TaskStatus> Of(JobFolder folder, JobGraph graph, SlurmAnswer slurm)
    {
        var submitted = Submitted(folder, graph);
        var statuses = new Dictionary<string, TaskStatus>(StringComparer.Ordinal);
        foreach (var task in graph.Tasks)
        {
            var record = TaskRecord.Read(folder.RecordFile(task.Name));
            var job = submitted.GetValueOrDefault(task.Name);
            var entry = job is null ? null : slurm.Queue.GetValueOrDefault(job);
            var blockedBy = graph.NeedsOf(task).Select(need => statuses[need.Name])
                .FirstOrDefault(need => need.State is TaskState.Failed or TaskState.Blocked);
            TaskStatus Is(TaskState state, string reason = "") => new(
                task, state, reason, entry?.Node is { Length: > 0 } node ? node : record.Last?.Node ?? "",
                entry is null ? null : job, record);
            statuses[task.Name] = entry is not null ? InQueue(entry, Is)
                : task.Item.IsDone || record.IsFinished ? Is(TaskState.Done)
                : record.Last is { Outcome: TaskOutcome.Failed, Error: var error } ? Is(TaskState.Failed, error ?? "")
                : blockedBy is not null ? Is(TaskState.Blocked, $"needs {blockedBy.Task.Name}")
                : record.Last is { Outcome: TaskOutcome.Stopped or TaskOutcome.OutOfTime }
                ? Is(TaskState.Left, "stopped, state saved")
                : record.Last is { Outcome: TaskOutcome.Open, Job: var last }
                ? IsAtWork(task, last) ? Is(TaskState.Running) : Ended(last, Is(TaskState.Failed, Silent), Is)
                : Ended(job, Is(TaskState.Left), Is);
        }

        return [.. graph.Tasks.Select(task => statuses[task.Name]), .. Earlier(folder, submitted.Values.ToHashSet(), slurm)];

        // A killed task's sign of life stays on another machine's account until somebody waits for one; the queue knows at once.
        bool IsAtWork(JobTask task, string? job) => !slurm.HasLeft(job) && RunLock.IsTaken(folder.TaskFolder(task.Name));

        TaskStatus Ended(string? job, TaskStatus silent, Func<TaskState, string, TaskStatus> status) => slurm.Ended(job) switch
        {
            null => silent,
            var word when word.StartsWith("CANCELLED", StringComparison.Ordinal) => status(TaskState.Left, "cancelled"),
            var word => status(TaskState.Failed, $"Slurm says {word}"),
        };
    }

    /// <summary>What waits or runs of a graph that is no longer there: tasks without a command.</summary>
    private static IEnumerable<TaskStatus> Earlier(JobFolder folder, HashSet<string> known, SlurmAnswer slurm)
    {
        var names = Arrays(folder).ToLookup(array => array.Id, array => array.Name);
        foreach (var (job, entry) in slurm.Queue.Where(pair => !known.Contains(pair.Key)))
        {
            if (job.Split('_') is [var id, var number] && TryNumber(number, out var index)
                && names[id].FirstOrDefault() is { } name)
            {
                var stage = new JobStage(name, [new JobItem(index, "")], [], [], new JobResources(0, 0, "", "", null));
                yield return InQueue(entry, (state, _) => new TaskStatus(
                    stage.Tasks.First(), state, "of an earlier request", entry.Node, job, new TaskRecord([])));
            }
        }
    }

    private const string Silent = "ended without a word: killed, out of memory, or its node failed";

    private static TaskStatus InQueue(Slurm.Entry entry, Func<TaskState, string, TaskStatus> status) => entry.State switch
    {
        "PENDING" when entry.Reason == "Dependency" => status(TaskState.Waiting, ""),
        "PENDING" => status(TaskState.Queued, entry.Reason is "None" ? "" : entry.Reason),
        _ => status(TaskState.Running, entry.State == "RUNNING" ? "" : entry.State),
    };

    /// <summary>The latest job, <c>id_index</c>, of every task that was handed over.</summary>
    /// <exception cref="SharpSegException">A line is not what the submitting script writes.</exception>
    internal static IReadOnlyDictionary<string, string> Submitted(JobFolder folder, JobGraph graph)
    {
        var jobs = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, id, ranges) in Arrays(folder))
        {
            // The tasks that there are, not the numbers that a line may name.
            foreach (var task in graph.Stage(name)?.Tasks ?? [])
            {
                if (ranges.Any(range => range.First <= task.Item.Index && task.Item.Index <= range.Last))
                {
                    jobs[task.Name] = FormattableString.Invariant($"{id}_{task.Item.Index}");
                }
            }
        }

        return jobs;
    }

    /// <summary>The arrays that were handed over, in order.</summary>
    /// <exception cref="SharpSegException">A line is not what the submitting script writes.</exception>
    internal static IEnumerable<(string Name, string Id, IReadOnlyList<(int First, int Last)> Ranges)> Arrays(JobFolder folder)
    {
        var file = folder.SubmittedFile;
        foreach (var line in File.Exists(file) ? JsonFile.ReadText(file).Split('\n', StringSplitOptions.RemoveEmptyEntries) : [])
        {
            if (line.Split('\t') is not [var name, var id, var array] || !id.All(char.IsAsciiDigit) || id.Length == 0
                || Ranges(array) is not { } ranges)
            {
                throw new SharpSegException(
                    $"`{file}`: `{line}` is not a name, an id and a list of tasks", "delete the line");
            }

            yield return (name, id, ranges);
        }
    }

    /// <summary>The parts of a list like <c>0-3,7%2</c>; null if it is none.</summary>
    private static IReadOnlyList<(int First, int Last)>? Ranges(string array)
    {
        var ranges = new List<(int First, int Last)>();
        foreach (var part in array.Split('%')[0].Split(','))
        {
            var ends = part.Split('-');
            if (ends.Length > 2 || !TryNumber(ends[0], out var first) || !TryNumber(ends[^1], out var last) || last < first)
            {
                return null;
            }

            ranges.Add((first, last));
        }

        return ranges;
    }

    private static bool TryNumber(string text, out int value) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
}
