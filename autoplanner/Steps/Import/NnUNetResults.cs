using System.Text.RegularExpressions;

namespace SharpSeg.AutoPlanner.Steps.Import;

/// <summary>The results of one trained configuration of nnU-Net v2, a folder <c>TRAINER__PLANS__CONFIGURATION</c>.</summary>
/// <param name="Folder">The folder.</param>
/// <param name="Series">What comes before the configuration's name, e.g. <c>nnUNetTrainer__nnUNetPlans</c>; empty where the
/// folder has another name.</param>
/// <param name="Folds">Folds that have the wanted checkpoint: numbers, or only "all".</param>
/// <param name="FileName">The checkpoint's file name.</param>
internal sealed partial record NnUNetResults(string Folder, string Series, IReadOnlyList<string> Folds, string FileName)
{
    private const string AllCases = "all";

    /// <summary>plans.json of this configuration.</summary>
    public string PlansFile => Path.Combine(Folder, "plans.json");

    /// <summary>The checkpoint of a fold.</summary>
    public string Checkpoint(string fold) => Path.Combine(Folder, $"fold_{fold}", FileName);

    /// <summary>
    /// Finds the results in a folder: of one configuration, or of all below a dataset's folder (<c>DatasetNNN_NAME</c>) or the
    /// folder above it.
    /// </summary>
    /// <param name="folder">What the user names.</param>
    /// <param name="shown">What to call it in messages.</param>
    /// <param name="checkpoint">final, best or latest.</param>
    /// <param name="folds">Folds asked for; none takes all numbered ones, or "all" where there is no other.</param>
    /// <param name="left">Gets a line for everything that is not imported.</param>
    /// <returns>
    /// The results, and what nnU-Net chose among those of a dataset: null where it did not, and for one configuration alone.
    /// </returns>
    /// <exception cref="SharpSegException">There are none, or of several trainers among which nothing is chosen.</exception>
    public static (IReadOnlyList<NnUNetResults> Results, NnUNetChoice? Choice) Find(
        string folder, string shown, string checkpoint, IReadOnlyList<string> folds, List<string> left)
    {
        string[] candidates = IsResults(folder) ? [folder] : [.. Below(folder).Where(IsResults)];
        if (candidates.Length == 0)
        {
            candidates = [.. Below(folder).SelectMany(Below).Where(IsResults)];
        }

        if (candidates.Length == 0)
        {
            throw IsVersion1(folder)
                ? new SharpSegException(
                    $"`{shown}`: a model of nnU-Net v1, which is not supported",
                    "models of nnU-Net v2 are: it keeps plans.json and fold_0/checkpoint_final.pth")
                : new SharpSegException(
                    $"`{shown}`: no model of nnU-Net v2 in it",
                    "give a folder TRAINER__PLANS__CONFIGURATION (with plans.json and fold_0/checkpoint_final.pth), the folder "
                        + "DatasetNNN_NAME above it, or a zip of either");
        }

        var choice = IsResults(folder) ? null : NnUNetChoice.In(Path.GetDirectoryName(candidates[0])!);
        candidates = OfOneSeries(candidates, choice, shown, left);
        var results = candidates.Order(StringComparer.Ordinal)
            .Select(candidate => Open(candidate, shown, checkpoint, folds, left)).OfType<NnUNetResults>().ToArray();
        return results.Length > 0 ? (results, choice) : throw new SharpSegException(
            $"`{shown}`: no `checkpoint_{checkpoint}.pth`"
                + (folds.Count > 0 ? $" of {Counted.Noun(folds.Count, "fold")} {string.Join(", ", folds)}" : ""),
            "--checkpoint names another of final, best and latest, -f the folds");
    }

    /// <summary>
    /// The results of another configuration of the same trainer, in the folder beside this one; null if there are none.
    /// </summary>
    public NnUNetResults? Sibling(string configuration, List<string> left)
    {
        var folder = Series.Length == 0 ? "" : Path.Combine(Path.GetDirectoryName(Folder)!, $"{Series}__{configuration}");
        return Series.Length > 0 && IsResults(folder)
            ? Open(folder, folder, FileName["checkpoint_".Length..^".pth".Length], [], left)
            : null;
    }

    /// <summary>The results of one trainer and plans: there is no other, or nnU-Net chose it.</summary>
    private static string[] OfOneSeries(string[] candidates, NnUNetChoice? choice, string shown, List<string> left)
    {
        var series = candidates.GroupBy(candidate => (Path.GetDirectoryName(candidate), SeriesOf(candidate))).ToArray();
        if (series.Length == 1)
        {
            return candidates;
        }

        string[] chosen = [.. choice?.Members.Select(member => member.Series).Distinct() ?? []];
        if (chosen.Length > 1)
        {
            throw new SharpSegException(
                $"`{shown}`: nnU-Net chose an ensemble of {string.Join(" and ", chosen)}, which one model cannot hold",
                "import them one by one, each by its own folder, and average what they predict: `sharpseg ensemble`");
        }

        var one = series.FirstOrDefault(group => group.Key == (choice?.Folder, chosen.FirstOrDefault()));
        if (one is null || series.Any(group => group.Key.Item1 != choice!.Folder))
        {
            throw new SharpSegException(
                $"`{shown}` holds models of several trainers or datasets: "
                    + $"{string.Join(", ", series.Select(group => $"`{Path.GetFileName(group.First())}`"))}",
                "import them one by one, each by its own folder");
        }

        left.AddRange(candidates.Except(one).Select(path => $"{Path.GetFileName(path)}: nnU-Net chose {chosen[0]}"));
        return [.. one];
    }

    private static NnUNetResults? Open(
        string folder, string shown, string checkpoint, IReadOnlyList<string> asked, List<string> left)
    {
        var name = Path.GetFileName(folder);
        var file = $"checkpoint_{checkpoint}.pth";
        var trained = Directory.EnumerateDirectories(folder, "fold_*")
            .Where(fold => File.Exists(Path.Combine(fold, file)))
            .Select(fold => Path.GetFileName(fold)["fold_".Length..])
            .Where(fold => FoldName().IsMatch(fold))
            .OrderBy(fold => fold.Length).ThenBy(fold => fold, StringComparer.Ordinal)
            .ToArray();
        if (asked.FirstOrDefault(fold => !trained.Contains(fold)) is { } missing)
        {
            if (trained.Length > 0)
            {
                throw new SharpSegException(
                    $"`{shown}`: {name} has no {file} of fold {missing}", $"there are those of {string.Join(", ", trained)}");
            }

            left.Add($"{name}: no {file}");
            return null;
        }

        string[] folds = asked.Count > 0 ? [.. asked] : [.. trained.Where(fold => fold != AllCases)];
        folds = folds.Length == 0 ? trained : folds;
        foreach (var fold in trained.Except(folds))
        {
            left.Add(
                $"{name}: fold {fold}, " + (
                    asked.Count > 0 ? "not asked for" : "trained on all cases; numbered folds are taken first, -f all takes it"));
        }

        if (folds.Length == 0)
        {
            left.Add($"{name}: no {file}");
            return null;
        }

        return new(folder, SeriesOf(folder), folds, file);
    }

    private static string SeriesOf(string folder)
    {
        var name = Path.GetFileName(folder);
        var end = name.LastIndexOf("__", StringComparison.Ordinal);
        return end > 0 ? name[..end] : "";
    }

    private static bool IsResults(string folder) =>
        File.Exists(Path.Combine(folder, "plans.json")) && Directory.EnumerateDirectories(folder, "fold_*").Any();

    private static bool IsVersion1(string folder) =>
        new[] { folder }.Concat(Below(folder)).Concat(Below(folder).SelectMany(Below))
            .Any(path => File.Exists(Path.Combine(path, "plans.pkl")));

    private static string[] Below(string folder) => [.. Directory.EnumerateDirectories(folder).Order(StringComparer.Ordinal)];

    [GeneratedRegex("^([0-9]{1,6}|all)$", RegexOptions.CultureInvariant)]
    private static partial Regex FoldName();
}
