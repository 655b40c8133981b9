namespace SharpSeg.AutoPlanner.Steps.Jobs;

/// <summary>The Slurm job that this process is.</summary>
/// <param name="Id">Its id, of an array's task e.g. <c>123_4</c>.</param>
/// <param name="Node">The node as Slurm calls it.</param>
internal sealed record SlurmTask(string Id, string Node)
{
    /// <summary>Out of the environment; null outside Slurm.</summary>
    public static SlurmTask? Current()
    {
        static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
        var id = Variable("SLURM_ARRAY_JOB_ID") is { } array && Variable("SLURM_ARRAY_TASK_ID") is { } index
            ? $"{array}_{index}"
            : Variable("SLURM_JOB_ID");
        return id is null ? null : new SlurmTask(id, Variable("SLURMD_NODENAME") ?? Environment.MachineName);
    }

    /// <summary>
    /// Whether somebody with a higher priority is taking the node: a job that was cancelled by its owner gets the same signal,
    /// and must not come back.
    /// </summary>
    public bool IsBeingPreempted()
    {
        var (code, text, _) = Slurm.Ask("scontrol", ["--oneliner", "show", "job", Id]);
        string? Value(string key) => text.Split([' ', '\n'])
            .FirstOrDefault(word => word.StartsWith($"{key}=", StringComparison.Ordinal))?[(key.Length + 1)..];
        return code == 0 && Value("JobState") == "RUNNING" && Value("PreemptTime") is { } time and not ("None" or "Unknown");
    }

    /// <summary>Gives the job back to the queue; Slurm then ends this process.</summary>
    /// <returns>Why that was refused; null if it was not.</returns>
    public string? Requeue()
    {
        var (code, _, errors) = Slurm.Ask("scontrol", ["requeue", Id]);
        return code == 0 ? null : $"`scontrol requeue {Id}` ended with {code}: {errors.Trim()}";
    }
}
