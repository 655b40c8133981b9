using SharpSeg.AutoPlanner.Datasets;

namespace SharpSeg.AutoPlanner.Workspaces;

/// <summary>What is wrong with a user's folds, or looks like a mistake (docs/method/datasets.md §8).</summary>
internal static class SplitsCheck
{
    private const int ShownNames = 5;

    /// <summary>Checks folds against the cases of a dataset.</summary>
    /// <param name="folds">The folds.</param>
    /// <param name="ids">Its training cases.</param>
    /// <param name="source">The file, for messages.</param>
    /// <returns>Findings fold by fold, then on all of them; with an error among them the folds cannot be used.</returns>
    public static IEnumerable<Finding> Findings(IReadOnlyList<Split> folds, IReadOnlyCollection<string> ids, string source)
    {
        var known = ids.ToHashSet(StringComparer.Ordinal);
        for (var fold = 0; fold < folds.Count; fold++)
        {
            var (train, val, overlap) = folds[fold];
            string[] unknown = [.. train.Concat(val).Where(id => !known.Contains(id)).Distinct(StringComparer.Ordinal)];
            if (unknown.Length > 0)
            {
                yield return new(
                    Severity.Error, null,
                    $"{source}: fold {fold} names {Names(unknown)}, which "
                        + $"{(unknown.Length == 1 ? "is not a training case" : "are no training cases")} of this dataset",
                    "correct the file, or delete it to get new splits");
            }

            foreach (var (list, name) in new[] { (train, "train"), (val, "val") })
            {
                if (list.Count == 0)
                {
                    yield return new(
                        Severity.Error, null, $"{source}: fold {fold}: no case in `{name}`", "every fold needs both lists");
                }

                var twice = Repeated(list);
                if (twice.Length > 0)
                {
                    yield return new(
                        Severity.Error, null, $"{source}: fold {fold} lists {Names(twice)} more than once in `{name}`",
                        "list each case once");
                }
            }

            if (overlap is not null)
            {
                yield return new(Severity.Warning, null, overlap);
            }
        }

        var often = Repeated(folds.SelectMany(fold => fold.Val.Distinct(StringComparer.Ordinal)));
        if (often.Length > 0)
        {
            yield return new(
                Severity.Warning, null, $"{source}: several folds validate on {Names(often)}",
                "`find-best` compares only folds that share no validation case");
        }

        string[] never = [.. ids.Except(folds.SelectMany(fold => fold.Train.Concat(fold.Val)), StringComparer.Ordinal)];
        if (never.Length > 0)
        {
            yield return new(Severity.Warning, null, $"{source}: no fold uses {Names(never)}");
        }
    }

    private static string[] Repeated(IEnumerable<string> ids) =>
        [.. ids.GroupBy(id => id, StringComparer.Ordinal).Where(group => group.Count() > 1).Select(group => group.Key)];

    private static string Names(string[] names) =>
        string.Join(", ", names.Order(StringComparer.Ordinal).Take(ShownNames).Select(name => $"`{name}`"))
            + (names.Length > ShownNames ? $" and {names.Length - ShownNames} more" : "");
}
