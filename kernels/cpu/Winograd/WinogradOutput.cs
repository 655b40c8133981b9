using System.Runtime.CompilerServices;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Convolution;
using SharpSeg.Kernels.Cpu.Simd;

namespace SharpSeg.Kernels.Cpu.Winograd;

/// <summary>
/// Output transform of Winograd tiles: the points → 2×2×2 (1×2×2, wide 2×4×4, 1×4×4) output voxels, plus bias and what was there.
/// Point q of tile t lies at m[q·pointPitch + t·2·lanes], for one block of 2·lanes output channels.
/// </summary>
internal static unsafe class WinogradOutput<TLanes, TVector>
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>Transforms tiles first … first + count − 1 for one block of output channels.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Transform(
        in TapProblem p, in WinogradTiles tiles, int first, int count, int block, float* m, nint pointPitch, float* bias,
        bool accumulate)
    {
        int lanes = TLanes.Count, width = 2 * lanes;
        bool second = p.Y2 is not null && block * width >= p.CoutFirst;
        var tensor = second ? p.Y2 : p.Y;
        var cout = p.Y2 is null ? p.Cout : second ? p.Cout - p.CoutFirst : p.CoutFirst;
        var firstChannel = (block * width) - (second ? p.CoutFirst : 0);
        var channels = Math.Min(width, cout - firstChannel);
        var raw = stackalloc float[(32 + 48 + 1) * 16];
        var voxels = (float*)(((nint)raw + 63) & ~(nint)63);
        for (var i = 0; i < count; i++)
        {
            var n = tiles.Corner(first + i, out var o);
            var y = tensor + (((((((long)n * p.Grid.Z) + o.Z) * p.Grid.Y) + o.Y) * p.Grid.X + o.X) * cout) + firstChannel;
            int zs = tiles.Deep ? Math.Min(2, p.Grid.Z - o.Z) : 1, ys = Math.Min(tiles.Reach, p.Grid.Y - o.Y),
            xs = Math.Min(tiles.Reach, p.Grid.X - o.X);
            for (var c = 0; c < channels; c += lanes)
            {
                var shift = bias is null ? TLanes.Zero : TLanes.Load(bias + (block * width) + c);
                var source = m + ((nint)i * width) + c;
                if (tiles.Reach == 4)
                {
                    Wide(source, pointPitch, tiles.Deep, voxels);
                }
                else if (tiles.Deep)
                {
                    Cube(source, pointPitch, voxels);
                }
                else
                {
                    Square(source, pointPitch, out var y00, out var y01, out var y10, out var y11);
                    TLanes.Store(voxels, y00);
                    TLanes.Store(voxels + lanes, y01);
                    TLanes.Store(voxels + (2 * lanes), y10);
                    TLanes.Store(voxels + (3 * lanes), y11);
                }

                var whole = channels - c >= lanes && !accumulate;
                for (var z = 0; z < zs; z++)
                {
                    for (var r = 0; r < ys; r++)
                    {
                        var line = y + (((z * p.Grid.Y) + r) * p.Grid.X * (nint)cout) + c;
                        var from = voxels + ((((z * tiles.Reach) + r) * tiles.Reach) * lanes);
                        for (var x = 0; whole && x < xs; x++)
                        {
                            TLanes.Store(line + (x * (nint)cout), TLanes.Add(TLanes.Load(from + (x * lanes)), shift));
                        }

                        for (var x = 0; !whole && x < xs; x++)
                        {
                            var target = line + (x * (nint)cout);
                            var value = TLanes.Add(TLanes.Load(from + (x * lanes)), shift);
                            if (accumulate)
                            {
                                value = TLanes.Add(value, TLanes.Load(target));
                            }

                            PartVector<TLanes, TVector>.Store(value, target, channels - c);
                        }
                    }
                }
            }
        }
    }

    /// <summary>Each column along y, then z, in registers into a buffer; then each row along x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Wide(float* m, nint pitch, bool deep, float* voxels)
    {
        nint lanes = TLanes.Count, step = 6 * TLanes.Count;
        var buffer = voxels + (32 * lanes);
        for (nint x = 0; x < 6; x++)
        {
            var source = m + (x * pitch);
            var target = buffer + (x * lanes);
            WinogradTransforms<TLanes, TVector>.WideFourOutputs(
                source, 6 * pitch, out var a0, out var a1, out var a2, out var a3);
            if (!deep)
            {
                TLanes.Store(target, a0);
                TLanes.Store(target + step, a1);
                TLanes.Store(target + (2 * step), a2);
                TLanes.Store(target + (3 * step), a3);
                continue;
            }

            WinogradTransforms<TLanes, TVector>.WideFourOutputs(
                source + (36 * pitch), 6 * pitch, out var b0, out var b1, out var b2, out var b3);
            WinogradTransforms<TLanes, TVector>.WideFourOutputs(
                source + (72 * pitch), 6 * pitch, out var c0, out var c1, out var c2, out var c3);
            WinogradTransforms<TLanes, TVector>.WideFourOutputs(
                source + (108 * pitch), 6 * pitch, out var d0, out var d1, out var d2, out var d3);
            Pair(a0, b0, c0, d0, target, 4 * step);
            Pair(a1, b1, c1, d1, target + step, 4 * step);
            Pair(a2, b2, c2, d2, target + (2 * step), 4 * step);
            Pair(a3, b3, c3, d3, target + (3 * step), 4 * step);
        }

        for (var r = 0; r < (deep ? 8 : 4); r++)
        {
            WinogradTransforms<TLanes, TVector>.WideFourOutputs(
                buffer + (r * step), lanes, out var y0, out var y1, out var y2, out var y3);
            var target = voxels + (4 * r * lanes);
            TLanes.Store(target, y0);
            TLanes.Store(target + lanes, y1);
            TLanes.Store(target + (2 * lanes), y2);
            TLanes.Store(target + (3 * lanes), y3);
        }
    }

    /// <summary>4 points along z → 2 outputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Pair(TVector m0, TVector m1, TVector m2, TVector m3, float* target, nint pitch)
    {
        WinogradTransforms<TLanes, TVector>.TwoOutputs(m0, m1, m2, m3, out var y0, out var y1);
        TLanes.Store(target, y0);
        TLanes.Store(target + pitch, y1);
    }

    /// <summary>Plane by plane; along z the outputs are summed as the planes come: (0, 1, 2) and (1, −2, 3).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Cube(float* m, nint pitch, float* voxels)
    {
        var lanes = TLanes.Count;
        var plane = 16 * pitch;
        Square(m, pitch, out var n00, out var n01, out var n10, out var n11);
        Square(m + plane, pitch, out var a00, out var a01, out var a10, out var a11);
        n00 = TLanes.Add(n00, a00);
        n01 = TLanes.Add(n01, a01);
        n10 = TLanes.Add(n10, a10);
        n11 = TLanes.Add(n11, a11);
        Square(m + (2 * plane), pitch, out var b00, out var b01, out var b10, out var b11);
        TLanes.Store(voxels, TLanes.Add(n00, b00));
        TLanes.Store(voxels + lanes, TLanes.Add(n01, b01));
        TLanes.Store(voxels + (2 * lanes), TLanes.Add(n10, b10));
        TLanes.Store(voxels + (3 * lanes), TLanes.Add(n11, b11));
        a00 = TLanes.Subtract(a00, b00);
        a01 = TLanes.Subtract(a01, b01);
        a10 = TLanes.Subtract(a10, b10);
        a11 = TLanes.Subtract(a11, b11);
        Square(m + (3 * plane), pitch, out b00, out b01, out b10, out b11);
        TLanes.Store(voxels + (4 * lanes), TLanes.Add(a00, b00));
        TLanes.Store(voxels + (5 * lanes), TLanes.Add(a01, b01));
        TLanes.Store(voxels + (6 * lanes), TLanes.Add(a10, b10));
        TLanes.Store(voxels + (7 * lanes), TLanes.Add(a11, b11));
    }

    /// <summary>4×4 points → 2×2 outputs (y, x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Square(float* m, nint pitch, out TVector y00, out TVector y01, out TVector y10, out TVector y11)
    {
        Row(m, pitch, out var a0, out var a1);
        Row(m + (4 * pitch), pitch, out var b0, out var b1);
        Row(m + (8 * pitch), pitch, out var c0, out var c1);
        Row(m + (12 * pitch), pitch, out var d0, out var d1);
        WinogradTransforms<TLanes, TVector>.TwoOutputs(a0, b0, c0, d0, out y00, out y10);
        WinogradTransforms<TLanes, TVector>.TwoOutputs(a1, b1, c1, d1, out y01, out y11);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Row(float* m, nint pitch, out TVector y0, out TVector y1) =>
        WinogradTransforms<TLanes, TVector>.TwoOutputs(
            TLanes.Load(m), TLanes.Load(m + pitch), TLanes.Load(m + (2 * pitch)), TLanes.Load(m + (3 * pitch)), out y0, out y1);
}
