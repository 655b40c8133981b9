using SharpSeg.AutoPlanner.Workspaces;

namespace SharpSeg.AutoPlanner.Steps.Jobs;

/// <summary>
/// One task of a graph, on whatever machine: it waits until no other process runs the same task, keeps its record, and after a
/// time limit or a preemption gives itself back to the queue. What it runs recognises by itself what is done.
/// </summary>
public static class TaskRun
{
    private const int MostTimeouts = 3; // requeues; a task that is out of time once more has too little of it

    /// <summary>Runs a task.</summary>
    /// <param name="folder">The folder that the jobs belong to, as this machine sees it.</param>
    /// <param name="name">The task.</param>
    /// <param name="id">The id of the folder's jobs.</param>
    /// <param name="run">Runs the command; it is handed a listener, and returns its exit code and its error.</param>
    /// <param name="isOutOfTime">Whether the cancellation came from the time limit.</param>
    /// <param name="reporter">Receives what is waited for.</param>
    /// <param name="cancel">Asks to stop with the state saved.</param>
    /// <returns>The exit code.</returns>
    /// <exception cref="SharpSegException">The folder is another one, or the record cannot be kept.</exception>
    public static int Execute(
        string folder, string name, string id, Func<IReporter, (int Code, string? Error)> run, Func<bool> isOutOfTime,
        IReporter reporter, CancellationToken cancel)
    {
        var jobs = JobFolder.Existing(folder);
        if (JobPlan.Read(jobs).Id is var found && found != id)
        {
            throw new SharpSegException(
                $"`{jobs.Owner}` is not the folder whose jobs these are: its jobs have the id {found}, not {id}",
                "does SHARPSEG_JOBS_FOLDER name another folder on this node?");
        }

        if (SafeName.Problem(name) is { } problem)
        {
            throw new SharpSegException($"`{name}`: the name of a task {problem}");
        }

        using var alone = RunLock.Wait(
            jobs.TaskFolder(name),
            () => reporter.Warning($"{name} is being run by another process: waiting for its end"), cancel);
        var slurm = SlurmTask.Current();
        var file = jobs.RecordFile(name);
        var before = TaskRecord.Read(file);
        var attempt = new TaskAttempt
        {
            Job = slurm?.Id, Node = slurm?.Node ?? Environment.MachineName, Started = DateTime.UtcNow,
        };
        var writer = new RecordWriter(file, before, attempt, alone.Lost);
        var (code, error) = run(writer);

        // Slurm may be told to announce a preemption by the signal that otherwise announces the time limit.
        var isPreempted = code != 0 && cancel.IsCancellationRequested && slurm?.IsBeingPreempted() == true;
        var outcome = code == 0 ? TaskOutcome.Finished
            : !cancel.IsCancellationRequested ? TaskOutcome.Failed
            : isOutOfTime() && !isPreempted ? TaskOutcome.OutOfTime : TaskOutcome.Stopped;
        var timeouts = before.Attempts.Count(
            attempt => attempt.Outcome == TaskOutcome.OutOfTime && attempt.Job == slurm?.Id);
        if (outcome == TaskOutcome.OutOfTime && timeouts >= MostTimeouts)
        {
            (outcome, error) = (
                TaskOutcome.Failed,
                $"the time limit came {timeouts + 1} times; the state is saved: `sharpseg jobs resubmit --time x2` goes on");
        }

        writer.End(outcome, error);
        if ((isPreempted || outcome == TaskOutcome.OutOfTime) && slurm?.Requeue() is { } refusal)
        {
            writer.End(TaskOutcome.Failed, refusal);
            throw new SharpSegException(refusal, "the state is saved: `sharpseg jobs resubmit` goes on");
        }

        return code;
    }
}
