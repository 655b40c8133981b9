using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace SharpSeg.Kernels.Cpu.Simd;

/// <summary>Transposition of small matrices in the first-level cache.</summary>
internal static unsafe class Transposition
{
    /// <summary>target[c, r] = source[r, c]; pitches in floats from one row to the next.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(float* source, nint sourcePitch, int rows, int columns, float* target, nint targetPitch)
    {
        var blocked = Sse.IsSupported ? rows & ~3 : 0;
        for (var r = 0; r < blocked; r += 4)
        {
            float* a = source + (r * sourcePitch), b = a + sourcePitch, c = b + sourcePitch, d = c + sourcePitch;
            var column = 0;
            for (; column + 4 <= columns; column += 4)
            {
                Vector128<float> va = Sse.LoadVector128(a + column), vb = Sse.LoadVector128(b + column);
                Vector128<float> vc = Sse.LoadVector128(c + column), vd = Sse.LoadVector128(d + column);
                Vector128<float> ab = Sse.UnpackLow(va, vb), cd = Sse.UnpackLow(vc, vd);
                Vector128<float> ab2 = Sse.UnpackHigh(va, vb), cd2 = Sse.UnpackHigh(vc, vd);
                var row = target + (column * targetPitch) + r;
                Sse.Store(row, Sse.MoveLowToHigh(ab, cd));
                Sse.Store(row + targetPitch, Sse.MoveHighToLow(cd, ab));
                Sse.Store(row + (2 * targetPitch), Sse.MoveLowToHigh(ab2, cd2));
                Sse.Store(row + (3 * targetPitch), Sse.MoveHighToLow(cd2, ab2));
            }

            for (; column < columns; column++)
            {
                var row = target + (column * targetPitch) + r;
                row[0] = a[column];
                row[1] = b[column];
                row[2] = c[column];
                row[3] = d[column];
            }
        }

        for (var r = blocked; r < rows; r++)
        {
            for (var column = 0; column < columns; column++)
            {
                target[(column * targetPitch) + r] = source[(r * sourcePitch) + column];
            }
        }
    }
}
