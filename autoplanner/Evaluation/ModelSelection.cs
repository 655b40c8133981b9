using SharpSeg.AutoPlanner.Planning;

namespace SharpSeg.AutoPlanner.Evaluation;

/// <summary>Which candidates compete on a dataset, and which one wins (docs/method/evaluation.md §4).</summary>
internal static class ModelSelection
{
    private static readonly string[] Modern = ["2d", "3d_fullres", "3d_lowres", "3d_cascade_fullres"];

    // The papers report the low-resolution stage alone, but do not let it compete.
    private static readonly string[] Classic = ["2d", "3d_fullres", "3d_cascade_fullres"];

    /// <summary>The planned configurations that compete alone, in the order in which ties are decided.</summary>
    public static IReadOnlyList<string> Singles(Profile profile, IReadOnlyCollection<string> planned) =>
        [.. (profile == Profile.Classic ? Classic : Modern).Where(planned.Contains)];

    /// <summary>The single configurations, then all pairs, in a fixed order.</summary>
    /// <param name="names">The configurations that compete alone, of one plan or of several: <see cref="Singles"/> of
    /// each.</param>
    /// <param name="trained">Configurations whose cross-validation is complete.</param>
    /// <param name="allowEnsembles">Whether pairs compete.</param>
    /// <param name="trainedOnly">Leave out configurations that are planned but not trained, instead of refusing.</param>
    /// <exception cref="SharpSegException">A planned configuration is not trained, or none is.</exception>
    public static IReadOnlyList<Candidate> Candidates(
        IReadOnlyList<string> names, IReadOnlyCollection<string> trained, bool allowEnsembles = true, bool trainedOnly = false)
    {
        var untrained = names.Where(name => !trained.Contains(name)).ToArray();
        if (untrained.Length > 0 && !trainedOnly)
        {
            throw new SharpSegException(
                $"not all planned configurations are trained: {string.Join(", ", untrained)}",
                "train all folds of them, or pass --trained-only");
        }

        names = [.. names.Where(trained.Contains)];
        if (names.Count == 0)
        {
            throw new SharpSegException("no configuration is trained", "`sharpseg train` comes first");
        }

        var candidates = names.Select(name => new Candidate([name])).ToList();
        for (var i = 0; allowEnsembles && i < names.Count; i++)
        {
            for (var j = i + 1; j < names.Count; j++)
            {
                candidates.Add(new Candidate([names[i], names[j]]));
            }
        }

        return candidates;
    }

    /// <summary>
    /// Index of the highest score. Of equal scores the first wins, which is the simpler candidate; NaN loses against any number.
    /// </summary>
    /// <param name="scores">Foreground mean Dice before postprocessing, per candidate.</param>
    /// <exception cref="ArgumentException">There is no score.</exception>
    public static int Best(IReadOnlyList<double> scores)
    {
        if (scores.Count == 0)
        {
            throw new ArgumentException("there is no candidate to choose from", nameof(scores));
        }

        var best = 0;
        for (var i = 1; i < scores.Count; i++)
        {
            if (scores[i] > scores[best] || (double.IsNaN(scores[best]) && !double.IsNaN(scores[i])))
            {
                best = i;
            }
        }

        return best;
    }
}
