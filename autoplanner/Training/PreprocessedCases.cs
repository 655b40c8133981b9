using SharpSeg.AutoPlanner.Batches;
using SharpSeg.AutoPlanner.Preprocessing;

namespace SharpSeg.AutoPlanner.Training;

/// <summary>
/// The opened preprocessed cases of a fold, memory-mapped, in the second stage of a cascade with the first one's segmentations; disposing
/// closes them.
/// </summary>
internal sealed class PreprocessedCases : IDisposable
{
    private readonly Dictionary<string, StoredCaseSource> open = new(StringComparer.Ordinal);
    private readonly List<IDisposable> files = [];

    public PreprocessedCases(TrainingJob job)
    {
        try
        {
            Training = [.. job.TrainingCases.Select(id => Source(job, id))];
            Validation = [.. job.ValidationCases.Select(id => Source(job, id))];
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public IReadOnlyList<ICaseSource> Training { get; }

    public IReadOnlyList<ICaseSource> Validation { get; }

    public void Dispose()
    {
        files.ForEach(file => file.Dispose());
        files.Clear();
    }

    private StoredCaseSource Source(TrainingJob job, string id)
    {
        if (open.TryGetValue(id, out var source))
        {
            return source; // fold "all" names each case twice
        }

        var stored = StoredCase.Open(job.DataFolder, id);
        files.Add(stored);
        PreviousStageFile? previous = null;
        if (job.PreviousStageFolder is { } folder)
        {
            previous = PreviousStageFile.Open(folder, id, $"the fold of {job.Configuration.PreviousStage} that validates on it");
            files.Add(previous);
        }

        return open[id] = new StoredCaseSource(stored, previous);
    }
}
