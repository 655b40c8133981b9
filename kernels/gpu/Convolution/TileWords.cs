using System.Runtime.CompilerServices;
using ILGPU;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// How the tiles of the matrix-product kernels lie in shared memory: rows of 32-bit words, depth first, word[k, column]. A word
/// holds one depth as float32 or tf32, or two as 16-bit numbers (the lower depth in the lower half), which is how mma.sync takes
/// them. Elements are rounded once, when the tile is filled.
/// <para>Columns are swapped around by <see cref="Swizzle"/>: threads that hold four depths of a voxel write four rows of the
/// tile, and without it the threads of a warp would meet in a quarter of the banks. Reads of fragments and of 16-byte words stay
/// free of conflicts, because only whole blocks are swapped.</para>
/// </summary>
internal static class TileWords
{
    /// <summary>One float32 a word: the kernels without tensor cores.</summary>
    public const int Float32 = 0;

    /// <summary><see cref="GpuPrecision.Tf32"/> as a constant that kernels can branch on.</summary>
    public const int Tf32 = 1;

    /// <summary><see cref="GpuPrecision.Bf16"/> likewise.</summary>
    public const int Bf16 = 2;

    /// <summary><see cref="GpuPrecision.Fp16"/> likewise.</summary>
    public const int Fp16 = 3;

    /// <summary>A precision of tensor cores as such a constant.</summary>
    public static int Of(GpuPrecision precision) => precision switch
    {
        GpuPrecision.Tf32 => Tf32,
        GpuPrecision.Bf16 => Bf16,
        GpuPrecision.Fp16 => Fp16,
        _ => throw new ArgumentOutOfRangeException(nameof(precision), precision, "tensor cores do not multiply float32"),
    };

    /// <summary>Depths of a tile: 16, or 32 of 16 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int DepthOf(int precision) => precision >= Bf16 ? 2 * GemmTile.Words : GemmTile.Words;

    /// <summary>
    /// What a row of words exchanges its columns by: column c lies at c XOR this. A multiple of four, so fours stay together.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Swizzle(int word, int precision) => ((word >> 2) & 3) << (precision >= Bf16 ? 2 : 3);

    /// <summary>Writes the depths k … k + 3 (k a multiple of four) of one column.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreDepths(ArrayView<float> tile, int first, int k, int column, int stride, Float4 value, int precision)
    {
        if (precision >= Bf16)
        {
            var word = k >> 1;
            var at = first + (word * stride) + (column ^ Swizzle(word, precision));
            tile[at] = PairAsFloat(value.X, value.Y, precision);
            tile[at + stride] = PairAsFloat(value.Z, value.W, precision);
        }
        else
        {
            var at = first + (k * stride) + (column ^ Swizzle(k, precision));
            tile[at] = Single(value.X, precision);
            tile[at + stride] = Single(value.Y, precision);
            tile[at + (2 * stride)] = Single(value.Z, precision);
            tile[at + (3 * stride)] = Single(value.W, precision);
        }
    }

    /// <summary>
    /// Writes the depths k (even) and k + 1 of four columns from <paramref name="column"/> on, a multiple of four.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreColumns(
        ArrayView<float> tile, int first, int k, int column, int stride, Float4 lower, Float4 upper, int precision)
    {
        var fours = tile.Cast<Float4>();
        if (precision >= Bf16)
        {
            var word = k >> 1;
            lower.X = PairAsFloat(lower.X, upper.X, precision);
            lower.Y = PairAsFloat(lower.Y, upper.Y, precision);
            lower.Z = PairAsFloat(lower.Z, upper.Z, precision);
            lower.W = PairAsFloat(lower.W, upper.W, precision);
            fours[(first + (word * stride) + (column ^ Swizzle(word, precision))) >> 2] = lower;
        }
        else
        {
            var at = first + (k * stride) + (column ^ Swizzle(k, precision));
            fours[at >> 2] = Single(lower, precision);
            fours[(at + stride) >> 2] = Single(upper, precision);
        }
    }

    /// <summary>Writes the depths k (even) and k + 1 of one column.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreColumn(
        ArrayView<float> tile, int first, int k, int column, int stride, float lower, float upper, int precision)
    {
        if (precision >= Bf16)
        {
            var word = k >> 1;
            tile[first + (word * stride) + (column ^ Swizzle(word, precision))] = PairAsFloat(lower, upper, precision);
        }
        else
        {
            var at = first + (k * stride) + (column ^ Swizzle(k, precision));
            tile[at] = Single(lower, precision);
            tile[at + stride] = Single(upper, precision);
        }
    }

    /// <summary>Four words of neighbouring depths: eight depths of 16 bits, or the first four as tf32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Depths(Float4 first, Float4 second, int precision)
    {
        var words = Single(first, precision);
        if (precision >= Bf16)
        {
            words.X = PairAsFloat(first.X, first.Y, precision);
            words.Y = PairAsFloat(first.Z, first.W, precision);
            words.Z = PairAsFloat(second.X, second.Y, precision);
            words.W = PairAsFloat(second.Z, second.W, precision);
        }

        return words;
    }

    /// <summary>Two depths of 16 bits as a word.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Pair(float lower, float upper, int precision) =>
        precision == Bf16 ? TensorInstructions.ToBf16(upper, lower) : TensorInstructions.ToFp16(upper, lower);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Float4 Single(Float4 value, int precision)
    {
        value.X = Single(value.X, precision);
        value.Y = Single(value.Y, precision);
        value.Z = Single(value.Z, precision);
        value.W = Single(value.W, precision);
        return value;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Single(float value, int precision) =>
        precision == Tf32 ? Interop.IntAsFloat(TensorInstructions.ToTf32(value)) : value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float PairAsFloat(float lower, float upper, int precision) =>
        Interop.IntAsFloat(Pair(lower, upper, precision));
}
