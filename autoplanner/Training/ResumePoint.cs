using SharpSeg.AutoPlanner.Workspaces;

namespace SharpSeg.AutoPlanner.Training;

/// <summary>
/// Where <c>--resume</c> continues a run (docs/method/training.md §10): its latest checkpoint, else its best one.
/// </summary>
internal static class ResumePoint
{
    /// <summary>The checkpoint to continue from; null if there is none.</summary>
    public static string? Find(TrainingJob job) => Existing(job).FirstOrDefault();

    /// <summary>The first of them that is undamaged; a damaged one is told. Null if there is none.</summary>
    /// <exception cref="SharpSegException">All are damaged.</exception>
    public static string? FindSound(TrainingJob job, IReporter reporter)
    {
        var existing = Existing(job);
        for (var i = 0; i < existing.Length; i++)
        {
            try
            {
                Checkpoint.Verify(existing[i]);
                return existing[i];
            }
            catch (SharpSegException error) when (i + 1 < existing.Length)
            {
                reporter.Warning($"{error.Message}; going back to {Path.GetFileName(existing[i + 1])}");
            }
        }

        return null;
    }

    /// <summary>A run with the settings that it was begun with, or is to begin with.</summary>
    /// <param name="job">What is asked for.</param>
    /// <param name="checkpoint">Its checkpoint, the final one as well; null for a new run.</param>
    /// <exception cref="SharpSegException">
    /// Other settings or another start are asked for now, or settings that its profile does not have.
    /// </exception>
    public static TrainingJob AsBegun(TrainingJob job, string? checkpoint)
    {
        job.Variant.RequireSense(job.Plans.Profile);
        var (profile, isCascade) = (job.Plans.Profile, job.Configuration.PreviousStage is not null);
        if (checkpoint is null)
        {
            return job with { Variant = job.Variant.Departing(profile, isCascade) };
        }

        var begun = Checkpoint.Peek(checkpoint, job).State;
        RequireSameStart(job, begun.Pretrained);
        return job with { Variant = job.Variant.Continue(begun.Variant, profile, isCascade, job.Folder) };
    }

    /// <summary>Refuses another pre-trained network than the one that the run started from.</summary>
    private static void RequireSameStart(TrainingJob job, PretrainedRecord? begun)
    {
        if (job.Pretrained is { } asked && (begun?.Source, begun?.BodyRate) != (asked.Source, asked.BodyRate))
        {
            throw new SharpSegException(
                $"`{job.Folder}` started from "
                    + $"{(begun is null ? "random weights" : $"{begun.Source} with body rate {begun.BodyRate}")}, "
                    + $"not from {asked.Source} with body rate {asked.BodyRate}",
                "continue without --pretrained, or delete the folder to start over");
        }
    }

    private static string[] Existing(TrainingJob job) =>
        [.. new[] { Workspace.LatestCheckpoint(job.Folder), Workspace.BestCheckpoint(job.Folder) }.Where(File.Exists)];
}
