namespace SharpSeg.AutoPlanner.Steps.Jobs;

/// <summary>Writes a graph as scripts and hands it to Slurm: by the very script that a user can read and run again.</summary>
internal static class SlurmJobs
{
    /// <summary>Writes the scripts of what is to run, and the one that submits them.</summary>
    /// <param name="folder">Where.</param>
    /// <param name="plan">The graph.</param>
    /// <param name="todo">The tasks that are to run.</param>
    /// <param name="inQueue">Ids of tasks that wait or run already, by name.</param>
    public static void Write(
        JobFolder folder, JobPlan plan, IReadOnlyList<JobTask> todo, IReadOnlyDictionary<string, string> inQueue)
    {
        Directory.CreateDirectory(folder.LogFolder);
        foreach (var group in todo.GroupBy(task => task.Stage))
        {
            int[] indices = [.. group.Select(task => task.Item.Index)];
            AtomicFile.WriteText(folder.ScriptFile(group.Key), SlurmScript.Of(plan, folder, group.Key, indices));
        }

        AtomicFile.WriteText(folder.SubmitScript, SlurmScript.Submit(plan, todo, inQueue));
    }

    /// <summary>Submits what was written.</summary>
    /// <exception cref="SharpSegException">Slurm refused something; what was submitted before it stays.</exception>
    public static void Submit(JobFolder folder)
    {
        Slurm.Ask("sbatch", ["--version"]); // missing, it is named before anything is done
        var (code, _, errors) = Slurm.Ask("bash", [folder.SubmitScript]);
        if (code != 0)
        {
            throw new SharpSegException(
                $"`{folder.SubmitScript}` ended with {code}: {errors.Trim()}",
                "correct the options (--time, --gres, --slurm), then give the same command again: what was submitted stays, and "
                    + "is not submitted twice");
        }
    }
}
