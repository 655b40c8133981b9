using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace SharpSeg.Kernels.Cpu.Simd;

/// <summary>Transposition of small matrices in the first-level cache, four by four.</summary>
internal static unsafe class Transposition
{
    /// <summary>
    /// target[c, r] = source[r, c]; pitches in floats from one row to the next. Reads, but does not use, up to three floats
    /// behind a row.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(float* source, nint sourcePitch, int rows, int columns, float* target, nint targetPitch)
    {
        var blocked = Sse.IsSupported ? rows & ~3 : 0;
        for (var r = 0; r < blocked; r += 4, source += 4 * sourcePitch)
        {
            for (var column = 0; column < columns; column += 4)
            {
                Four(source + column, sourcePitch, out var a, out var b, out var c, out var d);
                var row = target + (column * targetPitch) + r;
                var left = columns - column;
                Sse.Store(row, a);
                if (left > 1)
                {
                    Sse.Store(row + targetPitch, b);
                }

                if (left > 2)
                {
                    Sse.Store(row + (2 * targetPitch), c);
                }

                if (left > 3)
                {
                    Sse.Store(row + (3 * targetPitch), d);
                }
            }
        }

        for (var r = blocked; r < rows; r++, source += sourcePitch)
        {
            for (var column = 0; column < columns; column++)
            {
                target[(column * targetPitch) + r] = source[column];
            }
        }
    }

    /// <summary>
    /// target[c, r] = source[r, c] for up to four rows, whose columns follow one another in the target: its pitch is the number
    /// of rows.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Interleave(float* source, nint sourcePitch, int rows, int columns, float* target)
    {
        // Whole vectors are stored; what they write behind a column belongs to the next one, which is written later. The last
        // columns are stored singly.
        var column = 0;
        for (; Sse.IsSupported && column + 8 <= columns; column += 4, target += 4 * rows)
        {
            Four(source + column, sourcePitch, out var a, out var b, out var c, out var d);
            Sse.Store(target, a);
            Sse.Store(target + rows, b);
            Sse.Store(target + (2 * rows), c);
            Sse.Store(target + (3 * rows), d);
        }

        for (; column < columns; column++, target += rows)
        {
            for (var r = 0; r < rows; r++)
            {
                target[r] = source[(r * sourcePitch) + column];
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Four(
        float* p, nint pitch, out Vector128<float> a, out Vector128<float> b, out Vector128<float> c, out Vector128<float> d)
    {
        Vector128<float> p0 = Sse.LoadVector128(p), p1 = Sse.LoadVector128(p + pitch);
        Vector128<float> p2 = Sse.LoadVector128(p + (2 * pitch)), p3 = Sse.LoadVector128(p + (3 * pitch));
        Vector128<float> low01 = Sse.UnpackLow(p0, p1), low23 = Sse.UnpackLow(p2, p3);
        Vector128<float> high01 = Sse.UnpackHigh(p0, p1), high23 = Sse.UnpackHigh(p2, p3);
        a = Sse.MoveLowToHigh(low01, low23);
        b = Sse.MoveHighToLow(low23, low01);
        c = Sse.MoveLowToHigh(high01, high23);
        d = Sse.MoveHighToLow(high23, high01);
    }
}
