using System.Text.Json;
using SharpSeg.AutoPlanner.Imaging;

namespace SharpSeg.AutoPlanner.Datasets;

/// <summary>
/// Checks a whole dataset before hours of work go into it: description, files, and every voxel. Collects all findings instead of
/// stopping at the first. The list of checks is docs/method/datasets.md §7.
/// </summary>
public static class DatasetVerifier
{
    private const int ShownNames = 5;

    private static readonly string[] TrainingFolders = ["imagesTr", "labelsTr"];

    /// <summary>Checks a folder, also one that <see cref="Dataset.Open"/> refuses.</summary>
    /// <param name="folder">The folder that holds dataset.json.</param>
    /// <param name="progress">Called with the number of cases done and their total, from one worker at a time.</param>
    /// <param name="workers">Cases examined at the same time; memory grows with it.</param>
    /// <param name="cancellation">Ends at once.</param>
    /// <returns>Findings on the whole dataset first, then by case, then cases that have one image.</returns>
    /// <exception cref="SharpSegException">A case does not fit into memory.</exception>
    /// <exception cref="OperationCanceledException">Stopped.</exception>
    public static IReadOnlyList<Finding> Verify(
        string folder, Action<int, int>? progress = null, int workers = 2, CancellationToken cancellation = default)
    {
        var (findings, same) = Examine(folder, progress, workers, cancellation: cancellation);
        return [.. findings, .. same.Select(ids => SameImage(ids))];
    }

    /// <summary>The same, but with the cases that have one image apart: whoever knows the folds can say more of them.</summary>
    /// <param name="folder">The folder that holds dataset.json.</param>
    /// <param name="progress">Called with the number of cases done and their total, from one worker at a time.</param>
    /// <param name="workers">Cases examined at the same time; memory grows with it.</param>
    /// <param name="budget">Memory that may be taken; null for what the machine has.</param>
    /// <param name="info">Receives the memory plan.</param>
    /// <param name="cancellation">Ends at once.</param>
    /// <returns>Findings, and the ids of cases whose images have the same voxels, sorted.</returns>
    /// <exception cref="OperationCanceledException">Stopped.</exception>
    internal static (IReadOnlyList<Finding> Findings, IReadOnlyList<string[]> SameImages) Examine(
        string folder, Action<int, int>? progress = null, int workers = 2, MemoryBudget? budget = null,
        Action<string>? info = null, CancellationToken cancellation = default)
    {
        var findings = DescriptionProblems(folder);
        if (findings.Any(finding => finding.Severity == Severity.Error))
        {
            return (findings, []);
        }

        Dataset dataset;
        try
        {
            dataset = Dataset.Open(folder);
        }
        catch (SharpSegException error)
        {
            findings.Add(new(Severity.Error, null, error.Message, error.Hint));
            return (findings, []);
        }

        var cases = dataset.TrainingCases;
        CaseVerifier[] perCase = [.. cases.Select(item => new CaseVerifier(item, dataset.Description))];
        var memory = SideBySide.Plan(
            [.. perCase.Select(verifier => verifier.Need())], budget ?? MemoryBudget.OfMachine(), "a machine with more memory",
            info, workers);
        OrderedWork.Run(
            cases.Count,
            memory.Workers,
            i =>
            {
                memory.Run(i, perCase[i].Run);
                return i;
            },
            (i, _) => progress?.Invoke(i + 1, cases.Count),
            cancellation);
        return (
            [
                .. findings, .. WholeDataset(dataset), .. MixedAxes(perCase), .. OtherUnits(perCase), .. SameLabels(perCase),
                .. perCase.SelectMany(verifier => verifier.Findings),
            ],
            [
                .. Alike(perCase, item => item.ImageHash).Select(Ids),
            ]);
    }

    /// <summary>Cases of one image, whose scores are too good where one trains and the other validates.</summary>
    /// <param name="ids">The cases.</param>
    /// <param name="consequence">What follows for the folds, if anything.</param>
    internal static Finding SameImage(string[] ids, string? consequence = null) => new(
        Severity.Warning, null,
        $"the images of {ids.Length} cases have the same voxels: {Names(ids)}{(consequence is null ? "" : $"; {consequence}")}",
        "keep one of them, or see that none trains where another validates (splits_final.json)");

    /// <summary>Cases with one label map that have images of their own: one was copied over another, or stored twice.</summary>
    private static IEnumerable<Finding> SameLabels(CaseVerifier[] cases) =>
        from alike in Alike(cases, item => item.LabelHash)
        where alike.Select(item => item.ImageHash).Distinct().Count() > 1
        let ids = Ids(alike)
        select new Finding(
            Severity.Warning, null,
            $"the label maps of {ids.Length} cases have the same voxels, their images have not: {Names(ids)}",
            "a copied file? put each case's own label map in its place");

    /// <summary>Cases that have a hash in common, by their first id.</summary>
    private static IEnumerable<CaseVerifier[]> Alike(CaseVerifier[] cases, Func<CaseVerifier, UInt128?> hash) =>
        cases.Where(item => hash(item) is not null).GroupBy(hash)
            .Select(group => group.DistinctBy(item => item.Case.Id)
                .OrderBy(item => item.Case.Id, StringComparer.Ordinal).ToArray())
            .Where(alike => alike.Length > 1).OrderBy(alike => alike[0].Case.Id, StringComparer.Ordinal);

    private static string[] Ids(CaseVerifier[] cases) => [.. cases.Select(item => item.Case.Id)];

    private static List<Finding> DescriptionProblems(string folder)
    {
        var findings = new List<Finding>();
        void Try(Action check)
        {
            try
            {
                check();
            }
            catch (SharpSegException error)
            {
                findings.Add(new(Severity.Error, null, error.Message, error.Hint));
            }
        }

        var source = Path.Combine(Path.GetFullPath(folder), Dataset.DescriptionFile);
        if (!File.Exists(source))
        {
            findings.Add(
                new(
                    Severity.Error, null,
                    Directory.Exists(folder) ? $"`{folder}`: there is no dataset.json" : $"`{folder}`: no such folder",
                    NnUNetHabits.Hint(folder)));
            return findings;
        }

        Try(() =>
        {
            using var document = DatasetJson.Parse(JsonFile.ReadText(source), source);
            var root = document.RootElement;
            var listed = root.TryGetProperty("training", out _) && !root.TryGetProperty("channel_names", out _);
            string[] required = listed ? ["labels"] : ["labels", "numTraining", "file_ending"];
            foreach (var key in required.Where(key => !root.TryGetProperty(key, out _)))
            {
                findings.Add(new(Severity.Error, null, $"`{source}`: the key `{key}` is missing"));
            }

            if (root.TryGetProperty("channel_names", out var channels) || root.TryGetProperty("modality", out channels))
            {
                Try(() => DatasetJson.Channels(channels, source));
            }
            else
            {
                findings.Add(new(Severity.Error, null, $"`{source}`: the key `channel_names` is missing"));
            }

            if (root.TryGetProperty("labels", out _))
            {
                Try(() => DatasetJson.Labels(root, source));
            }

            if (!root.TryGetProperty("dataset", out _))
            {
                foreach (var sub in TrainingFolders.Where(sub => !Directory.Exists(Path.Combine(folder, sub))))
                {
                    findings.Add(new(Severity.Error, null, $"`{folder}`: the folder `{sub}` is missing"));
                }
            }
        });
        return findings;
    }

    private static List<Finding> WholeDataset(Dataset dataset)
    {
        var findings = new List<Finding>();
        var cases = dataset.TrainingCases;
        if (dataset.Description.NumTraining is { } promised && promised != cases.Count)
        {
            var severity = dataset.Format is DatasetFormat.Decathlon or DatasetFormat.NnUnetV1
                ? Severity.Warning
                : Severity.Error;
            findings.Add(new(severity, null, $"`numTraining` is {promised}, but {cases.Count} training cases were found"));
        }

        foreach (var group in cases.GroupBy(item => item.Id).Where(group => group.Count() > 1))
        {
            findings.Add(new(Severity.Error, group.Key, $"the case occurs {group.Count()} times"));
        }

        if (dataset.Format != DatasetFormat.CaseList)
        {
            var used = cases.SelectMany(item => item.Files).ToHashSet();
            foreach (var sub in TrainingFolders)
            {
                var stray = CaseDiscovery.FilesIn(Path.Combine(dataset.Folder, sub))
                    .Where(file => !used.Contains(file) && !Path.GetFileName(file).StartsWith('.'))
                    .Where(file => dataset.Format != DatasetFormat.Decathlon || !Path.GetFileName(file).StartsWith('_'))
                    .Select(file => Path.GetFileName(file)!)
                    .ToArray();
                if (stray.Length > 0)
                {
                    findings.Add(
                        new(Severity.Warning, null, $"{Counted.Of(stray.Length, "file")} in `{sub}` {Counted.Noun(stray.Length, "belongs", "belong")} to no case: {Names(stray)}"));
                }
            }
        }

        return findings;
    }

    private static IEnumerable<Finding> MixedAxes(CaseVerifier[] cases)
    {
        var groups = cases.Where(item => item.AxisCodes is not null)
            .GroupBy(item => item.AxisCodes!).OrderByDescending(group => group.Count()).ToArray();
        if (groups.Length > 1)
        {
            var described = groups.Select(
                group => $"{group.Key} in {group.Count()} ({Names([.. group.Select(item => item.Case.Id)])})");
            yield return new(Severity.Warning, null, $"the axes point in different directions: {string.Join("; ", described)}");
        }
    }

    private static IEnumerable<Finding> OtherUnits(CaseVerifier[] cases)
    {
        var read = cases.Where(item => item.Grid is not null).ToArray();
        return SpacingUnits.Among([.. read.Select(item => item.Grid!.Value)])
            .Select(found => new Finding(Severity.Warning, read[found.Index].Case.Id, found.Doubt));
    }

    private static string Names(string[] names) =>
        Counted.First([.. names.Order(StringComparer.Ordinal)], ShownNames);
}

/// <summary>Severity of a finding.</summary>
public enum Severity
{
    /// <summary>Worth a look; training works.</summary>
    Warning,

    /// <summary>Must be fixed before training.</summary>
    Error,
}

/// <summary>One thing that `verify` found.</summary>
/// <param name="Severity">Error or warning.</param>
/// <param name="Case">The case; null if it concerns the whole dataset.</param>
/// <param name="Message">One line: where, what, both values.</param>
/// <param name="Hint">What to do about it; null if the message says it.</param>
public sealed record Finding(Severity Severity, string? Case, string Message, string? Hint = null)
{
    /// <summary>The message with the case in front, as it is printed.</summary>
    public string Line => Case is null ? Message : $"case `{Case}`: {Message}";
}
