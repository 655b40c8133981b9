using System.Globalization;
using System.Text.Json.Nodes;

namespace SharpSeg.AutoPlanner.Steps.Jobs;

/// <summary>How an attempt at a task ended.</summary>
internal enum TaskOutcome
{
    /// <summary>It has not, or was killed before it could say so.</summary>
    Open,

    /// <summary>Well.</summary>
    Finished,

    /// <summary>With an error.</summary>
    Failed,

    /// <summary>The time limit came; the state is saved.</summary>
    OutOfTime,

    /// <summary>It was asked to stop: cancelled, preempted or interrupted; the state is saved.</summary>
    Stopped,
}

/// <summary>One attempt at a task. Times are the node's own and are only shown: clocks of nodes differ.</summary>
internal sealed record TaskAttempt
{
    /// <summary>Slurm's id of the job, e.g. 123_4; null outside Slurm.</summary>
    public string? Job { get; init; }

    /// <summary>Where it runs.</summary>
    public string Node { get; init; } = "";

    /// <summary>When it began, by the node's clock.</summary>
    public DateTime Started { get; init; }

    /// <summary>Seconds that it has taken.</summary>
    public double Seconds { get; init; }

    /// <summary>How it ended.</summary>
    public TaskOutcome Outcome { get; init; }

    /// <summary>Why it failed.</summary>
    public string? Error { get; init; }

    /// <summary>Most memory of the host so far, bytes.</summary>
    public long PeakBytes { get; init; }

    /// <summary>What is being done, e.g. "train 2d, fold 0".</summary>
    public string Stage { get; init; } = "";

    /// <summary>How far it is, e.g. "epoch 3/50".</summary>
    public string Detail { get; init; } = "";

    /// <summary>Share of the stage that is done.</summary>
    public double Fraction { get; init; }

    /// <summary>Seconds that the stage still takes; null if unknown.</summary>
    public double? SecondsLeft { get; init; }
}

/// <summary>
/// What became of a task: <c>jobs/tasks/NAME/record.json</c>, written by the process that runs it and by nobody else.
/// </summary>
/// <param name="Attempts">All of them, in order.</param>
internal sealed record TaskRecord(IReadOnlyList<TaskAttempt> Attempts)
{
    private const int MostKept = 200; // preempted tasks may come back without limit

    /// <summary>The latest attempt; null before the first.</summary>
    public TaskAttempt? Last => Attempts.Count == 0 ? null : Attempts[^1];

    /// <summary>Whether the latest attempt ended well.</summary>
    public bool IsFinished => Last?.Outcome == TaskOutcome.Finished;

    /// <summary>Reads a record; an empty one if there is none.</summary>
    /// <exception cref="SharpSegException">It is bad.</exception>
    public static TaskRecord Read(string path) => !File.Exists(path)
        ? new TaskRecord([])
        : new TaskRecord([.. JsonFile.Read(path).RequiredObjects("attempts").Select(ReadAttempt)]);

    /// <summary>The record with one more attempt.</summary>
    public TaskRecord With(TaskAttempt attempt) => new([.. Attempts.TakeLast(MostKept - 1), attempt]);

    /// <summary>The record with the latest attempt changed.</summary>
    public TaskRecord Changed(Func<TaskAttempt, TaskAttempt> change) => new([.. Attempts.SkipLast(1), change(Attempts[^1])]);

    /// <summary>Writes the record.</summary>
    public void Write(string path) => AtomicFile.WriteText(path, JsonFile.ToText(new JsonObject
    {
        ["attempts"] = new JsonArray([.. Attempts.Select(attempt => (JsonNode)new JsonObject
        {
            ["job"] = attempt.Job,
            ["node"] = attempt.Node,
            ["started"] = attempt.Started.ToString("s", CultureInfo.InvariantCulture) + "Z",
            ["seconds"] = Math.Round(attempt.Seconds, 1),
            ["outcome"] = attempt.Outcome.ToString(),
            ["error"] = attempt.Error,
            ["peak_bytes"] = attempt.PeakBytes,
            ["stage"] = attempt.Stage,
            ["detail"] = attempt.Detail,
            ["fraction"] = Math.Round(attempt.Fraction, 4),
            ["seconds_left"] = attempt.SecondsLeft is { } left ? Math.Round(left) : null,
        })]),
    }));

    private static TaskAttempt ReadAttempt(JsonFile json) => new()
    {
        Job = json.Text("job"),
        Node = json.RequiredText("node"),
        Started = DateTime.TryParse(
            json.RequiredText("started"), CultureInfo.InvariantCulture,
            DateTimeStyles.AdjustToUniversal | DateTimeStyles.AssumeUniversal, out var started)
            ? started
            : throw json.Error("started", "not a time"),
        Seconds = json.RequiredNumber("seconds"),
        Outcome = Enum.TryParse<TaskOutcome>(json.RequiredText("outcome"), out var outcome) && Enum.IsDefined(outcome)
            ? outcome
            : throw json.Error("outcome", "unknown"),
        Error = json.Text("error"),
        PeakBytes = json.RequiredLong("peak_bytes"),
        Stage = json.RequiredText("stage"),
        Detail = json.RequiredText("detail"),
        Fraction = json.RequiredNumber("fraction"),
        SecondsLeft = json.Number("seconds_left"),
    };
}
