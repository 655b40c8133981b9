using SharpSeg.AutoPlanner.Planning;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Batches;

/// <summary>Draws where a patch is taken from a case (docs/method/training.md §1, §5).</summary>
/// <param name="profile">The two generations differ in how a forced 2D slice is chosen.</param>
/// <param name="is2D">Patches are single slices.</param>
/// <param name="initial">Voxels to read.</param>
/// <param name="final">Voxels that the network sees.</param>
internal sealed class PatchSampler(Profile profile, bool is2D, Extent initial, Extent final)
{
    /// <summary>A patch's first voxel, and the voxel it was built around, if any.</summary>
    /// <param name="Start">First voxel of the initial patch (z, y, x); may be negative.</param>
    /// <param name="Voxel">The chosen foreground or annotated voxel.</param>
    public readonly record struct Position(Extent Start, Extent? Voxel);

    /// <summary>Draws the position of one patch.</summary>
    /// <param name="source">The case.</param>
    /// <param name="forced">The patch must contain foreground, if the case has any.</param>
    /// <param name="random">The sample's stream.</param>
    /// <param name="chosen">The list of the class, where it is chosen already; null draws one.</param>
    public Position Draw(ICaseSource source, bool forced, CounterRandom random, int? chosen = null)
    {
        var range = PatchRange.For(source.Shape, initial, final);
        var list = chosen is { } given ? given : forced ? DrawForegroundList(source, random) : source.AnnotatedList;
        if (list < 0 || source.LocationCount(list) == 0)
        {
            return new Position(range.Draw(random), null);
        }

        var voxel = forced && is2D && profile == Profile.Classic
            ? DrawSliceThenVoxel(source, list, random)
            : source.Location(list, random.NextInt(0, source.LocationCount(list) - 1));
        return new Position(range.Around(voxel), voxel);
    }

    // Uniform over the classes that the case contains; "annotated" only if there is nothing else. −1: nothing at all.
    private static int DrawForegroundList(ICaseSource source, CounterRandom random)
    {
        var present = 0;
        for (var list = 0; list < source.LocationLists; list++)
        {
            present += list != source.AnnotatedList && source.LocationCount(list) > 0 ? 1 : 0;
        }

        if (present == 0)
        {
            return source.AnnotatedList;
        }

        var skip = random.NextInt(0, present - 1);
        for (var list = 0; ; list++)
        {
            if (list != source.AnnotatedList && source.LocationCount(list) > 0 && skip-- == 0)
            {
                return list;
            }
        }
    }

    // Every slice with the class is equally likely, however little of the class it shows.
    private static Extent DrawSliceThenVoxel(ICaseSource source, int list, CounterRandom random)
    {
        var voxels = new int[source.Shape.Z];
        var slices = 0;
        for (var i = 0; i < source.LocationCount(list); i++)
        {
            slices += voxels[source.Location(list, i).Z]++ == 0 ? 1 : 0;
        }

        var skip = random.NextInt(0, slices - 1);
        var slice = 0;
        while (voxels[slice] == 0 || skip-- > 0)
        {
            slice++;
        }

        skip = random.NextInt(0, voxels[slice] - 1);
        for (var i = 0; ; i++)
        {
            var voxel = source.Location(list, i);
            if (voxel.Z == slice && skip-- == 0)
            {
                return voxel;
            }
        }
    }
}

/// <summary>
/// Where the first voxel of a patch may lie in a case (docs/method/training.md §5). The box may leave the case by half of what it
/// has too much: what the augmentation needs beyond the final patch, or what the case lacks.
/// </summary>
/// <param name="Lowest">Smallest possible start (z, y, x).</param>
/// <param name="Highest">Largest possible start (z, y, x).</param>
/// <param name="Initial">Size of the box in voxels.</param>
internal readonly record struct PatchRange(Extent Lowest, Extent Highest, Extent Initial)
{
    /// <summary>The range of a case.</summary>
    /// <param name="shape">Size of the case in voxels.</param>
    /// <param name="initial">Voxels to read.</param>
    /// <param name="final">Voxels that the network sees; not more than <paramref name="initial"/>.</param>
    public static PatchRange For(Extent shape, Extent initial, Extent final)
    {
        Extent lowest = default, highest = default;
        for (var axis = 0; axis < 3; axis++)
        {
            var need = Math.Max(initial[axis] - final[axis], initial[axis] - shape[axis]);

            // Floor division of a negative number: need 77 gives −39.
            lowest = lowest.With(axis, -((need + 1) / 2));
            highest = highest.With(axis, shape[axis] + (need / 2) + (need % 2) - initial[axis]);
        }

        return new PatchRange(lowest, highest, initial);
    }

    /// <summary>A start drawn uniformly, both ends included, each axis by itself.</summary>
    public Extent Draw(CounterRandom random) =>
        new(random.NextInt(Lowest.Z, Highest.Z), random.NextInt(Lowest.Y, Highest.Y), random.NextInt(Lowest.X, Highest.X));

    /// <summary>
    /// The start that puts a voxel into the middle. Not clamped at the far end: the box may run past it and is padded.
    /// </summary>
    public Extent Around(Extent voxel) => new(
        Math.Max(Lowest.Z, voxel.Z - (Initial.Z / 2)),
        Math.Max(Lowest.Y, voxel.Y - (Initial.Y / 2)),
        Math.Max(Lowest.X, voxel.X - (Initial.X / 2)));
}
