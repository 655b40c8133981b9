using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// Where a thread's <see cref="BrickSums"/> begin and end: with the bias of its columns, and in memory, as float32 or as two
/// numbers of 16 bits to a word. A thread has two neighbouring columns of a voxel in each of a band's fragments.
/// </summary>
internal static class BrickResults
{
    /// <summary>Sums before the first product: the bias, or zeros; column: the thread's first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static BrickSums Start(ArrayView<float> bias, BrickSizes s, int column)
    {
        var sums = default(BrickSums);
        sums.B0.C0 = Bias(bias, s, column);
        sums.B0.C1 = Bias(bias, s, column + 8);
        sums.B0.C2 = Bias(bias, s, column + 16);
        sums.B0.C3 = Bias(bias, s, column + 24);
        sums.B1 = sums.B0;
        sums.B2 = sums.B0;
        sums.B3 = sums.B0;
        return sums;
    }

    /// <summary>Rounds sums to what will be written.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Round(ref BrickSums sums, int precision, bool halves)
    {
        if (halves)
        {
            Round(ref sums.B0, precision);
            Round(ref sums.B1, precision);
            Round(ref sums.B2, precision);
            Round(ref sums.B3, precision);
        }
    }

    /// <summary>Writes the voxel of a band's upper row, or adds it; voxel: its number in dest.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreUpper(
        ArrayView<float> dest, BrickBand band, BrickSizes s, long voxel, int column, int precision, bool halves)
    {
        var at = ((voxel * s.Columns) + column) >> 1;
        StoreTwo(dest, s, at, column, band.C0.X, band.C0.Y, precision, halves);
        StoreTwo(dest, s, at + 4, column + 8, band.C1.X, band.C1.Y, precision, halves);
        StoreTwo(dest, s, at + 8, column + 16, band.C2.X, band.C2.Y, precision, halves);
        StoreTwo(dest, s, at + 12, column + 24, band.C3.X, band.C3.Y, precision, halves);
    }

    /// <summary>The same of the lower row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreLower(
        ArrayView<float> dest, BrickBand band, BrickSizes s, long voxel, int column, int precision, bool halves)
    {
        var at = ((voxel * s.Columns) + column) >> 1;
        StoreTwo(dest, s, at, column, band.C0.Z, band.C0.W, precision, halves);
        StoreTwo(dest, s, at + 4, column + 8, band.C1.Z, band.C1.W, precision, halves);
        StoreTwo(dest, s, at + 8, column + 16, band.C2.Z, band.C2.W, precision, halves);
        StoreTwo(dest, s, at + 12, column + 24, band.C3.Z, band.C3.W, precision, halves);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Round(ref BrickBand band, int format)
    {
        Round(ref band.C0, format);
        Round(ref band.C1, format);
        Round(ref band.C2, format);
        Round(ref band.C3, format);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Round(ref Float4 four, int format) => four = Elements.Four(Elements.Words(four, format), format);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreTwo(
        ArrayView<float> dest, BrickSizes s, long at, int column, float x, float y, int precision, bool halves)
    {
        if (column < s.Columns)
        {
            if (halves)
            {
                StoreWord(dest, s, at, x, y, precision);
            }
            else
            {
                StoreFloats(dest.AsAligned16().Cast<Float2>(), s, at, x, y);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreWord(ArrayView<float> dest, BrickSizes s, long at, float x, float y, int format)
    {
        if (s.Accumulate != 0)
        {
            var old = GlobalMemory.Read(dest, at);
            x += Elements.Lower(old, format);
            y += Elements.Upper(old, format);
        }

        GlobalMemory.Write(dest, at, Elements.Word(x, y, format));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreFloats(ArrayView<Float2> dest, BrickSizes s, long at, float x, float y)
    {
        var value = default(Float2);
        value.X = x;
        value.Y = y;
        if (s.Accumulate != 0)
        {
            var old = GlobalMemory.Read(dest, at);
            value.X += old.X;
            value.Y += old.Y;
        }

        GlobalMemory.Write(dest, at, value);
    }

    /// <summary>The bias of two columns, or zeros, as a fragment of sums begins.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Bias(ArrayView<float> bias, BrickSizes s, int column)
    {
        var value = default(Float4);
        if (s.HasBias != 0 && column < s.Columns)
        {
            value.X = ReadOnlyMemory.Read(bias, column);
            value.Y = ReadOnlyMemory.Read(bias, column + 1);
        }

        value.Z = value.X;
        value.W = value.Y;
        return value;
    }
}
