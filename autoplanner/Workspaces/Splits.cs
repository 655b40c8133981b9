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
/// docs/method/training.md §2). Cases of one patient must not be spread over folds; only the user can know and writes such
/// splits himself.
/// </summary>
public sealed class Splits
{
    /// <summary>Folds of a dataset with at least as many cases.</summary>
    public const int DefaultFolds = 5;

    /// <summary>The name of the fold that trains and validates on every case.</summary>
    public const string AllCases = "all";

    private const uint Seed = 12345;                // nnU-Net v2
    private const double ExtraFoldShare = 0.8;      // share that trains in a fold beyond the file

    private readonly string[] ids;

    private Splits(string[] ids, IReadOnlyList<Split> folds)
    {
        this.ids = ids;
        Folds = folds;
    }

    /// <summary>The folds, in file order.</summary>
    public IReadOnlyList<Split> Folds { get; }

    /// <summary>
    /// The reference's folds of these cases: ids sorted ordinally and shuffled by MT19937 with seed 12345, cut into five blocks
    /// that differ by at most one case. Two to four cases give as many folds (leave one out).
    /// </summary>
    /// <exception cref="SharpSegException">Fewer than two cases, or an id twice.</exception>
    public static Splits Create(IEnumerable<string> caseIds)
    {
        var ids = Sorted(caseIds);
        if (ids.Length < 2)
        {
            throw new SharpSegException(
                $"{ids.Length} training case{(ids.Length == 1 ? "" : "s")}: cross-validation needs at least two",
                "train one network on every case: --folds every-case");
        }

        var count = Math.Min(DefaultFolds, ids.Length);
        var order = new MersenneTwister(Seed).Permutation(ids.Length);
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

        return new Splits(ids, folds);
    }

    /// <summary>
    /// The splits to use: those of the workspace's splits.json, else of a splits_final.json in the workspace or beside the
    /// dataset, else new ones; the latter two are written to the workspace.
    /// </summary>
    /// <exception cref="SharpSegException">A file is bad, or workspace and dataset disagree.</exception>
    public static Splits Find(Workspace workspace, string? datasetFolder, IReadOnlyCollection<string> caseIds)
    {
        string[] ours = [workspace.SplitsFile, Path.Combine(workspace.Folder, "splits_final.json")];
        var theirs = datasetFolder is null ? null : Path.Combine(datasetFolder, "splits_final.json");
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
        var folds = Read(text, source);
        return SplitsCheck.Findings(folds, ids, source).FirstOrDefault(finding => finding.Severity == Severity.Error) is { } error
            ? throw new SharpSegException(error.Message, error.Hint)
            : new Splits(ids, folds);
    }

    /// <summary>Everything that is wrong with a split file, or looks like a mistake.</summary>
    /// <exception cref="SharpSegException">It is no list of folds at all, or a case id occurs twice.</exception>
    public static IReadOnlyList<Finding> Check(string path, IEnumerable<string> caseIds) =>
        [.. SplitsCheck.Findings(Read(JsonFile.ReadText(path), path), Sorted(caseIds), path)];

    private static Split[] Read(string text, string source)
    {
        if (JsonFile.ParseNode(text, source) is not JsonArray { Count: > 0 } list)
        {
            throw new SharpSegException($"{source}: expected a list of at least one {{\"train\": […], \"val\": […]}}");
        }

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
                    : $"{source}: fold {fold} trains and validates on the same {shared} case{(shared == 1 ? "" : "s")}: its "
                        + "scores are too good");
        }

        return folds;
    }

    /// <summary>Writes the folds for <see cref="Load"/>.</summary>
    public void Save(string path) => AtomicFile.WriteText(path, ToJson());

    /// <summary>The text of a split file.</summary>
    public string ToJson() => JsonFile.ToText(new JsonArray([.. Folds.Select(fold => new JsonObject
    {
        ["train"] = new JsonArray([.. fold.Train.Select(id => (JsonNode?)id)]),
        ["val"] = new JsonArray([.. fold.Val.Select(id => (JsonNode?)id)]),
    })]));

    /// <summary>
    /// Whether a text names a fold: `all`, or a number as runs' folders are named; `03` would be a second fold 3.
    /// </summary>
    public static bool IsFold(string text) =>
        text == AllCases || (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) &&
            text == number.ToString(CultureInfo.InvariantCulture));

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
            : throw new SharpSegException($"fold `{fold}` is neither `all` nor a number from 0");
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
