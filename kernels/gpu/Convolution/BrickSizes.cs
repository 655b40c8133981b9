using System.Runtime.CompilerServices;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// A convolution of stride 1 with a kernel of 3×3×3, 1×3×3 or 1×1×1 voxels, or its gradient with respect to the input, which is
/// the same sum with the kernel reversed and rows and columns of the weights exchanged, cut into bricks:
/// <para>dest[v, n] = Σ_tap Σ_c source[v + tap − pad, c]·weight(tap, c, n), over voxels v of one size of volume.</para>
/// <para>A brick is four slabs of 8×8 voxels (y, x), on top of each other (4×8×8) or, in flat volumes, one behind the other
/// (1×32×8); for gradients with respect to the weights, which need one of each operand, it is two, or sixteen that a group walks
/// through. With its halo, the voxels around it that its taps reach, it fits into shared memory for as many channels as one
/// product of fragments is deep: 16 of 16 bits, 8 of tf32; two such pieces do.</para>
/// </summary>
internal readonly struct BrickSizes
{
    /// <summary>Voxels of a slab along y and along x.</summary>
    public const int Edge = 8;

    /// <summary>Slabs of a brick where each is a warp's.</summary>
    public const int WarpSlabs = 4;

    /// <summary>Slabs of each of the two bricks of a gradient with respect to the weights.</summary>
    public const int GradientSlabs = 2;

    /// <summary>The same where a group walks through the bricks: the more, the fewer planes belong to the halo.</summary>
    public const int WalkedSlabs = 16;

    /// <summary>Parts of a <see cref="Brick"/> that half a piece of the channels fills.</summary>
    public const int HalfParts = 2;

    /// <summary>Parts of a <see cref="Brick"/> that 32 channels of 16 bits fill.</summary>
    public const int BlockParts = 4;

    /// <summary>Columns of a warp.</summary>
    public const int WarpColumns = 32;

    public readonly int N, Z, Y, X, Channels, Channels2, Columns, HasBias, Accumulate;
    public readonly int Taps, Transposed, WeightRows, WeightColumns, FirstRow, Slabs, Flat, Measured;

    /// <summary>
    /// Columns, and whether they are added, of a second result: of x2's gradient, behind x's. They begin with a block of 32.
    /// </summary>
    public readonly int Columns2, Accumulate2;

    /// <summary>1: a lane's columns of a block are neighbours, for which the weights are packed in another order.</summary>
    public readonly int Neighbours;

    private BrickSizes(in ConvProblem p, int slabs)
    {
        (N, Z, Y, X) = (p.N, p.Input.Z, p.Input.Y, p.Input.X);
        (Taps, WeightRows, WeightColumns) = (p.Kernel.Z * p.Kernel.Y * p.Kernel.X, p.CinTotal, p.Cout);
        (Slabs, Flat) = (slabs, p.Kernel.Z == 1 && p.Input.Z < slabs ? 1 : 0);
    }

    private BrickSizes(in ConvProblem p, int slabs, int channels, int channels2, int columns)
        : this(p, slabs) =>
        (Channels, Channels2, Columns) = (channels, channels2, columns);

    private BrickSizes(BrickSizes s, int columns, int accumulate)
    {
        this = s;
        (Columns, Accumulate) = (columns, accumulate);
    }

    private BrickSizes(in BrickSizes s, Extent volume, bool flat)
    {
        this = s;
        (Z, Y, X) = (volume.Z, volume.Y, volume.X);
        Flat = flat && Z < Slabs ? 1 : 0;
    }

    private BrickSizes(in TransposedConvProblem p, bool forward, bool flag)
    {
        (N, Z, Y, X) = (p.N, p.Input.Z, p.Input.Y, p.Input.X);
        (Taps, WeightRows, WeightColumns) = (p.Stride.Z * p.Stride.Y * p.Stride.X, p.Cin, p.Cout);
        (Channels, Columns) = forward ? (p.Cin, p.Cout) : (p.Cout, p.Cin);
        (HasBias, Accumulate) = forward ? (flag ? 1 : 0, 0) : (0, flag ? 1 : 0);
        (Slabs, Neighbours, Transposed) = (WarpSlabs, 1, forward ? 0 : 1);
    }

    /// <summary>y = conv([x, x2], w) + b; measured: with the statistics of every brick of y.</summary>
    public BrickSizes(in ConvProblem p, bool hasBias, bool measured = false)
        : this(p, WarpSlabs) =>
        (Channels, Channels2, Columns, HasBias, Measured) = (p.Cin, p.Cin2, p.Cout, hasBias ? 1 : 0, measured ? 1 : 0);

    /// <summary>dx from dy, for the input channels firstChannel … firstChannel + channels − 1.</summary>
    public BrickSizes(in ConvProblem p, int firstChannel, int channels, bool accumulate)
        : this(p, WarpSlabs) =>
        (Channels, Columns, FirstRow, Transposed, Accumulate) = (p.Cout, channels, firstChannel, 1, accumulate ? 1 : 0);

    /// <summary>dx and dx2 from dy, where <see cref="CanJoin"/>.</summary>
    public BrickSizes(in ConvProblem p, bool accumulate, int columns2, bool accumulate2)
        : this(p, 0, p.CinTotal, accumulate) =>
        (Columns2, Accumulate2) = (columns2, accumulate2 ? 1 : 0);

    /// <summary>dw from [x, x2], the channels, and dy, whose channels are the columns.</summary>
    /// <param name="p">The convolution.</param>
    /// <param name="slabs"><see cref="GradientSlabs"/> or <see cref="WalkedSlabs"/>.</param>
    public static BrickSizes BackwardWeights(in ConvProblem p, int slabs) => new(p, slabs, p.Cin, p.Cin2, p.Cout);

    /// <summary>y = transposed conv(x, w) + b, over the voxels of x; see <see cref="TransposedRows"/>.</summary>
    public static BrickSizes Forward(in TransposedConvProblem p, bool hasBias) => new(p, forward: true, hasBias);

    /// <summary>dx from dy of a transposed convolution.</summary>
    public static BrickSizes BackwardData(in TransposedConvProblem p, bool accumulate) => new(p, forward: false, accumulate);

    /// <summary>
    /// Whether there is a kernel for these sizes: stride 1, one of the three kernels, and channels in fours, or in eights of 16
    /// bits, which are read at once.
    /// </summary>
    /// <param name="p">A convolution.</param>
    /// <param name="halves">Activations have 16 bits.</param>
    /// <param name="channels">Channels of what is read: of x, x2 and y forward, of dy and dx backward.</param>
    public static bool Fit(in ConvProblem p, bool halves, params ReadOnlySpan<int> channels)
    {
        var (kernel, stride) = (p.Kernel, p.Stride);
        return (stride.Z, stride.Y, stride.X) == (1, 1, 1) && kernel.Y == kernel.X
            && (kernel.Z, kernel.X) is (3, 3) or (1, 3) or (1, 1) && AreWhole(halves, channels);
    }

    /// <summary>
    /// Whether the gradients of both inputs can be one product, with the columns of both: no block has columns of the two.
    /// </summary>
    public static bool CanJoin(in ConvProblem p) =>
        p.Cin2 > 0 && p.Cin % WarpColumns == 0 && Fit(p, halves: false, p.Cout, p.Cin, p.Cin2);

    /// <summary>Those of one of two results.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static BrickSizes Of(BrickSizes s, bool second) => second
        ? new BrickSizes(s, s.Columns2, s.Accumulate2)
        : new BrickSizes(s, s.Columns - s.Columns2, s.Accumulate);

    /// <summary>Whether channels come in fours, or in eights of 16 bits.</summary>
    public static bool AreWhole(bool halves, ReadOnlySpan<int> channels)
    {
        var whole = true;
        foreach (var count in channels)
        {
            whole &= (count & (halves ? 7 : 3)) == 0;
        }

        return whole;
    }

    /// <summary>The same with bricks of another volume; flat: their slabs may lie one behind the other.</summary>
    public BrickSizes Over(Extent volume, bool flat) => new(this, volume, flat);

    /// <summary>Voxels of a brick along z.</summary>
    public int BrickZ => Flat != 0 ? 1 : Slabs;

    /// <summary>Voxels of a brick along y.</summary>
    public int BrickY => Flat != 0 ? Slabs * Edge : Edge;

    /// <summary>Voxels of a sample.</summary>
    public long Voxels => (long)Z * Y * X;

    /// <summary>Slabs of a brick that lie, at least in part, in the volume.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int SlabsFrom(BrickSizes s, BrickPlace at)
    {
        var left = s.Flat != 0 ? (s.Y - at.Y + Edge - 1) / Edge : s.Z - at.Z;
        return left < s.Slabs ? left : s.Slabs;
    }

    /// <summary>Bricks along z, y and x of a sample.</summary>
    public int BricksZ => (Z + BrickZ - 1) / BrickZ;

    /// <inheritdoc cref="BricksZ"/>
    public int BricksY => (Y + BrickY - 1) / BrickY;

    /// <inheritdoc cref="BricksZ"/>
    public int BricksX => (X + Edge - 1) / Edge;

    /// <summary>
    /// Blocks of 32 columns that a group computes, two where there are two: its warps then share the brick.
    /// </summary>
    public int GroupBlocks => Columns <= WarpColumns ? 1 : 2;

    /// <summary>Groups along the columns.</summary>
    public int ColumnGroups => (Columns + (GroupBlocks * WarpColumns) - 1) / (GroupBlocks * WarpColumns);

    /// <summary>Elements of the bricks' statistics, (2, n, bricks, columns); see <see cref="BrickStatistics"/>.</summary>
    public long StatisticsLength => 2L * Measured * N * BricksZ * BricksY * BricksX * Columns;

    /// <summary>Pieces of the channels, each as many as a tile has depths.</summary>
    public int Pieces(int precision) => PiecesOf(TileWords.DepthOf(precision));

    /// <summary>Halves of pieces, which a brick holds: as deep as one product of fragments.</summary>
    public int HalfPieces(int precision) => PiecesOf(HalfParts * Brick.PartDepth(precision));

    /// <summary>Fragments of the packed weights (<see cref="PackedWeights"/>).</summary>
    public int PackedLength(int precision) =>
        checked(ColumnGroups * GroupBlocks * Pieces(precision) * Taps * PackedWeights.PerTap);

    private int PiecesOf(int depth) => (Channels + Channels2 + depth - 1) / depth;
}
