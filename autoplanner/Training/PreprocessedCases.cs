using SharpSeg.AutoPlanner.Preprocessing;

namespace SharpSeg.AutoPlanner.Training;

/// <summary>The opened preprocessed cases of a fold, memory-mapped; disposing closes them.</summary>
internal sealed class PreprocessedCases : IDisposable
{
    private readonly Dictionary<string, StoredCase> open = new(StringComparer.Ordinal);

    public PreprocessedCases(TrainingRun run)
    {
        try
        {
            Training = [.. run.TrainingCases.Select(id => Source(run.DataFolder, id))];
            Validation = [.. run.ValidationCases.Select(id => Source(run.DataFolder, id))];
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
        foreach (var stored in open.Values)
        {
            stored.Dispose();
        }

        open.Clear();
    }

    private StoredCaseSource Source(string folder, string id)
    {
        if (!open.TryGetValue(id, out var stored))
        {
            open[id] = stored = StoredCase.Open(folder, id); // fold "all" names each case twice
        }

        return new StoredCaseSource(stored);
    }
}
