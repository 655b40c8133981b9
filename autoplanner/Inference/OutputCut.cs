using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Inference;

/// <summary>
/// How the outputs of a case are held (docs/method/memory.md §2): all at once; or a window of planes that slides along z; or,
/// where that is still too much, one such window after the other for parts of the rows, then of the columns. Tiles that lie
/// across two parts are then computed for both.
/// </summary>
/// <param name="Parts">Rows and columns of the other grid that are decided together, each with all planes.</param>
/// <param name="Planes">Open planes of the preprocessed grid; 0: all outputs at once.</param>
/// <param name="Bytes">Of the sums, and of what is in work beside them.</param>
/// <param name="Work">
/// Tiles that touch the parts, as a multiple of the tiles that there are; those that go through the network with them come on
/// top.
/// </param>
internal sealed record OutputCut(IReadOnlyList<Box> Parts, int Planes, long Bytes, double Work)
{
    private const int VolumesInWork = 6;                  // a map, two steps of its resampling, the best one, labels, weights

    /// <summary>Everything at once.</summary>
    public bool IsWhole => Planes == 0;

    /// <summary>Of them, what is held until labels and maps are made, where everything is held at once; else 0.</summary>
    public long HeldBytes { get; private init; }

    /// <summary>The cheapest way within a budget, or, where there is none, the one of the least memory.</summary>
    /// <param name="availableBytes">Memory for outputs.</param>
    /// <param name="tiling">Tiles of the case.</param>
    /// <param name="change">To the grid on which labels are decided; what is needed whole has no change.</param>
    /// <param name="heads">Maps.</param>
    /// <param name="folds">Networks.</param>
    /// <param name="isWholeAllowed">Else a window, whatever fits.</param>
    public static OutputCut Choose(
        long availableBytes, Tiling tiling, in GridChange change, int heads, int folds, bool isWholeAllowed = true)
    {
        var whole = Whole(tiling, change, heads, folds);
        if (isWholeAllowed && (whole.Bytes <= availableBytes || !change.IsLocal))
        {
            return whole;
        }

        OutputCut? least = null;
        foreach (var (rows, columns) in Divisions(tiling, change))
        {
            var parts = PartsOf(tiling, change, rows, columns);
            var (open, roomy) = (tiling.Tile.Z + 1, tiling.Tile.Z + PlanesOfASlab(tiling.Padded));
            var (narrow, wide) = (
                Window(tiling, change, parts, open, heads, folds), Window(tiling, change, parts, roomy, heads, folds));
            var cut = wide.Bytes <= availableBytes ? wide : narrow;
            if (cut.Bytes <= availableBytes)
            {
                return cut;
            }

            least = least is null || cut.Bytes < least.Bytes ? cut : least;
        }

        return least!;
    }

    /// <summary>Sums of everything.</summary>
    public static OutputCut Whole(Tiling tiling, in GridChange change, int heads, int folds) => new(
        [new Box(default, change.To)], 0,
        (tiling.Padded.Voxels * sizeof(float) * ((heads * (folds > 1 ? 2L : 1)) + 1))
            + (VolumesInWork * sizeof(float) * Math.Min(
                SegmentationExporter.SlabVoxels, Math.Max(change.From.Voxels, change.To.Voxels))),
        1)
    {
        HeldBytes = tiling.Padded.Voxels * sizeof(float) * ((heads * (folds > 1 ? 2L : 1)) + 1),
    };

    /// <summary>A window for every part.</summary>
    internal static OutputCut Window(
        Tiling tiling, in GridChange change, IReadOnlyList<Box> parts, int planes, int heads, int folds)
    {
        var (bytes, tiles) = (0L, 0L);

        // No slab has more planes than are open, or than depend on them, and one more where an interpolation reaches beyond them.
        var open = Math.Min(planes, tiling.Padded.Z);
        var finished = Math.Max(
            open, Math.Min(change.To.Z, (int)Math.Ceiling((double)open * change.To.Z / change.From.Z) + 1));
        foreach (var part in parts)
        {
            var box = tiling.Columns(change.Source(part));
            var plane = Math.Max((long)box.Size.Y * box.Size.X, (long)part.Size.Y * part.Size.X);
            var slab = plane * Math.Clamp(StreamedLabels.SlabVoxels / plane, 1, finished);
            bytes = Math.Max(bytes, OutputWindow.Bytes(box.Size, planes, heads, folds) + (VolumesInWork * sizeof(float) * slab));
            tiles += tiling.Touching(box);
        }

        return new OutputCut(parts, open, bytes, tiles / (double)tiling.Tiles.Count);
    }

    /// <summary>Parts that begin where tiles begin: then the fewest tiles lie across their borders.</summary>
    internal static IReadOnlyList<Box> PartsOf(Tiling tiling, in GridChange change, int rows, int columns)
    {
        var parts = new List<Box>();
        var (ys, xs) = (Borders(tiling, change, 1, rows), Borders(tiling, change, 2, columns));
        for (var j = 0; j + 1 < ys.Count; j++)
        {
            for (var i = 0; i + 1 < xs.Count; i++)
            {
                parts.Add(new Box(new Extent(0, ys[j], xs[i]), new Extent(change.To.Z, ys[j + 1] - ys[j], xs[i + 1] - xs[i])));
            }
        }

        return parts;
    }

    private static int PlanesOfASlab(Extent padded) =>
        (int)Math.Clamp(StreamedLabels.SlabVoxels / Math.Max(1L, (long)padded.Y * padded.X), 1, padded.Z);

    /// <summary>Numbers of parts along y and x, least work first.</summary>
    private static IEnumerable<(int Rows, int Columns)> Divisions(Tiling tiling, GridChange change)
    {
        var (rows, columns) = (Most(1), Most(2));
        for (var n = 1; n <= rows; n++)
        {
            yield return (n, 1);
        }

        for (var n = 2; n <= columns; n++)
        {
            yield return (rows, n);
        }

        int Most(int axis) => change.IsLocalAlong(axis) ? tiling.Starts(axis).Count : 1;
    }

    private static List<int> Borders(Tiling tiling, in GridChange change, int axis, int count)
    {
        var starts = tiling.Starts(axis);
        var borders = new List<int> { 0 };
        for (var k = 1; k < count; k++)
        {
            var start = starts[k * starts.Count / count] - tiling.Below[axis];
            var border = (int)((double)start * change.To[axis] / change.From[axis]);
            if (border > borders[^1] && border < change.To[axis])
            {
                borders.Add(border);
            }
        }

        borders.Add(change.To[axis]);
        return borders;
    }
}

/// <summary>
/// The tiles of a case in the order in which they are computed, and which of them go through the network together.
/// </summary>
internal sealed class Tiling
{
    // Small tiles go through the network several at a time: deep stages have few voxels and would leave cores idle.
    private const long VoxelsPerForward = 1L << 19;
    private const int MostTilesPerForward = 16;

    // Days of work, even for a fast device: no scan has so many but one with a spacing in other units.
    private const double MostTiles = 1e7;

    private readonly int[][] starts; // z, y, x
    private readonly int perForward;

    /// <summary>Divides an image.</summary>
    /// <param name="size">Voxels of the preprocessed grid.</param>
    /// <param name="tile">Voxels of a tile.</param>
    /// <param name="is2D">A 2D network runs on every slice.</param>
    /// <param name="step">Largest distance of neighbours as a fraction of the tile.</param>
    /// <exception cref="SharpSegException">There are more than can be listed, let alone computed.</exception>
    public Tiling(Extent size, Extent tile, bool is2D, double step)
    {
        (Size, Tile) = (size, tile);
        (Padded, Below) = SlidingWindow.Padding(size, tile);
        var count = Count(Padded, tile, is2D, step);
        if (count > MostTiles)
        {
            throw new SharpSegException(
                $"in the plan's spacing the scan has {size} voxels (z, y, x), in {count:0} tiles of {tile}; at most "
                    + $"{MostTiles:0} are predicted",
                "look at the spacing in its header: is it in mm?");
        }

        starts =
        [
            is2D ? [.. Enumerable.Range(0, Padded.Z)] : SlidingWindow.Positions(Padded.Z, tile.Z, step),
            SlidingWindow.Positions(Padded.Y, tile.Y, step), SlidingWindow.Positions(Padded.X, tile.X, step),
        ];
        Tiles = [.. starts[0].SelectMany(z => starts[1].SelectMany(y => starts[2].Select(x => new Extent(z, y, x))))];
        perForward = PerForward(tile);
    }

    /// <summary>Voxels of the preprocessed grid.</summary>
    public Extent Size { get; }

    /// <summary>Voxels of a tile.</summary>
    public Extent Tile { get; }

    /// <summary>Voxels of the padded grid.</summary>
    public Extent Padded { get; }

    /// <summary>Padding before the first voxel.</summary>
    public Extent Below { get; }

    /// <summary>First voxels of all tiles on the padded grid, z outermost.</summary>
    public IReadOnlyList<Extent> Tiles { get; }

    /// <summary>How many tiles go through the network at a time.</summary>
    public static int PerForward(Extent tile) => (int)Math.Clamp(VoxelsPerForward / tile.Voxels, 1, MostTilesPerForward);

    /// <summary>The same of an image, which may have fewer tiles.</summary>
    /// <param name="size">Voxels of the preprocessed grid.</param>
    /// <param name="tile">Voxels of a tile.</param>
    /// <param name="is2D">A 2D network runs on every slice.</param>
    /// <param name="step">Largest distance of neighbours as a fraction of the tile.</param>
    public static int PerForward(Extent size, Extent tile, bool is2D, double step) =>
        (int)Math.Min(PerForward(tile), Count(SlidingWindow.Padding(size, tile).Padded, tile, is2D, step));

    /// <summary>Where tiles begin along an axis.</summary>
    public IReadOnlyList<int> Starts(int axis) => [.. starts[axis].Distinct()];

    /// <summary>The rows and columns of a box on the padded grid, with all planes.</summary>
    public Box Columns(in Box box) => new(
        new Extent(0, box.Origin.Y + Below.Y, box.Origin.X + Below.X), new Extent(Padded.Z, box.Size.Y, box.Size.X));

    /// <summary>
    /// The tiles (first, count) that go through the network together, where at least one of them touches a box. They do not
    /// depend on the box: how a convolution is computed may depend on how many images it gets.
    /// </summary>
    public IEnumerable<(int First, int Count)> Groups(Box columns)
    {
        for (var first = 0; first < Tiles.Count; first += perForward)
        {
            var count = Math.Min(perForward, Tiles.Count - first);
            for (var i = first; i < first + count; i++)
            {
                if (Touches(i, columns))
                {
                    yield return (first, count);
                    break;
                }
            }
        }
    }

    /// <summary>How many tiles have rows and columns in a box of the padded grid.</summary>
    public long Touching(in Box columns)
    {
        long count = starts[0].Length;
        for (var axis = 1; axis < 3; axis++)
        {
            var (first, end) = (columns.Origin[axis], columns.Origin[axis] + columns.Size[axis]);
            count *= CountBelow(starts[axis], end) - CountBelow(starts[axis], first - Tile[axis] + 1);
        }

        return count;

        // Of ascending positions, those that are less than another.
        static int CountBelow(int[] positions, int position)
        {
            var (low, high) = (0, positions.Length);
            while (low < high)
            {
                var middle = (low + high) / 2;
                (low, high) = positions[middle] < position ? (middle + 1, high) : (low, middle);
            }

            return low;
        }
    }

    /// <summary>Whether a tile has rows and columns in a box of the padded grid.</summary>
    public bool Touches(int index, in Box columns)
    {
        var tile = Tiles[index];
        return tile.Y < columns.Origin.Y + columns.Size.Y && tile.Y + Tile.Y > columns.Origin.Y
            && tile.X < columns.Origin.X + columns.Size.X && tile.X + Tile.X > columns.Origin.X;
    }

    private static double Count(Extent padded, Extent tile, bool is2D, double step) =>
        (is2D ? (double)padded.Z : SlidingWindow.Count(padded.Z, tile.Z, step))
            * SlidingWindow.Count(padded.Y, tile.Y, step) * SlidingWindow.Count(padded.X, tile.X, step);
}
