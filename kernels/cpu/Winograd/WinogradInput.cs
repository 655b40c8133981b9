using System.Runtime.CompilerServices;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Convolution;
using SharpSeg.Kernels.Cpu.Simd;

namespace SharpSeg.Kernels.Cpu.Winograd;

/// <summary>
/// Data transform of Winograd tiles: 4×4×4 (1×4×4, wide 4×6×6, 1×6×6) input voxels → as many points, per channel. Point q of tile
/// t and channel c goes to v[q·pointPitch + t·rowPitch + c].
/// <para>Tiles along x are taken several at a time: their voxels are first copied, with the zero border and both inputs side by
/// side, to a slab. That reads memory in long runs, which single tiles would not (6 voxels here, 6 there), and the transform need
/// not handle borders.</para>
/// <para>Per vector of channels: first z and y of each column in registers into a buffer of a few KiB, then x from there to the
/// points.</para>
/// </summary>
internal static unsafe class WinogradInput<TLanes, TVector>
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>Most tiles along x in one slab.</summary>
    private const int TilesPerSlab = 8;

    /// <summary>Floats of scratch memory: one slab, and a vector to read beyond its end.</summary>
    public static long ScratchLength(in TapProblem p, in WinogradTiles tiles) =>
        ((long)tiles.Planes * tiles.Side * (((TilesPerSlab - 1) * tiles.Reach) + tiles.Side) * p.CTotal) + TLanes.Count;

    /// <summary>Channels of a row of points: rounded up to whole vectors.</summary>
    public static int Round(int channels) => (channels + TLanes.Count - 1) / TLanes.Count * TLanes.Count;

    /// <summary>Transforms tiles first … first + count − 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Transform(
        in TapProblem p, in WinogradTiles tiles, int first, int count, float* v, nint pointPitch, nint rowPitch, float* scratch)
    {
        var size = new Extent(tiles.Planes, tiles.Side, tiles.Side);
        nint voxel = p.CTotal;

        // Vectors that cross from one input's channels to the other's need them side by side.
        var inPlace = p.C2 == 0 || p.C % TLanes.Count == 0;
        for (var i = 0; i < count;)
        {
            var n = tiles.Corner(first + i, out var output);
            int z = output.Z + p.First.Z, y = output.Y + p.First.Y, x = output.X + p.First.X;
            var inRow = inPlace && Inside(z, size.Z, p.Input.Z) && Inside(y, size.Y, p.Input.Y);
            if (inRow && Inside(x, size.X, p.Input.X))
            {
                var corner = p.InputVoxel(n, z, y, x);
                InPlace(p.X + (corner * p.C), p.C, p.Input, size, v + (i * rowPitch), pointPitch);
                if (p.C2 > 0)
                {
                    InPlace(p.X2 + (corner * p.C2), p.C2, p.Input, size, v + (i * rowPitch) + p.C, pointPitch);
                }

                i++;
                continue;
            }

            // Tiles at the input's border go through a padded copy, a row of them together.
            var together = inRow ? 1 : Math.Min(Math.Min(count - i, TilesPerSlab), tiles.X - ((first + i) % tiles.X));
            var columns = ((together - 1) * tiles.Reach) + tiles.Side;
            PaddedSlab<TLanes, TVector>.Fill(p, n, z, y, x, size.Z, size.Y, columns, scratch);
            for (var tile = 0; tile < together; tile++, i++)
            {
                var source = scratch + (tile * tiles.Reach * voxel);
                Tile(source, voxel, columns * voxel, size.Y * columns * voxel, p.CTotal, size, v + (i * rowPitch), pointPitch);
            }
        }
    }

    private static void InPlace(float* corner, int channels, Extent input, Extent size, float* v, nint pointPitch) =>
        Tile(corner, channels, (nint)input.X * channels, (nint)input.Y * input.X * channels, channels, size, v, pointPitch);

    private static bool Inside(int first, int count, int length) => first >= 0 && first + count <= length;

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile(
        float* source, nint voxel, nint row, nint plane, int channels, Extent size, float* v, nint pointPitch)
    {
        nint lanes = TLanes.Count;
        var raw = stackalloc float[((4 * 36) + 1) * 16];
        var buffer = (float*)(((nint)raw + 63) & ~(nint)63);
        for (var c = 0; c < channels; c += TLanes.Count)
        {
            var rows = size.Z * size.Y;
            if (size.X == 4)
            {
                for (nint x = 0; x < 4; x++)
                {
                    Column(source + c + (x * voxel), row, plane, size.Z > 1, buffer + (x * lanes));
                }

                for (var r = 0; r < rows; r++)
                {
                    var b = buffer + (4 * r * lanes);
                    WinogradTransforms<TLanes, TVector>.Data(
                        TLanes.Load(b), TLanes.Load(b + lanes), TLanes.Load(b + (2 * lanes)), TLanes.Load(b + (3 * lanes)),
                        v + c + (4 * r * pointPitch), pointPitch);
                }
            }
            else
            {
                for (nint x = 0; x < 6; x++)
                {
                    WideColumn(source + c + (x * voxel), row, plane, size.Z > 1, buffer + (x * lanes));
                }

                for (var r = 0; r < rows; r++)
                {
                    var b = buffer + (6 * r * lanes);
                    WinogradTransforms<TLanes, TVector>.WideData(
                        TLanes.Load(b), TLanes.Load(b + lanes), TLanes.Load(b + (2 * lanes)), TLanes.Load(b + (3 * lanes)),
                        TLanes.Load(b + (4 * lanes)), TLanes.Load(b + (5 * lanes)), v + c + (6 * r * pointPitch), pointPitch);
                }
            }
        }
    }

    /// <summary>One column of 4 planes × 4 rows along z, then y; to every fourth vector of the buffer.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Column(float* s, nint row, nint plane, bool deep, float* target)
    {
        nint pitch = 4 * TLanes.Count;
        if (!deep)
        {
            WinogradTransforms<TLanes, TVector>.Data(
                TLanes.Load(s), TLanes.Load(s + row), TLanes.Load(s + (2 * row)), TLanes.Load(s + (3 * row)), target, pitch);
            return;
        }

        Line(s, plane, out var a0, out var b0, out var c0, out var d0);
        Line(s + row, plane, out var a1, out var b1, out var c1, out var d1);
        Line(s + (2 * row), plane, out var a2, out var b2, out var c2, out var d2);
        Line(s + (3 * row), plane, out var a3, out var b3, out var c3, out var d3);
        WinogradTransforms<TLanes, TVector>.Data(a0, a1, a2, a3, target, pitch);
        WinogradTransforms<TLanes, TVector>.Data(b0, b1, b2, b3, target + (4 * pitch), pitch);
        WinogradTransforms<TLanes, TVector>.Data(c0, c1, c2, c3, target + (8 * pitch), pitch);
        WinogradTransforms<TLanes, TVector>.Data(d0, d1, d2, d3, target + (12 * pitch), pitch);
    }

    /// <summary>One column of 4 planes × 6 rows along z, then y; to every sixth vector of the buffer.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WideColumn(float* s, nint row, nint plane, bool deep, float* target)
    {
        nint pitch = 6 * TLanes.Count;
        if (!deep)
        {
            WinogradTransforms<TLanes, TVector>.WideData(
                TLanes.Load(s), TLanes.Load(s + row), TLanes.Load(s + (2 * row)), TLanes.Load(s + (3 * row)),
                TLanes.Load(s + (4 * row)), TLanes.Load(s + (5 * row)), target, pitch);
            return;
        }

        Line(s, plane, out var a0, out var b0, out var c0, out var d0);
        Line(s + row, plane, out var a1, out var b1, out var c1, out var d1);
        Line(s + (2 * row), plane, out var a2, out var b2, out var c2, out var d2);
        Line(s + (3 * row), plane, out var a3, out var b3, out var c3, out var d3);
        Line(s + (4 * row), plane, out var a4, out var b4, out var c4, out var d4);
        Line(s + (5 * row), plane, out var a5, out var b5, out var c5, out var d5);
        WinogradTransforms<TLanes, TVector>.WideData(a0, a1, a2, a3, a4, a5, target, pitch);
        WinogradTransforms<TLanes, TVector>.WideData(b0, b1, b2, b3, b4, b5, target + (6 * pitch), pitch);
        WinogradTransforms<TLanes, TVector>.WideData(c0, c1, c2, c3, c4, c5, target + (12 * pitch), pitch);
        WinogradTransforms<TLanes, TVector>.WideData(d0, d1, d2, d3, d4, d5, target + (18 * pitch), pitch);
    }

    /// <summary>The four voxels along z.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Line(float* s, nint plane, out TVector v0, out TVector v1, out TVector v2, out TVector v3) =>
        WinogradTransforms<TLanes, TVector>.Data(
            TLanes.Load(s), TLanes.Load(s + plane), TLanes.Load(s + (2 * plane)), TLanes.Load(s + (3 * plane)),
            out v0, out v1, out v2, out v3);
}
