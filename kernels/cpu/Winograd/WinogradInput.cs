using System.Runtime.CompilerServices;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Convolution;
using SharpSeg.Kernels.Cpu.Simd;

namespace SharpSeg.Kernels.Cpu.Winograd;

/// <summary>
/// Data transform of Winograd tiles: 4×4×4 (or 1×4×4) input voxels → as many points, per channel. Point q of tile t and channel c goes to
/// v[q·pointPitch + t·rowPitch + c]. Tiles that touch the border are first copied, with zeros around, to a small buffer.
/// <para>Per vector of channels: x and y within each plane in registers, then z over a 4 KiB buffer: 3 additions per point in all.</para>
/// </summary>
internal static unsafe class WinogradInput<TLanes, TVector>
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>Floats of scratch memory: one bordered tile of one input.</summary>
    public static long ScratchLength(in TapProblem p) => 64L * Round(Math.Max(p.C, p.C2));

    /// <summary>Channels of a row of points: rounded up to whole vectors.</summary>
    public static int Round(int channels) => (channels + TLanes.Count - 1) / TLanes.Count * TLanes.Count;

    /// <summary>Transforms tiles first … first + count − 1.</summary>
    public static void Transform(
        in TapProblem p, in WinogradTiles tiles, int first, int count, float* v, nint pointPitch, nint rowPitch, float* scratch)
    {
        var size = new Extent(tiles.Planes, 4, 4);
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
            && corner.Y + 4 <= p.Input.Y && corner.X + 4 <= p.Input.X;
        nint row = (nint)p.Input.X * channels, plane = row * p.Input.Y;
        var source = x + (n * p.Input.Z * plane) + (corner.Z * plane) + (corner.Y * row) + ((nint)corner.X * channels);
        if (inside)
        {
            Tile(source, channels, row, plane, channels, size.Z, v, pointPitch);
            return;
        }

        nint pitch = Round(channels);
        for (var z = 0; z < size.Z; z++)
        {
            for (var y = 0; y < 4; y++)
            {
                for (var voxel = 0; voxel < 4; voxel++)
                {
                    var target = scratch + ((((z * 4) + y) * 4) + voxel) * pitch;
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

        Tile(scratch, pitch, 4 * pitch, 16 * pitch, channels, size.Z, v, pointPitch);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile(float* source, nint voxel, nint row, nint plane, int channels, int planes, float* v, nint pointPitch)
    {
        var lanes = TLanes.Count;
        var raw = stackalloc float[(64 * 16) + 16];
        var buffer = (float*)(((nint)raw + 63) & ~(nint)63);
        for (var c = 0; c < channels; c += lanes)
        {
            if (planes == 1)
            {
                Plane(source + c, voxel, row, v + c, pointPitch);
                continue;
            }

            for (var z = 0; z < 4; z++)
            {
                Plane(source + c + (z * plane), voxel, row, buffer + (z * 16 * lanes), lanes);
            }

            for (var i = 0; i < 16; i++)
            {
                var b = buffer + (i * lanes);
                WinogradTransforms<TLanes, TVector>.Data(
                    TLanes.Load(b), TLanes.Load(b + (16 * lanes)), TLanes.Load(b + (32 * lanes)), TLanes.Load(b + (48 * lanes)),
                    out var v0, out var v1, out var v2, out var v3);
                var target = v + c + (i * pointPitch);
                TLanes.Store(target, v0);
                TLanes.Store(target + (16 * pointPitch), v1);
                TLanes.Store(target + (32 * pointPitch), v2);
                TLanes.Store(target + (48 * pointPitch), v3);
            }
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
