using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Batches;

/// <summary>
/// What the network is trained to output: the label map, or one 0/1 map per region with the ignore map last, at the resolution of
/// each supervised output (docs/method/augmentation.md §9, docs/method/losses-and-optimisers.md §5).
/// </summary>
internal sealed class SupervisionTargets
{
    private readonly IReadOnlyList<IReadOnlyList<int>> regions;
    private readonly float[] maps; // [label·channels + region]; regions only
    private readonly int labels;

    /// <summary>Prepares the lookup of label → maps.</summary>
    /// <param name="regions">Label sets of the regions in declared order; empty for plain labels.</param>
    /// <param name="ignoreLabel">Label without information, or null.</param>
    public SupervisionTargets(IReadOnlyList<IReadOnlyList<int>> regions, int? ignoreLabel)
    {
        this.regions = regions;
        Channels = regions.Count == 0 ? 1 : regions.Count + (ignoreLabel is null ? 0 : 1);
        labels = 1 + Math.Max(ignoreLabel ?? 0, regions.Count == 0 ? 0 : regions.Max(r => r.Count == 0 ? 0 : r.Max()));
        maps = new float[labels * Channels];
        for (var r = 0; r < regions.Count; r++)
        {
            foreach (var label in regions[r])
            {
                maps[(label * Channels) + r] = 1;
            }
        }

        if (regions.Count > 0 && ignoreLabel is { } ignored)
        {
            maps[(ignored * Channels) + regions.Count] = 1;
        }
    }

    /// <summary>Channels of a target: 1, or the number of regions, plus 1 with an ignore label.</summary>
    public int Channels { get; }

    /// <summary>Size of a supervised output: patch/stride rounded half to even.</summary>
    public static Extent SizeOf(Extent patch, Extent stride) =>
        new(Divide(patch.Z, stride.Z), Divide(patch.Y, stride.Y), Divide(patch.X, stride.X));

    /// <summary>Writes the target of one output.</summary>
    /// <param name="source">Label (z, y, x) of the patch, without −1.</param>
    /// <param name="patch">Its size in voxels.</param>
    /// <param name="size">Size of the output.</param>
    /// <param name="target">Receives (z, y, x, channel).</param>
    /// <param name="unlabelled">Regions that the label map does not show: their maps are 0, also where a region inside one is
    /// shown.</param>
    public void Write(
        ReadOnlySpan<short> source, Extent patch, Extent size, Span<float> target, IReadOnlyList<int>? unlabelled = null)
    {
        if (regions.Count == 0 && size == patch)
        {
            target = target[..source.Length];
            for (var v = 0; v < target.Length; v++)
            {
                target[v] = source[v];
            }

            return;
        }

        Span<int> columns = size.X <= 1024 ? stackalloc int[size.X] : new int[size.X];
        for (var x = 0; x < size.X; x++)
        {
            columns[x] = NearestIndex.Of(x, patch.X, size.X);
        }

        for (var z = 0; z < size.Z; z++)
        {
            var slice = NearestIndex.Of(z, patch.Z, size.Z) * patch.Y;
            for (var y = 0; y < size.Y; y++)
            {
                var row = source.Slice((slice + NearestIndex.Of(y, patch.Y, size.Y)) * patch.X, patch.X);
                var to = target.Slice(((z * size.Y) + y) * size.X * Channels, size.X * Channels);
                if (regions.Count == 0)
                {
                    for (var x = 0; x < columns.Length; x++)
                    {
                        to[x] = row[columns[x]];
                    }
                }
                else
                {
                    WriteRegions(row, columns, to, unlabelled ?? []);
                }
            }
        }
    }

    private static int Divide(int patch, int stride) => (int)Math.Round((double)patch / stride, MidpointRounding.ToEven);

    private void WriteRegions(
        ReadOnlySpan<short> row, ReadOnlySpan<int> columns, Span<float> to, IReadOnlyList<int> unlabelled)
    {
        for (var x = 0; x < columns.Length; x++)
        {
            var label = row[columns[x]];
            var voxel = to.Slice(x * Channels, Channels);
            if ((uint)label < (uint)labels)
            {
                maps.AsSpan(label * Channels, Channels).CopyTo(voxel);
            }
            else
            {
                voxel.Clear(); // a label of no region
            }

            foreach (var region in unlabelled)
            {
                voxel[region] = 0;
            }
        }
    }
}

/// <summary>Nearest neighbour with half-pixel centres, in integers (docs/method/losses-and-optimisers.md §5).</summary>
internal static class NearestIndex
{
    /// <summary>Source index ⌊(2o + 1)·n/(2m)⌋ of output o: factor 2 picks 1, 3, 5, …</summary>
    /// <param name="output">o, below <paramref name="m"/>.</param>
    /// <param name="n">Input size.</param>
    /// <param name="m">Output size.</param>
    public static int Of(int output, int n, int m) => (int)(((2L * output) + 1) * n / (2L * m));
}
