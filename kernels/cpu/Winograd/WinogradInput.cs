using System.Runtime.CompilerServices;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Convolution;
using SharpSeg.Kernels.Cpu.Simd;

namespace SharpSeg.Kernels.Cpu.Winograd;

/// <summary>
/// Data transform of Winograd tiles: 4×4×4 (1×4×4, wide 4×6×6, 1×6×6) input voxels → as many points, per channel. Point q of tile t and channel c goes to
/// v[q·pointPitch + t·rowPitch + c]. Tiles that touch the border are first copied, with zeros around, to a small buffer.
/// <para>Per vector of channels: x and y within each plane, then z over a buffer of a few KiB.</para>
/// </summary>
internal static unsafe class WinogradInput<TLanes, TVector>
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>Floats of scratch memory: one bordered tile of one input.</summary>
    public static long ScratchLength(in TapProblem p) => 4L * 6 * 6 * Round(Math.Max(p.C, p.C2));

    /// <summary>Channels of a row of points: rounded up to whole vectors.</summary>
    public static int Round(int channels) => (channels + TLanes.Count - 1) / TLanes.Count * TLanes.Count;

    /// <summary>Transforms tiles first … first + count − 1.</summary>
    public static void Transform(
        in TapProblem p, in WinogradTiles tiles, int first, int count, float* v, nint pointPitch, nint rowPitch, float* scratch)
    {
        var size = new Extent(tiles.Planes, tiles.Side, tiles.Side);
        for (var i = 0; i < count; i++)
        {
            var n = tiles.Corner(first + i, out var output);
            var corner = new Extent(output.Z + p.First.Z, output.Y + p.First.Y, output.X + p.First.X);
            One(p, p.X, p.C, n, corner, size, v + (i * rowPitch), pointPitch, scratch);
            if (p.C2 > 0)
            {
                One(p, p.X2, p.C2, n, corner, size, v + (i * rowPitch) + p.C, pointPitch, scratch);
            }
        }
    }

    private static void One(
        in TapProblem p, float* x, int channels, int n, Extent corner, Extent size, float* v, nint pointPitch, float* scratch)
    {
        var inside = corner.Z >= 0 && corner.Y >= 0 && corner.X >= 0 && corner.Z + size.Z <= p.Input.Z
            && corner.Y + size.Y <= p.Input.Y && corner.X + size.X <= p.Input.X;
        nint row = (nint)p.Input.X * channels, plane = row * p.Input.Y;
        var source = x + (n * p.Input.Z * plane) + (corner.Z * plane) + (corner.Y * row) + ((nint)corner.X * channels);
        if (inside)
        {
            Tile(source, channels, row, plane, channels, size, v, pointPitch);
            return;
        }

        nint pitch = Round(channels);
        for (var z = 0; z < size.Z; z++)
        {
            for (var y = 0; y < size.Y; y++)
            {
                for (var voxel = 0; voxel < size.X; voxel++)
                {
                    var target = scratch + ((((z * size.Y) + y) * size.X) + voxel) * pitch;
                    if ((uint)(corner.Z + z) < (uint)p.Input.Z && (uint)(corner.Y + y) < (uint)p.Input.Y
                        && (uint)(corner.X + voxel) < (uint)p.Input.X)
                    {
                        var from = source + (z * plane) + (y * row) + (voxel * channels);
                        for (nint c = 0; c < pitch; c += TLanes.Count)
                        {
                            TLanes.Store(target + c, TLanes.Load(from + c));
                        }
                    }
                    else
                    {
                        for (nint c = 0; c < pitch; c += TLanes.Count)
                        {
                            TLanes.Store(target + c, TLanes.Zero);
                        }
                    }
                }
            }
        }

        Tile(scratch, pitch, size.X * pitch, size.Y * size.X * pitch, channels, size, v, pointPitch);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile(float* source, nint voxel, nint row, nint plane, int channels, Extent size, float* v, nint pointPitch)
    {
        var lanes = TLanes.Count;
        int points = size.Y * size.X, planeFloats = points * lanes;
        var raw = stackalloc float[((4 * 36) + 36 + 1) * 16];
        var buffer = (float*)(((nint)raw + 63) & ~(nint)63);
        var rows = buffer + (4 * 36 * lanes);
        for (var c = 0; c < channels; c += lanes)
        {
            for (var z = 0; z < size.Z; z++)
            {
                var target = size.Z == 1 ? v + c : buffer + (z * planeFloats);
                var pitch = size.Z == 1 ? pointPitch : lanes;
                if (size.X == 4)
                {
                    Plane(source + c + (z * plane), voxel, row, target, pitch);
                }
                else
                {
                    WidePlane(source + c + (z * plane), voxel, row, rows, target, pitch);
                }
            }

            if (size.Z == 1)
            {
                continue;
            }

            for (var i = 0; i < points; i++)
            {
                var b = buffer + (i * lanes);
                WinogradTransforms<TLanes, TVector>.Data(
                    TLanes.Load(b), TLanes.Load(b + planeFloats), TLanes.Load(b + (2 * planeFloats)), TLanes.Load(b + (3 * planeFloats)),
                    out var v0, out var v1, out var v2, out var v3);
                var target = v + c + (i * pointPitch);
                TLanes.Store(target, v0);
                TLanes.Store(target + (points * pointPitch), v1);
                TLanes.Store(target + (2 * points * pointPitch), v2);
                TLanes.Store(target + (3 * points * pointPitch), v3);
            }
        }
    }

    /// <summary>One wide plane: 6 rows of 6 along x, then 6 columns along y.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WidePlane(float* s, nint voxel, nint row, float* rows, float* target, nint pitch)
    {
        var lanes = TLanes.Count;
        for (var y = 0; y < 6; y++)
        {
            WinogradTransforms<TLanes, TVector>.WideData(s + (y * row), voxel, rows + (6 * y * lanes), lanes);
        }

        for (var x = 0; x < 6; x++)
        {
            WinogradTransforms<TLanes, TVector>.WideData(rows + (x * lanes), 6 * lanes, target + (x * pitch), 6 * pitch);
        }
    }

    /// <summary>One plane: 4 rows of 4 along x, then 4 columns along y.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Plane(float* s, nint voxel, nint row, float* target, nint pitch)
    {
        Row(s, voxel, out var a0, out var a1, out var a2, out var a3);
        Row(s + row, voxel, out var b0, out var b1, out var b2, out var b3);
        Row(s + (2 * row), voxel, out var c0, out var c1, out var c2, out var c3);
        Row(s + (3 * row), voxel, out var d0, out var d1, out var d2, out var d3);
        Column(a0, b0, c0, d0, target, pitch);
        Column(a1, b1, c1, d1, target + pitch, pitch);
        Column(a2, b2, c2, d2, target + (2 * pitch), pitch);
        Column(a3, b3, c3, d3, target + (3 * pitch), pitch);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Row(float* s, nint voxel, out TVector v0, out TVector v1, out TVector v2, out TVector v3) =>
        WinogradTransforms<TLanes, TVector>.Data(
            TLanes.Load(s), TLanes.Load(s + voxel), TLanes.Load(s + (2 * voxel)), TLanes.Load(s + (3 * voxel)),
            out v0, out v1, out v2, out v3);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Column(TVector a, TVector b, TVector c, TVector d, float* target, nint pitch)
    {
        WinogradTransforms<TLanes, TVector>.Data(a, b, c, d, out var v0, out var v1, out var v2, out var v3);
        TLanes.Store(target, v0);
        TLanes.Store(target + (4 * pitch), v1);
        TLanes.Store(target + (8 * pitch), v2);
        TLanes.Store(target + (12 * pitch), v3);
    }
}
