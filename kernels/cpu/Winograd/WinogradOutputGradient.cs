using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Cpu.Convolution;
using SharpSeg.Kernels.Cpu.Simd;

namespace SharpSeg.Kernels.Cpu.Winograd;

/// <summary>
/// Transform of the output's gradient for the weight gradient, F(3, 2) (wide: F(3, 4) along y and x): 2×2×2 (1×2×2, wide 2×4×4,
/// 1×4×4) voxels → the points of a tile per channel. Point q of
/// tile t and channel c goes to d[q·pointPitch + t·rowPitch + c]. Voxels behind an odd end count as 0.
/// </summary>
internal static unsafe class WinogradOutputGradient<TLanes, TVector>
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>Transforms tiles first … first + count − 1 of the gradient g (n, grid, Cout).</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Transform(
        in TapProblem p, in WinogradTiles tiles, float* g, int first, int count, float* d, nint pointPitch, nint rowPitch)
    {
        int lanes = TLanes.Count, points = tiles.Side * tiles.Side;
        nint voxel = p.Cout, row = (nint)p.Grid.X * p.Cout, plane = row * p.Grid.Y;
        var half = TLanes.Broadcast(0.5f);
        var raw = stackalloc float[((2 * 36) + 24 + 1) * 16];
        var buffer = (float*)(((nint)raw + 63) & ~(nint)63);
        var rows = buffer + (2 * 36 * lanes);
        for (var i = 0; i < count; i++)
        {
            var n = tiles.Corner(first + i, out var o);
            var source = g + (((nint)n * p.Grid.Z + o.Z) * plane) + (o.Y * row) + (o.X * voxel);
            int right = p.Grid.X - o.X, below = p.Grid.Y - o.Y, planes = tiles.Deep ? 2 : 1;
            for (var c = 0; c < p.Cout; c += lanes)
            {
                var target = d + (i * rowPitch) + c;
                for (var z = 0; z < planes; z++)
                {
                    var to = tiles.Deep ? buffer + (z * points * lanes) : target;
                    var pitch = tiles.Deep ? lanes : pointPitch;
                    if (o.Z + z >= p.Grid.Z)
                    {
                        new Span<float>(to, points * lanes).Clear();
                    }
                    else if (tiles.Reach == 4)
                    {
                        WidePlane(source + c + (z * plane), voxel, row, right, below, rows, to, pitch);
                    }
                    else
                    {
                        Plane(source + c + (z * plane), voxel, row, right > 1, below > 1, half, to, pitch);
                    }
                }

                for (var q = 0; tiles.Deep && q < points; q++)
                {
                    TVector g0 = TLanes.Load(buffer + (q * lanes)), g1 = TLanes.Load(buffer + ((points + q) * lanes));
                    WinogradTransforms<TLanes, TVector>.TwoTaps(g0, g1, half, out var u1, out var u2);
                    TLanes.Store(target + (q * pointPitch), g0);
                    TLanes.Store(target + ((points + q) * pointPitch), u1);
                    TLanes.Store(target + (((2 * points) + q) * pointPitch), u2);
                    TLanes.Store(target + (((3 * points) + q) * pointPitch), g1);
                }
            }
        }
    }

    /// <summary>
    /// 4×4 voxels → 6×6 points; voxels from <paramref name="right"/> and <paramref name="below"/> on lie outside.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WidePlane(float* s, nint voxel, nint row, int right, int below, float* rows, float* target, nint pitch)
    {
        var lanes = TLanes.Count;
        for (var y = 0; y < 4; y++)
        {
            var line = s + (y * row);
            if (y >= below)
            {
                new Span<float>(rows + (6 * y * lanes), 6 * lanes).Clear();
                continue;
            }

            WinogradTransforms<TLanes, TVector>.WideFourTaps(
                TLanes.Load(line), right > 1 ? TLanes.Load(line + voxel) : TLanes.Zero,
                right > 2 ? TLanes.Load(line + (2 * voxel)) : TLanes.Zero,
                right > 3 ? TLanes.Load(line + (3 * voxel)) : TLanes.Zero,
                rows + (6 * y * lanes), lanes);
        }

        for (var x = 0; x < 6; x++)
        {
            var column = rows + (x * lanes);
            WinogradTransforms<TLanes, TVector>.WideFourTaps(
                TLanes.Load(column), TLanes.Load(column + (6 * lanes)), TLanes.Load(column + (12 * lanes)),
                TLanes.Load(column + (18 * lanes)),
                target + (x * pitch), 6 * pitch);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Plane(float* s, nint voxel, nint row, bool right, bool below, TVector half, float* target, nint pitch)
    {
        TVector a0 = TLanes.Load(s), a3 = right ? TLanes.Load(s + voxel) : TLanes.Zero;
        TVector b0 = below ? TLanes.Load(s + row) : TLanes.Zero, b3 = right && below ? TLanes.Load(s + row + voxel) : TLanes.Zero;
        WinogradTransforms<TLanes, TVector>.TwoTaps(a0, a3, half, out var a1, out var a2);
        WinogradTransforms<TLanes, TVector>.TwoTaps(b0, b3, half, out var b1, out var b2);
        Column(a0, b0, half, target, pitch);
        Column(a1, b1, half, target + pitch, pitch);
        Column(a2, b2, half, target + (2 * pitch), pitch);
        Column(a3, b3, half, target + (3 * pitch), pitch);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Column(TVector a, TVector b, TVector half, float* target, nint pitch)
    {
        WinogradTransforms<TLanes, TVector>.TwoTaps(a, b, half, out var u1, out var u2);
        TLanes.Store(target, a);
        TLanes.Store(target + (4 * pitch), u1);
        TLanes.Store(target + (8 * pitch), u2);
        TLanes.Store(target + (12 * pitch), b);
    }
}
