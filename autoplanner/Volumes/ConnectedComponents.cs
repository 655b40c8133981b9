using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Volumes;

/// <summary>
/// Connected components of a mask: union-find over the mask's runs along x (docs/method/evaluation.md §6). Memory follows the
/// number of runs, not of voxels; there is no recursion.
/// </summary>
internal sealed class ConnectedComponents
{
    private const long RunBytes = 4 * sizeof(int);        // its start, length, parent and component

    private readonly Extent extent;
    private readonly List<int> runStart;
    private readonly List<int> runLength;
    private readonly int[] runComponent;

    private ConnectedComponents(Extent extent, List<int> runStart, List<int> runLength, int[] runComponent, int[] sizes)
    {
        this.extent = extent;
        this.runStart = runStart;
        this.runLength = runLength;
        this.runComponent = runComponent;
        Sizes = sizes;
    }

    /// <summary>Voxels of each component, in raster order of their first voxels.</summary>
    public IReadOnlyList<int> Sizes { get; }

    /// <summary>Number of components; 0 for an empty mask.</summary>
    public int Count => Sizes.Count;

    /// <summary>Finds the components of a mask.</summary>
    /// <param name="mask">extent.Voxels entries in array order (z, y, x).</param>
    /// <param name="extent">Voxels (z, y, x).</param>
    /// <param name="connectivity">Which voxels are neighbours.</param>
    /// <exception cref="ArgumentException">The mask does not have extent.Voxels entries.</exception>
    public static ConnectedComponents Find(ReadOnlySpan<bool> mask, Extent extent, Connectivity connectivity)
    {
        if (mask.Length != extent.Voxels)
        {
            throw new ArgumentException(
                $"the mask has {mask.Length} entries, the extent {extent} has {extent.Voxels}", nameof(mask));
        }

        var firstRun = new int[(extent.Z * extent.Y) + 1];
        List<int> starts = [], lengths = [];
        for (var line = 0; line < firstRun.Length - 1; line++)
        {
            firstRun[line] = starts.Count;
            AddRuns(mask.Slice(line * extent.X, extent.X), line * extent.X, starts, lengths);
        }

        firstRun[^1] = starts.Count;
        return Join(extent, connectivity, firstRun, starts, lengths);
    }

    /// <summary>Finds the components of a mask.</summary>
    /// <param name="mask">The mask.</param>
    /// <param name="connectivity">Which voxels are neighbours.</param>
    public static ConnectedComponents Find(BitVolume mask, Connectivity connectivity)
    {
        var extent = mask.Size;
        var firstRun = new int[(extent.Z * extent.Y) + 1];
        var row = new bool[extent.X];
        List<int> starts = [], lengths = [];
        for (var line = 0; line < firstRun.Length - 1; line++)
        {
            firstRun[line] = starts.Count;
            for (var x = 0; x < row.Length; x++)
            {
                row[x] = ((mask.Words[(line * mask.RowWords) + (x >> 6)] >> (x & 63)) & 1) != 0;
            }

            AddRuns(row, line * extent.X, starts, lengths);
        }

        firstRun[^1] = starts.Count;
        return Join(extent, connectivity, firstRun, starts, lengths);
    }

    /// <summary>The components of the voxels whose label is in a set.</summary>
    /// <param name="labels">extent.Voxels labels in array order.</param>
    /// <param name="extent">Voxels (z, y, x).</param>
    /// <param name="set">Labels that together form the mask.</param>
    /// <param name="connectivity">Which voxels are neighbours.</param>
    public static ConnectedComponents Find(
        ReadOnlySpan<short> labels, Extent extent, IReadOnlyCollection<int> set, Connectivity connectivity)
    {
        if (labels.Length != extent.Voxels)
        {
            throw new ArgumentException(
                $"the map has {labels.Length} labels, the extent {extent} has {extent.Voxels}", nameof(labels));
        }

        var firstRun = new int[(extent.Z * extent.Y) + 1];
        var row = new bool[extent.X];
        var runs = (int)Math.Min(CountRuns(labels, extent.X), Array.MaxLength);
        List<int> starts = new(runs), lengths = new(runs);
        for (var line = 0; line < firstRun.Length - 1; line++)
        {
            firstRun[line] = starts.Count;
            var values = labels.Slice(line * extent.X, extent.X);
            Array.Clear(row);
            foreach (var label in set)
            {
                for (var x = 0; x < row.Length; x++)
                {
                    row[x] |= values[x] == label;
                }
            }

            AddRuns(row, line * extent.X, starts, lengths);
        }

        firstRun[^1] = starts.Count;
        return Join(extent, connectivity, firstRun, starts, lengths);
    }

    /// <summary>At the most what finding components of any set of labels takes: noise has many runs, anatomy few.</summary>
    /// <param name="labels">The map.</param>
    /// <param name="width">Voxels of a row.</param>
    public static long Bytes(ReadOnlySpan<short> labels, int width) => RunBytes * CountRuns(labels, width);

    /// <summary>
    /// Sets to 0 every voxel of a set of labels that lies outside the set's largest component. Components of equal, maximal size
    /// all stay. Labels outside the set are untouched (docs/method/evaluation.md §6).
    /// </summary>
    /// <param name="labels">extent.Voxels labels in array order, changed in place.</param>
    /// <param name="extent">Voxels (z, y, x).</param>
    /// <param name="set">Labels that together form the mask.</param>
    /// <param name="connectivity">Which voxels are neighbours.</param>
    /// <returns>Number of voxels set to 0.</returns>
    public static long KeepLargest(Span<short> labels, Extent extent, IReadOnlyCollection<int> set, Connectivity connectivity)
    {
        var components = Find(labels, extent, set, connectivity);
        if (components.Count < 2)
        {
            return 0;
        }

        var largest = components.Sizes.Max();
        long removed = 0;
        for (var run = 0; run < components.runComponent.Length; run++)
        {
            if (components.Sizes[components.runComponent[run]] < largest)
            {
                labels.Slice(components.runStart[run], components.runLength[run]).Clear();
                removed += components.runLength[run];
            }
        }

        return removed;
    }

    /// <summary>Removes a component from the mask in which it was found.</summary>
    /// <param name="component">Its index in <see cref="Sizes"/>.</param>
    /// <param name="mask">The mask, changed in place.</param>
    public void Remove(int component, BitVolume mask)
    {
        for (var run = 0; run < runComponent.Length; run++)
        {
            for (var v = runStart[run]; runComponent[run] == component && v < runStart[run] + runLength[run]; v++)
            {
                mask[v / (extent.Y * extent.X), v / extent.X % extent.Y, v % extent.X] = false;
            }
        }
    }

    /// <summary>A volume with 0 outside the mask and the component's number, from 1, inside.</summary>
    public int[] ToVolume()
    {
        var volume = new int[extent.Voxels];
        for (var run = 0; run < runComponent.Length; run++)
        {
            volume.AsSpan(runStart[run], runLength[run]).Fill(runComponent[run] + 1);
        }

        return volume;
    }

    /// <summary>Unites runs that touch and numbers what came together.</summary>
    /// <param name="extent">Voxels (z, y, x).</param>
    /// <param name="connectivity">Which voxels are neighbours.</param>
    /// <param name="firstRun">Per line along x its first run, and behind the last line the number of runs.</param>
    /// <param name="starts">First voxel of each run, in array order.</param>
    /// <param name="lengths">Voxels of each run.</param>
    private static ConnectedComponents Join(
        Extent extent, Connectivity connectivity, int[] firstRun, List<int> starts, List<int> lengths)
    {
        var parent = new int[starts.Count];
        for (var run = 0; run < parent.Length; run++)
        {
            parent[run] = run;
        }

        var reach = connectivity == Connectivity.Full ? 1 : 0;
        for (var z = 0; z < extent.Z; z++)
        {
            for (var y = 0; y < extent.Y; y++)
            {
                var line = z * extent.Y + y;
                if (y > 0)
                {
                    Join(firstRun, starts, lengths, parent, line, line - 1, extent.X, reach);
                }

                if (z == 0)
                {
                    continue;
                }

                for (var dy = -reach; dy <= reach; dy++)
                {
                    if (y + dy >= 0 && y + dy < extent.Y)
                    {
                        Join(firstRun, starts, lengths, parent, line, line - extent.Y + dy, extent.X, reach);
                    }
                }
            }
        }

        var component = new int[parent.Length];
        var sizes = new List<int>();
        for (var run = 0; run < parent.Length; run++)
        {
            // A root is always the smallest run of its tree, so it is numbered before its members are.
            var root = Root(parent, run);
            if (root == run)
            {
                component[run] = sizes.Count;
                sizes.Add(0);
            }

            component[run] = component[root];
            sizes[component[run]] += lengths[run];
        }

        return new ConnectedComponents(extent, starts, lengths, component, [.. sizes]);
    }

    /// <summary>Runs of one foreground label along x; a set of labels has no more.</summary>
    private static long CountRuns(ReadOnlySpan<short> labels, int width)
    {
        long runs = 0;
        for (var start = 0; start < labels.Length; start += width)
        {
            short last = 0;
            foreach (var label in labels.Slice(start, width))
            {
                runs += label != last && label != 0 ? 1 : 0;
                last = label;
            }
        }

        return runs;
    }

    private static void AddRuns(ReadOnlySpan<bool> line, int offset, List<int> starts, List<int> lengths)
    {
        var x = 0;
        while (true)
        {
            var skip = line[x..].IndexOf(true);
            if (skip < 0)
            {
                return;
            }

            x += skip;
            var length = line[x..].IndexOf(false);
            length = length < 0 ? line.Length - x : length;
            starts.Add(offset + x);
            lengths.Add(length);
            x += length;
        }
    }

    /// <summary>Unites the touching runs of two lines; both lists are sorted, so one walk over both suffices.</summary>
    private static void Join(
        int[] firstRun, List<int> starts, List<int> lengths, int[] parent, int line, int other, int width, int reach)
    {
        int a = firstRun[line], b = firstRun[other];
        int aEnd = firstRun[line + 1], bEnd = firstRun[other + 1];
        while (a < aEnd && b < bEnd)
        {
            int aLow = starts[a] - line * width, aHigh = aLow + lengths[a] - 1;
            int bLow = starts[b] - other * width, bHigh = bLow + lengths[b] - 1;
            if (aLow <= bHigh + reach && bLow <= aHigh + reach)
            {
                Unite(parent, a, b);
            }

            if (aHigh < bHigh)
            {
                a++;
            }
            else
            {
                b++;
            }
        }
    }

    private static void Unite(int[] parent, int a, int b)
    {
        int rootA = Root(parent, a), rootB = Root(parent, b);
        parent[Math.Max(rootA, rootB)] = Math.Min(rootA, rootB);
    }

    private static int Root(int[] parent, int run)
    {
        while (parent[run] != run)
        {
            parent[run] = parent[parent[run]];
            run = parent[run];
        }

        return run;
    }
}

/// <summary>Which voxels count as neighbours.</summary>
public enum Connectivity
{
    /// <summary>Voxels that share a face: 6 in 3D, 4 in 2D (z = 1).</summary>
    Face,

    /// <summary>Voxels that share a face, an edge or a corner: 26 in 3D, 8 in 2D (z = 1).</summary>
    Full,
}
