namespace SharpSeg.AutoPlanner.Steps.Jobs;

/// <summary>
/// What Slurm says about all that a folder has handed over: asked once, because a controller serves a whole cluster.
/// </summary>
internal sealed class SlurmAnswer
{
    private readonly Lazy<IReadOnlyDictionary<string, string>> ended;

    private SlurmAnswer(string[] ids)
    {
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

    /// <summary>How a job that left the queue ended, e.g. OUT_OF_MEMORY; null if Slurm does not say.</summary>
    public string? Ended(string job) => ended.Value.GetValueOrDefault(job);
}
