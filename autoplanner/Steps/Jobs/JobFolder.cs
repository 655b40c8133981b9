using SharpSeg.AutoPlanner.Workspaces;

namespace SharpSeg.AutoPlanner.Steps.Jobs;

/// <summary>
/// Where the jobs of a workspace, or of an output folder, are kept: scripts, what was submitted, logs, and a record of every
/// task.
/// </summary>
/// <param name="Owner">The workspace or output folder, absolute.</param>
internal sealed record JobFolder(string Owner)
{
    /// <summary>Its folder.</summary>
    public string Path { get; } = System.IO.Path.Combine(Owner, "jobs");

    /// <summary>The graph and how it was asked for.</summary>
    public string GraphFile => System.IO.Path.Combine(Path, "graph.json");

    /// <summary>Hands everything to Slurm.</summary>
    public string SubmitScript => System.IO.Path.Combine(Path, "submit.sh");

    /// <summary>One line for each array that was handed over: name, id, which tasks.</summary>
    public string SubmittedFile => System.IO.Path.Combine(Path, "submitted");

    /// <summary>Folder of the tasks' output.</summary>
    public string LogFolder => System.IO.Path.Combine(Path, "logs");

    /// <summary>The script of an array.</summary>
    public string ScriptFile(JobStage stage) => System.IO.Path.Combine(Path, $"{stage.Name}.sh");

    /// <summary>What a task printed.</summary>
    public string LogFile(JobTask task) => System.IO.Path.Combine(LogFolder, $"{task.Name}.log");

    /// <summary>A task's own folder, locked by the process that runs it.</summary>
    public string TaskFolder(string task) => System.IO.Path.Combine(Path, "tasks", task);

    /// <summary>What became of a task.</summary>
    public string RecordFile(string task) => System.IO.Path.Combine(TaskFolder(task), "record.json");

    /// <summary>Keeps others from submitting at the same time.</summary>
    public RunLock Take() => RunLock.Take(Path, "submitted or run");

    /// <summary>The jobs of a folder that has some.</summary>
    /// <exception cref="SharpSegException">It has none.</exception>
    public static JobFolder Existing(string folder)
    {
        var jobs = new JobFolder(System.IO.Path.GetFullPath(folder));
        return File.Exists(jobs.GraphFile) ? jobs : throw new SharpSegException(
            $"`{folder}` has no jobs: there is no `{jobs.GraphFile}`",
            "`sharpseg jobs train WORK` and `sharpseg jobs predict MODEL -i SCANS -o OUTPUT` make them; on a node that sees the "
                + "folder under another path, SHARPSEG_JOBS_FOLDER says where");
    }
}
