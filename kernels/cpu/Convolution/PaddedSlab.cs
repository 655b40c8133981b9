using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Cpu.Simd;

namespace SharpSeg.Kernels.Cpu.Convolution;

/// <summary>
/// A box of the input, copied with its zero border (and with both inputs' channels side by side) into a worker's scratch memory.
/// The kernels then read it without branches, and the Window.X taps × channels of a row are one contiguous run. The copy costs a
/// few percent: each value is copied one to three times and used some hundreds of times.
/// </summary>
internal static unsafe class PaddedSlab<TLanes, TVector>
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>Fills planes × rows × columns voxels, beginning at input voxel (z, y, x), which may lie outside.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Fill(in TapProblem p, int n, int z, int y, int x, int planes, int rows, int columns, float* slab)
    {
        var total = p.CTotal;
        int left = Math.Clamp(-x, 0, columns), right = Math.Clamp(p.Input.X - x, left, columns);
        for (var iz = z; iz < z + planes; iz++)
        {
            for (var iy = y; iy < y + rows; iy++, slab += (nint)columns * total)
            {
                if ((uint)iz >= (uint)p.Input.Z || (uint)iy >= (uint)p.Input.Y)
                {
                    Clear(slab, columns * total);
                    continue;
                }

                Clear(slab, left * total);
                Clear(slab + ((nint)right * total), (columns - right) * total);
                var voxel = ((((((long)n * p.Input.Z) + iz) * p.Input.Y) + iy) * p.Input.X) + x + left;
                var target = slab + ((nint)left * total);
                if (p.C2 == 0)
                {
                    CopyRun(p.X + (voxel * p.C), target, (right - left) * p.C);
                    continue;
                }

                float* a = p.X + (voxel * p.C), b = p.X2 + (voxel * p.C2);
                for (var i = left; i < right; i++, a += p.C, b += p.C2, target += total)
                {
                    CopyRun(a, target, p.C);
                    CopyRun(b, target + p.C, p.C2);
                }
            }
        }
    }

    private static void Clear(float* p, int count) => new Span<float>(p, count).Clear();

    /// <summary>Copies consecutive values.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void CopyRun(float* source, float* target, int count)
    {
        var i = 0;
        for (; i + (4 * TLanes.Count) <= count; i += 4 * TLanes.Count)
        {
            TVector a = TLanes.Load(source + i), b = TLanes.Load(source + i + TLanes.Count);
            TVector c = TLanes.Load(source + i + (2 * TLanes.Count)), d = TLanes.Load(source + i + (3 * TLanes.Count));
            TLanes.Store(target + i, a);
            TLanes.Store(target + i + TLanes.Count, b);
            TLanes.Store(target + i + (2 * TLanes.Count), c);
            TLanes.Store(target + i + (3 * TLanes.Count), d);
        }

        for (; i + TLanes.Count <= count; i += TLanes.Count)
        {
            TLanes.Store(target + i, TLanes.Load(source + i));
        }

        for (; i < count; i++)
        {
            target[i] = source[i];
        }
    }
}
