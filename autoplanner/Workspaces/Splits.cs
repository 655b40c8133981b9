using System.Globalization;
using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner.Datasets;

namespace SharpSeg.AutoPlanner.Workspaces;

/// <summary>One fold: the cases that train and the cases that validate.</summary>
/// <param name="Train">Case ids.</param>
/// <param name="Val">Case ids.</param>
/// <param name="Warning">What a user must know before trusting this fold's scores; null for an ordinary fold.</param>
public sealed record Split(IReadOnlyList<string> Train, IReadOnlyList<string> Val, string? Warning = null);

/// <summary>
/// The folds of a cross-validation: five by default, or whatever a split file lists (docs/method/datasets.md §8,
/// docs/method/training.md §2). Cases of one patient must not be spread over folds: the user says which are
/// (<see cref="PatientGroups"/>), or writes such splits himself.
/// </summary>
public sealed class Splits
{
    /// <summary>Folds of a dataset with at least as many cases.</summary>
    public const int DefaultFolds = 5;

    /// <summary>The name of the fold that trains and validates on every case.</summary>
    public const string AllCases = "all";

    /// <summary>The file that nnU-Net v2 knows.</summary>
    internal const string NnUNetFile = "splits_final.json";

    private const string GroupByKey = "group_by";
    private const uint Seed = 12345;                // nnU-Net v2
    private const double ExtraFoldShare = 0.8;      // share that trains in a fold beyond the file

    private readonly string[] ids;

    private Splits(string[] ids, IReadOnlyList<Split> folds, string? groupBy = null)
    {
        this.ids = ids;
        Folds = folds;
        GroupBy = groupBy;
    }

    /// <summary>The folds, in file order.</summary>
    public IReadOnlyList<Split> Folds { get; }

    /// <summary>The pattern by which cases of one patient were kept together; null if they were not.</summary>
    public string? GroupBy { get; }

    /// <summary>
    /// The reference's folds of these cases: ids sorted ordinally and shuffled by MT19937 with seed 12345, cut into five blocks
    /// that differ by at most one case. Two to four cases give as many folds (leave one out).
    /// </summary>
    /// <param name="caseIds">The training cases.</param>
    /// <param name="patients">
    /// Keeps patients together: they are shuffled instead of cases, and each goes to the fold that has the fewest cases, those
    /// with many cases first. Where each has one case, the folds are the reference's.
    /// </param>
    /// <exception cref="SharpSegException">Fewer than two cases, or an id twice.</exception>
    public static Splits Create(IEnumerable<string> caseIds, PatientGroups? patients = null)
    {
        var ids = Sorted(caseIds);
        if (patients is not null && patients.Count < ids.Length)
        {
            return Grouped(ids, patients);
        }
        if (ids.Length < 2)
        {
            throw new SharpSegException(
                $"{Counted.Of(ids.Length, "training case")}: cross-validation needs at least two",
                "train one network on every case: --folds every-case");
        }

        var count = Math.Min(DefaultFolds, ids.Length);
        var order = Shuffled(ids.Length);
        var folds = new Split[count];
        var start = 0;
        for (var fold = 0; fold < count; fold++)
        {
            var size = (ids.Length / count) + (fold < ids.Length % count ? 1 : 0);
            var validation = order.AsSpan(start, size).ToArray().ToHashSet();
            start += size;
            folds[fold] = new Split(
                [.. Enumerable.Range(0, ids.Length).Where(i => !validation.Contains(i)).Select(i => ids[i])],
                [.. validation.Order().Select(i => ids[i])]);
        }

        return new Splits(ids, folds, patients?.Pattern);
    }

    private static Splits Grouped(string[] ids, PatientGroups patients)
    {
        var groups = ids.GroupBy(patients.PatientOf).OrderBy(group => group.Key, StringComparer.Ordinal).ToArray();
        var order = Shuffled(groups.Length);
        var validation = new List<string>[Math.Min(DefaultFolds, groups.Length)];
        for (var fold = 0; fold < validation.Length; fold++)
        {
            validation[fold] = [];
        }

        foreach (var group in order.Select(i => groups[i]).OrderByDescending(group => group.Count()))
        {
            validation.MinBy(fold => fold.Count)!.AddRange(group);
        }

        var folds = validation.Select(fold => new Split(
            [.. ids.Except(fold)], [.. fold.Order(StringComparer.Ordinal)])).ToArray();
        return new Splits(ids, folds, patients.Pattern);
    }

    /// <summary>Makes folds that keep patients together, unless the workspace has them already.</summary>
    /// <exception cref="SharpSegException">It has others, or the dataset brings its own.</exception>
    public static void Group(
        Workspace workspace, string datasetFolder, PatientGroups patients, IReadOnlyCollection<string> caseIds)
    {
        string[] files =
            [workspace.SplitsFile, Path.Combine(workspace.Folder, NnUNetFile), Path.Combine(datasetFolder, NnUNetFile)];
        if (files.FirstOrDefault(File.Exists) is { } file)
        {
            var found = Load(file, caseIds).GroupBy;
            if (found != patients.Pattern)
            {
                throw new SharpSegException(
                    $"{file} holds folds {(found is null ? "without --group-by" : $"with --group-by {found}")}, not with "
                        + $"--group-by {patients.Pattern}",
                    "leave --group-by out to use them; or delete the file, and everything trained with it");
            }

            return;
        }

        Create(caseIds, patients).Save(workspace.SplitsFile);
    }

    /// <summary>
    /// The splits to use: those of the workspace's splits.json, else of a splits_final.json in the workspace or beside the
    /// dataset, else new ones; the latter two are written to the workspace.
    /// </summary>
    /// <exception cref="SharpSegException">A file is bad, or workspace and dataset disagree.</exception>
    public static Splits Find(Workspace workspace, string? datasetFolder, IReadOnlyCollection<string> caseIds)
    {
        string[] ours = [workspace.SplitsFile, Path.Combine(workspace.Folder, NnUNetFile)];
        var theirs = datasetFolder is null ? null : Path.Combine(datasetFolder, NnUNetFile);
        var inWorkspace = ours.FirstOrDefault(File.Exists);
        var inDataset = File.Exists(theirs) ? theirs : null;
        var splits = inWorkspace is not null ? Load(inWorkspace, caseIds)
            : inDataset is not null ? Load(inDataset, caseIds) : Create(caseIds);
        if (inWorkspace is not null && inDataset is not null && !splits.SameAs(Load(inDataset, caseIds)))
        {
            throw new SharpSegException(
                $"{inWorkspace} and {inDataset} hold different splits",
                "delete the one that you do not want, and everything trained with it");
        }

        if (inWorkspace != workspace.SplitsFile)
        {
            splits.Save(workspace.SplitsFile);
        }

        return splits;
    }

    /// <summary>How many folds a workspace has, or will have, where the cases themselves are not at hand.</summary>
    /// <param name="workspace">Its splits.json counts, if it has one.</param>
    /// <param name="caseCount">Number of training cases.</param>
    /// <exception cref="SharpSegException">The file holds no list.</exception>
    public static int Count(Workspace workspace, int caseCount) => !File.Exists(workspace.SplitsFile)
        ? Math.Min(DefaultFolds, caseCount)
        : JsonFile.ParseNode(JsonFile.ReadText(workspace.SplitsFile), workspace.SplitsFile) is JsonArray { Count: > 0 } list
        ? list.Count
        : throw new SharpSegException($"{workspace.SplitsFile}: expected a list of at least one fold");

    /// <summary>Reads splits.json or nnU-Net v2's splits_final.json: a list of {"train": [ids], "val": [ids]}.</summary>
    /// <exception cref="SharpSegException">Not such a list, empty, an id twice, or one that is not a training case.</exception>
    public static Splits Load(string path, IEnumerable<string> caseIds) => Parse(JsonFile.ReadText(path), path, caseIds);

    /// <summary>As <see cref="Load"/>, from a text.</summary>
    /// <exception cref="SharpSegException">As <see cref="Load"/>.</exception>
    public static Splits Parse(string text, string source, IEnumerable<string> caseIds)
    {
        var ids = Sorted(caseIds);
        var (folds, groupBy) = Read(text, source);
        if (SplitsCheck.Findings(folds, ids, source).FirstOrDefault(finding => finding.Severity == Severity.Error) is { } error)
        {
            throw new SharpSegException(error.Message, error.Hint);
        }

        RequireApart(source, folds, groupBy is null ? null : PatientGroups.Of(groupBy, ids));
        return new Splits(ids, folds, groupBy);
    }

    /// <summary>Everything that is wrong with a split file, or looks like a mistake.</summary>
    /// <exception cref="SharpSegException">It is no list of folds at all, or a case id occurs twice.</exception>
    public static IReadOnlyList<Finding> Check(string path, IEnumerable<string> caseIds) =>
        [.. SplitsCheck.Findings(Read(JsonFile.ReadText(path), path).Folds, Sorted(caseIds), path)];

    private static (Split[] Folds, string? GroupBy) Read(string text, string source)
    {
        if (JsonFile.ParseNode(text, source) is not JsonArray { Count: > 0 } list)
        {
            throw new SharpSegException($"{source}: expected a list of at least one {{\"train\": […], \"val\": […]}}");
        }

        string? groupBy = null;
        var folds = new Split[list.Count];
        for (var fold = 0; fold < folds.Length; fold++)
        {
            if (list[fold] is not JsonObject entry)
            {
                throw new SharpSegException($"{source}: entry {fold} is not an object with `train` and `val`");
            }

            var json = new JsonFile(source, fold.ToString(CultureInfo.InvariantCulture), entry);
            var (train, val) = (json.RequiredTexts("train"), json.RequiredTexts("val"));
            var shared = train.Intersect(val, StringComparer.Ordinal).Count();
            folds[fold] = new Split(
                train, val, shared == 0 ? null
                    : $"{source}: fold {fold} trains and validates on the same {Counted.Of(shared, "case")}: its "
                        + "scores are too good");
            var pattern = json.Text(GroupByKey);
            groupBy = fold == 0 || pattern == groupBy
                ? pattern
                : throw json.Error(GroupByKey, $"`{pattern}`, but other folds have `{groupBy}`");
        }

        return (folds, groupBy);
    }

    /// <summary>Folds that claim to keep patients together do so.</summary>
    private static void RequireApart(string source, IReadOnlyList<Split> folds, PatientGroups? patients)
    {
        for (var fold = 0; patients is not null && fold < folds.Count; fold++)
        {
            if (patients.LeakOf(folds[fold]) is { } leak)
            {
                throw new SharpSegException(
                    $"{source}: fold {fold} trains on `{leak.Train}` and validates on `{leak.Val}`, both of patient "
                        + $"`{patients.PatientOf(leak.Val)}` by its own `{GroupByKey}`",
                    $"correct the folds, or take `{GroupByKey}` out");
            }
        }
    }

    /// <summary>Writes the folds for <see cref="Load"/>.</summary>
    public void Save(string path) => AtomicFile.WriteText(path, ToJson());

    /// <summary>The text of a split file.</summary>
    public string ToJson() => JsonFile.ToText(new JsonArray([.. Folds.Select(fold =>
    {
        var json = new JsonObject
        {
            ["train"] = new JsonArray([.. fold.Train.Select(id => (JsonNode?)id)]),
            ["val"] = new JsonArray([.. fold.Val.Select(id => (JsonNode?)id)]),
        };
        if (GroupBy is not null)
        {
            json[GroupByKey] = GroupBy;
        }

        return json;
    })]));

    /// <summary>
    /// Whether a text names a fold: `all`, or a number as runs' folders are named; `03` would be a second fold 3.
    /// </summary>
    public static bool IsFold(string text) =>
        text == AllCases || (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) &&
            text == number.ToString(CultureInfo.InvariantCulture));

    /// <summary>A fold as people write it: a number, or `every-case`, which nobody takes for all folds.</summary>
    internal static string NameOf(string fold) => fold == AllCases ? "every-case" : fold;

    /// <summary>
    /// The cases of one fold. `all` trains and validates on every case. A number beyond the folds of the file gives a random
    /// 80:20 split with seed 12345 + fold, its training cases in shuffled order; its <see cref="Split.Warning"/> says so, it is
    /// rarely what a user wants.
    /// </summary>
    /// <param name="fold">`all` or a number from 0.</param>
    /// <exception cref="SharpSegException">Neither, or too few cases for a random split.</exception>
    public Split ForFold(string fold)
    {
        if (fold == AllCases)
        {
            return All(ids);
        }

        return IsFold(fold)
            ? ForFold(int.Parse(fold, CultureInfo.InvariantCulture))
            : throw new SharpSegException($"fold `{fold}` is neither `every-case` nor a number from 0");
    }

    /// <summary>As <see cref="ForFold(string)"/>, for a number.</summary>
    /// <exception cref="SharpSegException">Negative, or too few cases for a random split.</exception>
    public Split ForFold(int fold)
    {
        if (fold < 0)
        {
            throw new SharpSegException($"fold {fold} is below 0");
        }

        if (fold < Folds.Count)
        {
            return Folds[fold];
        }

        if (GroupBy is not null)
        {
            throw new SharpSegException(
                $"fold {fold} is beyond the {Folds.Count} folds, whose patients are kept together (--group-by {GroupBy})",
                $"take a fold from 0 to {Folds.Count - 1}");
        }

        var order = new MersenneTwister(Seed + (uint)fold).Permutation(ids.Length);
        var train = (int)(ExtraFoldShare * ids.Length);
        return train > 0
            ? new Split(
                [.. order.Take(train).Select(i => ids[i])],
                [.. order.Skip(train).Order().Select(i => ids[i])],
                $"fold {fold} is beyond the {Folds.Count} folds of the split: it trains on a random 80:20 split of its own "
                    + $"(seed {Seed + fold}), "
                    + "whose validation cases overlap those of the other folds")
            : throw new SharpSegException(
                $"{ids.Length} training case: fold {fold} would have none to train on",
                "train one network on every case: --folds every-case");
    }

    /// <summary>Fold `all` of a dataset for which no splits can be made.</summary>
    public static Split All(IEnumerable<string> caseIds)
    {
        var ids = Sorted(caseIds);
        return new Split(
            ids, ids,
            $"`every-case` is ONE network that learns from all {ids.Length} cases, not the folds of a cross-validation: it "
                + "validates on the cases it trains on, "
            + "and its scores say nothing about new cases; `train --all` trains every fold");
    }

    private bool SameAs(Splits other) => Folds.Count == other.Folds.Count && Folds.Zip(other.Folds).All(pair =>
        pair.First.Train.ToHashSet(StringComparer.Ordinal).SetEquals(pair.Second.Train) &&
        pair.First.Val.ToHashSet(StringComparer.Ordinal).SetEquals(pair.Second.Val));

    private static int[] Shuffled(int count) => new MersenneTwister(Seed).Permutation(count);

    private static string[] Sorted(IEnumerable<string> caseIds)
    {
        var ids = caseIds.ToArray();
        Array.Sort(ids, StringComparer.Ordinal);
        for (var i = 1; i < ids.Length; i++)
        {
            if (ids[i] == ids[i - 1])
            {
                throw new SharpSegException($"case `{ids[i]}` is listed twice");
            }
        }

        return ids;
    }
}
