using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>
/// Which scans of a watched folder are to be segmented: those whose files rest and are not segmented as they are. Times are those
/// of any clock that only runs forward.
/// </summary>
internal sealed class WatchedScans
{
    /// <summary>
    /// How long the files of a series must not have changed. Copying many files pauses between them, and nothing in a slice says
    /// that it is the last; a file alone is damaged while it is not all there.
    /// </summary>
    public static readonly TimeSpan SeriesRest = TimeSpan.FromSeconds(10);

    private readonly Dictionary<string, (string State, bool Failed)> taken = new(StringComparer.Ordinal);
    private Dictionary<string, TimeSpan> since = [];

    /// <summary>Looks once more.</summary>
    /// <param name="cases">What there is.</param>
    /// <param name="isSegmented">Whether a case's segmentation is there.</param>
    /// <param name="now">When.</param>
    /// <returns>The cases to segment, and whether each was segmented before, from other files.</returns>
    public IReadOnlyList<(DatasetCase Case, string State, bool Again)> Look(
        IReadOnlyList<DatasetCase> cases, Func<DatasetCase, bool> isSegmented, TimeSpan now)
    {
        var ready = new List<(DatasetCase, string, bool)>();
        var seen = new Dictionary<string, TimeSpan>();
        foreach (var item in cases)
        {
            var state = string.Join('\n', item.ImageFiles.Select(StateOf));
            var isNew = !since.TryGetValue(state, out var first);
            seen[state] = isNew ? now : first;
            var rest = item.ImageFiles.Any(Directory.Exists) ? SeriesRest : TimeSpan.Zero;
            if (!isNew && now - first >= rest && Wants(item, state, isSegmented(item)))
            {
                ready.Add((item, state, taken.TryGetValue(item.Id, out var before) && !before.Failed && before.State != state));
            }
        }

        since = seen;
        return ready;
    }

    /// <summary>Remembers that a case was segmented, or failed, from files in this state.</summary>
    public void Took(DatasetCase item, string state, bool failed) => taken[item.Id] = (state, failed);

    /// <summary>Whether a segmentation that was there before is older than its scan.</summary>
    public bool IsOutdated(DatasetCase item, string segmentation) => !taken.ContainsKey(item.Id)
        && item.ImageFiles.SelectMany(FilesOf).Any(
            file => file.Exists && file.LastWriteTimeUtc > File.GetLastWriteTimeUtc(segmentation));

    private bool Wants(DatasetCase item, string state, bool isSegmented) => !taken.TryGetValue(item.Id, out var before)
        ? !isSegmented
        : before.State != state || (!before.Failed && !isSegmented);

    // Voxels may lie beside their header, and come later.
    private static FileInfo[] FilesOf(string path) => Directory.Exists(path)
        ? new DirectoryInfo(path).GetFiles()
        : [.. ImageFile.FilesOf(path).Select(file => new FileInfo(file))];

    private static string StateOf(string path)
    {
        try
        {
            var files = FilesOf(path);
            return files.Length > 0 && files.All(file => file.Exists)
                ? $"{path} {files.Length} {files.Sum(file => file.Length)} {files.Max(file => file.LastWriteTimeUtc.Ticks)}"
                : $"{path} gone";
        }
        catch (IOException)
        {
            return $"{path} gone"; // between two looks at it
        }
    }
}
