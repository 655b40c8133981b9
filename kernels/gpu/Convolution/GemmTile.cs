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

    /// <summary>
    /// Place of a kernel among the four of a float32 product: vector or scalar loads, of each wide and narrow tiles.
    /// </summary>
    public static int IndexOf(bool vector, bool narrow) => (vector ? 0 : 2) + (narrow ? 1 : 0);

    /// <summary>
    /// Place of a kernel among the twelve of a product on tensor cores: four each for tf32, bfloat16 and float16.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The precision is float32.</exception>
    public static int IndexOf(GpuPrecision precision, bool vector, bool narrow)
    {
        var first = precision switch
        {
            GpuPrecision.Tf32 => 0,
            GpuPrecision.Bf16 => 4,
            GpuPrecision.Fp16 => 8,
            _ => throw new ArgumentOutOfRangeException(nameof(precision), precision, "tensor cores do not multiply float32"),
        };
        return first + IndexOf(vector, narrow);
    }

    /// <summary>Columns of a narrow tile; a wide one has twice as many, and half the rows.</summary>
    public const int NarrowColumns = 32;

    /// <summary>Rows of a tile: 64, or 128 of a narrow one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int RowsOf(bool narrow) => narrow ? 128 : 64;

    /// <summary>Columns of a tile: 64 or 32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int ColumnsOf(bool narrow) => narrow ? NarrowColumns : 2 * NarrowColumns;
}
