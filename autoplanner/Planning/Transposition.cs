using SharpSeg.AutoPlanner.Imaging;

namespace SharpSeg.AutoPlanner.Planning;

/// <summary>
/// The axis order of everything after loading: the axis of the coarsest target spacing comes first, so that slices are cut across
/// it (docs/method/planning.md §3.2).
/// </summary>
internal static class Transposition
{
    /// <summary>The coarsest axis (first on ties), then the others ascending.</summary>
    public static int[] Forward(Spacing target)
    {
        var coarsest = CoarsestAxis(target);
        return [coarsest, .. Enumerable.Range(0, 3).Where(axis => axis != coarsest)];
    }

    /// <summary>The permutation that undoes <paramref name="forward"/>.</summary>
    public static int[] Inverse(IReadOnlyList<int> forward)
    {
        var backward = new int[forward.Count];
        for (var i = 0; i < forward.Count; i++)
        {
            backward[forward[i]] = i;
        }

        return backward;
    }

    /// <summary>Values in the new axis order: entry i is the old entry forward[i].</summary>
    public static T[] Apply<T>(IReadOnlyList<int> forward, IReadOnlyList<T> values) => [.. forward.Select(axis => values[axis])];

    /// <summary>The axis of the largest spacing; the first on ties.</summary>
    internal static int CoarsestAxis(Spacing spacing)
    {
        var coarsest = 0;
        for (var axis = 1; axis < 3; axis++)
        {
            if (spacing[axis] > spacing[coarsest])
            {
                coarsest = axis;
            }
        }

        return coarsest;
    }
}
