using System.Globalization;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Workspaces;

namespace SharpSeg.AutoPlanner.Training;

/// <summary>
/// What the second stage of a cascade takes over from the first: a segmentation of every training case, made by the fold that did
/// not train on it (docs/method/training.md §2). The second stage does not start before they and their networks are there.
/// </summary>
/// <param name="Folder">Where they lie, one <see cref="PreviousStageFile"/> a case.</param>
/// <param name="Warning">Where they are not out of fold; null if all are.</param>
internal sealed record CascadeHandOver(string Folder, string? Warning)
{
    /// <summary>Inspects what the first stage left.</summary>
    /// <param name="workspace">Holds the runs.</param>
    /// <param name="first">The first stage.</param>
    /// <param name="second">The second stage.</param>
    /// <param name="splits">The folds of both stages.</param>
    /// <exception cref="SharpSegException">
    /// A segmentation is missing, or its network is; the message names a case and the folds that would write it.
    /// </exception>
    public static CascadeHandOver RequireComplete(Workspace workspace, string first, string second, Splits splits)
    {
        var folder = workspace.NextStageFolder(first, second);
        var origin = new HandOverOrigin(workspace.RunFolders(first), folder, workspace.ReadDescription().FileEnding);
        Dictionary<string, string> missing = [], orphaned = []; // fold to a case
        var inSample = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (fold, id) in Expected(splits))
        {
            var writer = origin.FoldOf(id);
            if (writer == Splits.AllCases)
            {
                inSample.Add(id);
            }
            else if (!HandOverOrigin.IsOutOfFold(writer, id, splits))
            {
                (PreviousStageFile.Exists(folder, id) ? orphaned : missing).TryAdd(fold, id);
            }
        }

        if (missing.Count + orphaned.Count > 0)
        {
            throw Incomplete(workspace, first, second, missing, orphaned);
        }

        return new CascadeHandOver(folder, inSample.Count == 0 ? null :
            $"{Counted.Of(inSample.Count, "segmentation")} of `{first}` {Counted.Noun(inSample.Count, "comes", "come")} from its "
                + "fold `every-case`, which trained on these cases: better than on new ones");
    }

    /// <summary>All cases, each with the folds that validate on it; where none does, fold `all` does.</summary>
    private static IEnumerable<(string Fold, string Id)> Expected(Splits splits)
    {
        var validated = splits.Folds.SelectMany((split, fold) => split.Val.Select(
            id => (Fold: fold.ToString(CultureInfo.InvariantCulture), Id: id))).ToArray();
        return validated.Concat(splits.Folds.SelectMany(split => split.Train).Distinct(StringComparer.Ordinal)
            .Except(validated.Select(item => item.Id), StringComparer.Ordinal).Select(id => (Splits.AllCases, id)));
    }

    private static SharpSegException Incomplete(
        Workspace workspace, string first, string second, Dictionary<string, string> missing, Dictionary<string, string> orphaned)
    {
        static string Of(IEnumerable<string> folds)
        {
            string[] names = [.. folds.Select(Splits.NameOf)];
            return $"{Counted.Noun(names.Length, "fold")} {string.Join(", ", names)}";
        }

        var what = new List<string>();
        if (missing.Count > 0)
        {
            what.Add($"case `{missing.Values.First()}` has none yet: missing from {Of(missing.Keys)}");
        }

        if (orphaned.Count > 0)
        {
            what.Add(
                $"that of case `{orphaned.Values.First()}` is by a network that is gone, was trained again or is unknown: to be "
                    + $"made again by {Of(orphaned.Keys)}");
        }

        string[] folds = [.. missing.Keys.Union(orphaned.Keys)];
        var begun = folds.Length > 1 || Directory.Exists(workspace.RunFolder(first, folds[0]));
        return new SharpSegException(
            $"`{second}` learns from the segmentations of `{first}`, and {string.Join("; ", what)}",
            $"`sharpseg train {workspace.Folder}{(workspace.Plan is { } plan ? $" --plan {plan}" : "")} -c {first} -f "
                + $"{string.Join(',', folds.Select(Splits.NameOf))}"
                + (begun ? " --resume` writes them; what is trained is not trained again" : "` writes them"));
    }
}

/// <summary>The second stage of a cascade, as the first one must know it to hand its segmentations over.</summary>
/// <param name="Name">Its configuration.</param>
/// <param name="Folder">Where the segmentations go.</param>
/// <param name="DataFolder">Its preprocessed cases, which give their grids.</param>
public sealed record NextStage(string Name, string Folder, string DataFolder);
