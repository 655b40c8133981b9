using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Batches;

/// <summary>
/// Where the first voxel of a patch may lie in a case (docs/method/training.md §5). The box may leave the case by half of what it
/// has too much: what the augmentation needs beyond the final patch, or what the case lacks.
/// </summary>
/// <param name="Lowest">Smallest possible start (z, y, x).</param>
/// <param name="Highest">Largest possible start (z, y, x).</param>
/// <param name="Initial">Size of the box in voxels.</param>
public readonly record struct PatchRange(Extent Lowest, Extent Highest, Extent Initial)
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
