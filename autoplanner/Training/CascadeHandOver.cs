using System.Globalization;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Workspaces;

namespace SharpSeg.AutoPlanner.Training;

/// <summary>
/// What the second stage of a cascade takes over from the first: a segmentation of every training case, made by the fold that did
/// not train on it (docs/method/training.md §2). The second stage does not start before all are there.
/// </summary>
/// <param name="Folder">Where they lie, one <see cref="PreviousStageFile"/> a case.</param>
/// <param name="Warning">Where they are not out of fold; null if all are.</param>
internal sealed record CascadeHandOver(string Folder, string? Warning)
{
    /// <summary>Inspects what the first stage left.</summary>
    /// <param name="workspace">Holds the runs.</param>
    /// <param name="plan">The second stage.</param>
    /// <param name="splits">The folds of both stages.</param>
    /// <exception cref="SharpSegException">
    /// A segmentation is missing; the message names a case and the folds that would write it.
    /// </exception>
    public static CascadeHandOver RequireComplete(Workspace workspace, ConfigurationPlan plan, Splits splits)
    {
        var first = plan.PreviousStage ?? throw new ArgumentException($"{plan.Name} is not a second stage", nameof(plan));
        var folder = workspace.NextStageFolder(first, plan.Name);
        var missing = new SortedDictionary<int, string>(); // fold to a case
        var inSample = 0;
        for (var fold = 0; fold < splits.Folds.Count; fold++)
        {
            var trained = File.Exists(Workspace.FinalCheckpoint(workspace.RunFolder(first, fold)));
            foreach (var id in splits.Folds[fold].Val)
            {
                if (!PreviousStageFile.Exists(folder, id))
                {
                    missing.TryAdd(fold, id);
                }
                else if (!trained)
                {
                    inSample++; // only fold `all` can have written it
                }
            }
        }

        if (missing.Count > 0)
        {
            var folds = $"{Counted.Noun(missing.Count, "fold")} "
                + string.Join(", ", missing.Keys.Select(fold => fold.ToString(CultureInfo.InvariantCulture)));
            var (next, example) = missing.First();
            throw new SharpSegException(
                $"`{plan.Name}` learns from the segmentations of `{first}`, and case `{example}` has none yet: missing from "
                    + folds,
                $"`sharpseg train {workspace.Folder} -c {first} -f {next}` writes those of fold {next}; if it is finished, add "
                    + "--resume");
        }

        return new CascadeHandOver(folder, inSample == 0 ? null :
            $"{Counted.Of(inSample, "segmentation")} of `{first}` {Counted.Noun(inSample, "comes", "come")} from its fold `every-case`, which trained on these cases: better than on "
                + "new ones");
    }
}

/// <summary>The second stage of a cascade, as the first one must know it to hand its segmentations over.</summary>
/// <param name="Name">Its configuration.</param>
/// <param name="Folder">Where the segmentations go.</param>
/// <param name="DataFolder">Its preprocessed cases, which give their grids.</param>
public sealed record NextStage(string Name, string Folder, string DataFolder);
