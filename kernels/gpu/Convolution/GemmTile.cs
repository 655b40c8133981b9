using System.Runtime.CompilerServices;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// Sizes of the tiles of the matrix-product kernels. 64 threads with 64 sums each: small groups, because many fit on a
/// multiprocessor at once and hide each other's loads.
/// </summary>
internal static class GemmTile
{
    /// <summary>Threads of a group, one-dimensional.</summary>
    public const int Threads = 64;

    /// <summary>Rows of words of a tile in shared memory; how many depths they hold is <see cref="TileWords.DepthOf"/>.</summary>
    public const int Words = 16;

    /// <summary>Most depths of a tile.</summary>
    public const int MostDepths = 2 * Words;

    /// <summary>
    /// Padding words of a row of a tile in shared memory. With 64 + 8 words a row, the 32 threads of a warp that
    /// read a tensor-core fragment (4 words × 8 columns) touch 32 different banks.
    /// </summary>
    public const int Pad = 8;

    /// <summary>Columns of a narrow tile; a wide one has twice as many, and half the rows.</summary>
    public const int NarrowColumns = 32;

    /// <summary>Rows of a tile: 64, or 128 of a narrow one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int RowsOf(bool narrow) => narrow ? 128 : 64;

    /// <summary>Columns of a tile: 64 or 32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int ColumnsOf(bool narrow) => narrow ? NarrowColumns : 2 * NarrowColumns;
}
