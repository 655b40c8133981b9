namespace SharpSeg.AutoPlanner.Steps.Jobs;

/// <summary>
/// What Slurm says about all that a folder has handed over: asked once, because a controller serves a whole cluster.
/// </summary>
internal sealed class SlurmAnswer
{
    private readonly HashSet<string> asked;
    private readonly Lazy<IReadOnlyDictionary<string, string>> ended;

    private SlurmAnswer(string[] ids)
    {
        asked = [.. ids];
        Queue = Slurm.Queue(ids);
        ended = new Lazy<IReadOnlyDictionary<string, string>>(() => Slurm.Ended(ids));
    }

    /// <summary>Nobody was asked, or nothing was handed over.</summary>
    public static SlurmAnswer None { get; } = new([]);

    /// <summary>What waits or runs, by `id_index`.</summary>
    public IReadOnlyDictionary<string, Slurm.Entry> Queue { get; }

    /// <summary>Asks about all arrays that a folder has submitted, if there are any.</summary>
    /// <exception cref="SharpSegException">The controller does not answer.</exception>
    public static SlurmAnswer Of(JobFolder folder)
    {
        string[] ids = [.. JobStates.Arrays(folder).Select(array => array.Id).Distinct()];
        return ids.Length > 0 ? new SlurmAnswer(ids) : None;
    }

    /// <summary>Whether Slurm was asked about a job and has it no longer, so that nothing of it runs.</summary>
    public bool HasLeft(string? job) => job is not null && asked.Contains(job.Split('_')[0]) && !Queue.ContainsKey(job);

    /// <summary>How a job that left the queue without success ended, e.g. OUT_OF_MEMORY; null if Slurm does not say.</summary>
    public string? Ended(string? job) => HasLeft(job) ? ended.Value.GetValueOrDefault(job!) : null;
}
