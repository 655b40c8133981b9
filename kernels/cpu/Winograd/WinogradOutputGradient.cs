using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Cpu.Convolution;
using SharpSeg.Kernels.Cpu.Simd;

namespace SharpSeg.Kernels.Cpu.Winograd;

/// <summary>
/// Transform of the output's gradient for the weight gradient, F(3, 2): 2×2×2 (or 1×2×2) voxels → 64 (or 16) points per channel. Point q of
/// tile t and channel c goes to d[q·pointPitch + t·rowPitch + c]. Voxels behind an odd end count as 0.
/// </summary>
internal static unsafe class WinogradOutputGradient<TLanes, TVector>
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>Transforms tiles first … first + count − 1 of the gradient g (n, grid, Cout).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Transform(
        in TapProblem p, in WinogradTiles tiles, float* g, int first, int count, float* d, nint pointPitch, nint rowPitch)
    {
        var lanes = TLanes.Count;
        nint voxel = p.Cout, row = (nint)p.Grid.X * p.Cout, plane = row * p.Grid.Y;
        var half = TLanes.Broadcast(0.5f);
        var raw = stackalloc float[(32 * 16) + 16];
        var buffer = (float*)(((nint)raw + 63) & ~(nint)63);
        for (var i = 0; i < count; i++)
        {
            var n = tiles.Corner(first + i, out var o);
            var source = g + (((nint)n * p.Grid.Z + o.Z) * plane) + (o.Y * row) + (o.X * voxel);
            bool right = o.X + 1 < p.Grid.X, below = o.Y + 1 < p.Grid.Y, behind = o.Z + 1 < p.Grid.Z;
            for (var c = 0; c < p.Cout; c += lanes)
            {
                var target = d + (i * rowPitch) + c;
                if (!tiles.Deep)
                {
                    Plane(source + c, voxel, row, right, below, half, target, pointPitch);
                    continue;
                }

                Plane(source + c, voxel, row, right, below, half, buffer, lanes);
                if (behind)
                {
                    Plane(source + c + plane, voxel, row, right, below, half, buffer + (16 * lanes), lanes);
                }
                else
                {
                    new Span<float>(buffer + (16 * lanes), 16 * lanes).Clear();
                }

                for (var q = 0; q < 16; q++)
                {
                    TVector g0 = TLanes.Load(buffer + (q * lanes)), g1 = TLanes.Load(buffer + ((16 + q) * lanes));
                    WinogradTransforms<TLanes, TVector>.TwoTaps(g0, g1, half, out var u1, out var u2);
                    TLanes.Store(target + (q * pointPitch), g0);
                    TLanes.Store(target + ((16 + q) * pointPitch), u1);
                    TLanes.Store(target + ((32 + q) * pointPitch), u2);
                    TLanes.Store(target + ((48 + q) * pointPitch), g1);
                }
            }
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
