using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Preprocessing;

/// <summary>
/// Samples the voxels of each foreground class, so that training can centre patches on them without reading whole label maps
/// (docs/method/preprocessing.md §5): min(10000, N) of a class's N voxels, but at least 1 % of them, uniformly and without
/// replacement.
/// </summary>
internal static class ForegroundLocations
{
    private const int UsualCount = 10000; // voxels per class and case, nnU-Net v2
    private const double LeastShare = 0.01; // of a class's voxels, nnU-Net v2
    private const ulong Seed = 1234; // the reference's; the draw itself is ours

    /// <summary>How many of N voxels are kept.</summary>
    public static int SampleCount(long voxels) =>
        checked((int)Math.Max(Math.Min(UsualCount, voxels), (long)Math.Ceiling(voxels * LeastShare)));

    /// <summary>
    /// One list per foreground label, or per region if there are any, in the order of the scheme; with an ignore label one more,
    /// of all voxels that are not ignored. A class without voxels has an empty list. Voxels are in raster order.
    /// </summary>
    /// <param name="labels">
    /// shape.Voxels labels (z, y, x), -1 outside the mask; more behind them are not looked at.
    /// </param>
    /// <param name="shape">Voxels (z, y, x).</param>
    /// <param name="scheme">The dataset's labels.</param>
    /// <param name="unlabelled">Evaluated classes that the label map does not show; their lists are empty.</param>
    public static IReadOnlyList<ClassLocations> Sample(
        short[] labels, Extent shape, LabelScheme scheme, IReadOnlyList<int>? unlabelled = null)
    {
        var classes = Classes(scheme).Select(
            (entry, index) => unlabelled?.Contains(index) == true ? (entry.Key, []) : entry).ToArray();
        var highest = Math.Max(scheme.AllLabels.Max(), scheme.IgnoreLabel ?? 0);
        var histogram = new long[highest + 2];
        foreach (var label in labels.AsSpan(0, (int)shape.Voxels))
        {
            histogram[label + 1]++;
        }

        // Which classes a label belongs to; index 0 is the label -1.
        var classesOf = new int[highest + 2][];
        for (var label = -1; label <= highest; label++)
        {
            classesOf[label + 1] = [.. Enumerable.Range(0, classes.Length).Where(index => classes[index].Labels.Contains(label))];
        }

        var draws = classes.Select((entry, index) => new Draw(entry.Labels.Sum(label => histogram[label + 1]), index)).ToArray();
        var at = 0;
        for (var z = 0; z < shape.Z; z++)
        {
            for (var y = 0; y < shape.Y; y++)
            {
                for (var x = 0; x < shape.X; x++)
                {
                    foreach (var index in classesOf[labels[at] + 1])
                    {
                        draws[index].Offer(z, y, x);
                    }

                    at++;
                }
            }
        }

        return [
            .. classes.Select((entry, index) => new ClassLocations(entry.Key, draws[index].Voxels, draws[index].Coordinates))];
    }

    /// <summary>Keys and label sets of the lists, in order.</summary>
    internal static IReadOnlyList<(string Key, IReadOnlyList<int> Labels)> Classes(LabelScheme scheme)
    {
        var classes = new List<(string, IReadOnlyList<int>)>();
        if (scheme.HasRegions)
        {
            foreach (var region in scheme.Regions)
            {
                classes.Add((region.Count == 1 ? $"{region[0]}" : $"({string.Join(", ", region)})", region));
            }
        }
        else
        {
            foreach (var label in scheme.ForegroundLabels)
            {
                classes.Add(($"{label}", [label]));
            }
        }

        if (scheme.IgnoreLabel is not null)
        {
            classes.Add((ClassLocations.AnnotatedKey, [NonZeroCrop.OutsideLabel, .. scheme.AllLabels]));
        }

        return classes;
    }

    /// <summary>
    /// Selection sampling (Knuth, TAOCP 2, algorithm S): one pass, every subset equally likely, no list of candidates.
    /// </summary>
    private sealed class Draw
    {
        private readonly CounterRandom random;
        private long remaining;
        private int taken;

        public Draw(long voxels, int index)
        {
            random = new CounterRandom(Seed, index);
            remaining = Voxels = voxels;
            Coordinates = new int[3 * SampleCount(voxels)];
        }

        public long Voxels { get; }

        public int[] Coordinates { get; }

        public void Offer(int z, int y, int x)
        {
            var needed = Coordinates.Length / 3 - taken;
            var isTaken = needed > 0 && (needed == remaining || random.NextDouble() * remaining < needed);
            remaining--;
            if (!isTaken)
            {
                return;
            }

            Coordinates[3 * taken] = z;
            Coordinates[3 * taken + 1] = y;
            Coordinates[3 * taken + 2] = x;
            taken++;
        }
    }
}

/// <summary>
/// Voxels of one foreground class, from which training centres patches (docs/method/preprocessing.md §5).
/// </summary>
/// <param name="Key">
/// "2" for a label, "(1, 2, 3)" for a region, <see cref="AnnotatedKey"/> for everything but the ignore label.
/// </param>
/// <param name="Voxels">How many voxels the class has in the stored array; the list below may be a sample of them.</param>
/// <param name="Coordinates">z, y, x of each sampled voxel, one after the other, in the stored array.</param>
internal sealed record ClassLocations(string Key, long Voxels, int[] Coordinates)
{
    /// <summary>Key of the last entry of datasets with an ignore label: -1, background and every label except ignore.</summary>
    public const string AnnotatedKey = "annotated";

    /// <summary>Number of sampled voxels.</summary>
    public int Count => Coordinates.Length / 3;

    /// <summary>A sampled voxel (z, y, x).</summary>
    public Extent this[int index] => new(Coordinates[3 * index], Coordinates[3 * index + 1], Coordinates[3 * index + 2]);
}
