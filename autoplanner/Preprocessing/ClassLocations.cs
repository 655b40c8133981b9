using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Preprocessing;

/// <summary>
/// Voxels of one foreground class, from which training centres patches (docs/method/preprocessing.md §5).
/// </summary>
/// <param name="Key">
/// "2" for a label, "(1, 2, 3)" for a region, <see cref="AnnotatedKey"/> for everything but the ignore label.
/// </param>
/// <param name="Voxels">How many voxels the class has in the stored array; the list below may be a sample of them.</param>
/// <param name="Coordinates">z, y, x of each sampled voxel, one after the other, in the stored array.</param>
public sealed record ClassLocations(string Key, long Voxels, int[] Coordinates)
{
    /// <summary>Key of the last entry of datasets with an ignore label: -1, background and every label except ignore.</summary>
    public const string AnnotatedKey = "annotated";

    /// <summary>Number of sampled voxels.</summary>
    public int Count => Coordinates.Length / 3;

    /// <summary>A sampled voxel (z, y, x).</summary>
    public Extent this[int index] => new(Coordinates[3 * index], Coordinates[3 * index + 1], Coordinates[3 * index + 2]);
}
