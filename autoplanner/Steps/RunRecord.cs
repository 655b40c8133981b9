using System.Text;
using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.Backends;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>
/// What a run leaves for those who ask later how it came about: <c>run.json</c> (program, plan, data, and one entry per session
/// with command line, device and dates) and <c>log.txt</c> (what was shown, with times). Neither is read by anything else.
/// </summary>
internal sealed class RunRecord : LoggingReporter, IDisposable
{
    private readonly string path;
    private readonly JsonObject record, session;
    private readonly StreamWriter? log;

    /// <summary>Begins a session.</summary>
    /// <param name="job">The run.</param>
    /// <param name="dataset">Its dataset.</param>
    /// <param name="backend">The device.</param>
    /// <param name="inner">Is shown everything, too.</param>
    public RunRecord(TrainingJob job, Dataset dataset, Backend backend, IReporter inner)
        : base(inner)
    {
        Directory.CreateDirectory(job.Folder);
        path = Workspace.RunRecordFile(job.Folder);
        session = CommandRecord.Session(DateTime.UtcNow);
        session["device"] = backend.Description;
        session["precision"] = backend.ProductPrecision;
        record = new JsonObject
        {
            ["configuration"] = job.Configuration.Name, ["fold"] = job.Fold, ["seed"] = job.Seed,
            ["dataset"] = job.Description.Name, ["data_hash"] = DataHash.Of(dataset),
            ["plans"] = job.Plans.PlansName,
            ["plans_sha256"] = Sha256.Of(PlansJson.ToJson(job.Plans)),
            ["network"] = job.Configuration.Architecture.Family.ToString(),
            ["training_cases"] = new JsonArray([.. job.TrainingCases.Select(id => (JsonNode)id)]),
            ["validation_cases"] = new JsonArray([.. job.ValidationCases.Select(id => (JsonNode)id)]),
            ["sessions"] = new JsonArray([.. CommandRecord.SessionsIn(path), session]),
        };
        try
        {
            var file = new FileStream(Workspace.RunLogFile(job.Folder), FileMode.Append, FileAccess.Write, FileShare.Read);
            log = new StreamWriter(file) { AutoFlush = true };
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            inner.Warning($"no log.txt is kept: {error.Message}");
        }

        Write();
        Log(CommandRecord.Heading);
        Log($"device: {backend.Description}");
    }

    /// <summary>The run is trained, predicted and scored.</summary>
    public void Finish(TrainingResult result)
    {
        session["recipe"] = (result.Training.Schedule.Recipe ?? TrainingRecipe.Published).ToString();
        session["iterations"] = result.Training.Iterations;
        session["training_seconds"] = result.Training.Seconds;
        session["peak_bytes"] = result.Training.PeakBytes;
        var dice = result.Summary.ForegroundDice;
        session["mean_foreground_dice"] = double.IsNaN(dice) ? null : dice;
        if (Forecast.Of(result.Training.Schedule, result.Training.Epochs, dice) is { } forecast)
        {
            session["forecast"] = forecast.Text;
        }

        Log(FormattableString.Invariant($"done: {Counted.Of(result.Training.Iterations, "iteration")}, mean foreground Dice {dice:0.0000}"));
        End("done");
    }

    /// <summary>The run ended otherwise.</summary>
    public void Fail(Exception error)
    {
        if (error is not OperationCanceledException)
        {
            session["error"] = error.Message;
        }

        Log(error is OperationCanceledException ? "interrupted" : $"error: {error.Message}");
        End(error is OperationCanceledException ? "interrupted" : "failed");
    }

    /// <inheritdoc/>
    public void Dispose() => log?.Dispose();

    private void End(string state)
    {
        (session["ended"], session["state"]) = (Time(DateTime.UtcNow), state);
        Write();
    }

    private void Write() => AtomicFile.WriteText(path, record.ToJsonString(CommandRecord.Style) + "\n");

    /// <inheritdoc/>
    protected override void Append(string entry)
    {
        try
        {
            log?.Write(entry);
        }
        catch (IOException)
        {
            // The disk is full: the run itself will say so.
        }
    }
}
