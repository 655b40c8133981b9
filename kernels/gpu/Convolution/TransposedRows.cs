using System.Runtime.CompilerServices;
using SharpSeg.Engine.Backends;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// A transposed convolution, whose kernel is its stride, and its gradients as products over <em>rows</em>, the voxels of the
/// coarse volume, batch included. Fine voxels do not overlap: row v and tap t have one of their own, v·stride + t.
/// <para>scatter: fine[v·stride + t, n] = Σ_c coarse[v, c]·weight(t, c, n): rows by channels times channels by taps and columns,
/// the results dealt out when they are stored;</para>
/// <para>gather: coarse[v, n] = Σ_t Σ_c fine[v·stride + t, c]·weight(t, c, n).</para>
/// </summary>
internal readonly struct TransposedRows
{
    /// <summary>Rows of a warp.</summary>
    public const int WarpRows = 64;

    /// <summary>Warps of a group, at most, and pieces of 64 rows that it holds.</summary>
    public const int Warps = 8;

    /// <summary>The most taps: one for each warp of a gradient with respect to the weights.</summary>
    public const int MostTaps = 8;

    /// <summary>Channels, columns, and which weights are meant; see there. The volume is the coarse one.</summary>
    public readonly BrickSizes Bricks;

    public readonly int StrideZ, StrideY, StrideX, Scatter;

    /// <summary>
    /// Blocks of 64 rows that a group has, one, two or four: the fewer, the more columns its warps compute at once, and the more
    /// channels of a row it holds.
    /// </summary>
    public readonly int Slabs;

    /// <summary>1: a group holds all channels of its rows while it computes one set of columns after the other.</summary>
    public readonly int Held;

    private TransposedRows(in TransposedConvProblem p, in BrickSizes sizes, bool scatter, int slabs, bool held)
    {
        (Bricks, Scatter, Slabs, Held) = (sizes, scatter ? 1 : 0, slabs, held ? 1 : 0);
        (StrideZ, StrideY, StrideX) = (p.Stride.Z, p.Stride.Y, p.Stride.X);
    }

    /// <summary>y = transposed conv(x, w) + b: as many rows as leave room for all channels, which are then read once.</summary>
    public static TransposedRows Forward(in TransposedConvProblem p, bool hasBias, int precision)
    {
        var sizes = BrickSizes.Forward(p, hasBias);
        var pieces = sizes.Pieces(precision);
        return new(p, sizes, scatter: true, pieces <= 2 ? 4 : pieces <= 4 ? 2 : 1, held: pieces <= Warps);
    }

    /// <summary>dx from dy: of many columns four blocks at once, because dy is read again for the next.</summary>
    public static TransposedRows BackwardData(in TransposedConvProblem p, bool accumulate)
    {
        var sizes = BrickSizes.BackwardData(p, accumulate);
        return new(p, sizes, scatter: false, Blocks(sizes.Columns) > 2 ? 2 : 4, held: false);
    }

    /// <summary>dw from x, the channels, and dy, whose channels are the columns.</summary>
    public static TransposedRows BackwardWeights(in TransposedConvProblem p) =>
        new(p, BrickSizes.Forward(p, hasBias: false), scatter: true, slabs: 1, held: false);

    /// <summary>Whether there are kernels for these sizes; channels as in <see cref="BrickSizes.Fit"/>.</summary>
    public static bool Fit(in TransposedConvProblem p, bool halves) =>
        (long)p.Stride.Z * p.Stride.Y * p.Stride.X <= MostTaps && BrickSizes.AreWhole(halves, [p.Cin, p.Cout]);

    /// <summary>Blocks of 32 columns that hold so many.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Blocks(int columns) => (columns + BrickSizes.WarpColumns - 1) / BrickSizes.WarpColumns;

    /// <summary>Rows.</summary>
    public int Rows => Bricks.N * Bricks.Z * Bricks.Y * Bricks.X;

    /// <summary>Groups that all rows take.</summary>
    public int RowGroups => (Rows + (Slabs * WarpRows) - 1) / (Slabs * WarpRows);

    /// <summary>Blocks of columns in all: scattered, every tap has its own.</summary>
    public int AllBlocks => Blocks(Bricks.Columns) * (Scatter != 0 ? Bricks.Taps : 1);

    /// <summary>Blocks that a group computes at once.</summary>
    public int BlocksAtOnce => Warps / Slabs;

    /// <summary>How often a group computes so many, until it has all.</summary>
    public int Sets => (AllBlocks + BlocksAtOnce - 1) / BlocksAtOnce;

    /// <summary>The voxel of tap (0, 0, 0) of a row in the fine volume, batch included; −1: there is no such row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int FineVoxel(TransposedRows s, int row)
    {
        var x = row % s.Bricks.X;
        var y = row / s.Bricks.X % s.Bricks.Y;
        var planes = row / s.Bricks.X / s.Bricks.Y;       // of all samples: fine ones lie one behind the other, too
        var fine = ((((planes * s.StrideZ * s.Bricks.Y) + y) * s.StrideY * s.Bricks.X) + x) * s.StrideX;
        return row < s.Rows ? fine : -1;
    }

    /// <summary>From there to the voxel of another tap.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int TapOffset(TransposedRows s, int tap)
    {
        var x = tap % s.StrideX;
        var y = tap / s.StrideX % s.StrideY;
        var z = tap / s.StrideX / s.StrideY;
        return (((z * s.StrideY * s.Bricks.Y) + y) * s.StrideX * s.Bricks.X) + x;
    }
}
