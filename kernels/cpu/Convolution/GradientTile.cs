using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Cpu.Simd;

namespace SharpSeg.Kernels.Cpu.Convolution;

/// <summary>
/// The inner loop of the weight gradient: Height input values × two vectors of output channels are summed in registers while the
/// voxels of a box go by. Per voxel two vectors of the output's gradient are loaded and each input value is broadcast once.
/// </summary>
internal static unsafe class GradientTile<TLanes, TVector>
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>Rows of the tile: consecutive floats of the input.</summary>
    public static int Height => TLanes.ManyRegisters ? 12 : 6;

    /// <summary>Groups of three rows that <see cref="Threes"/> sums at a time.</summary>
    public static int ThreesPerTile => TLanes.ManyRegisters ? 3 : 2;

    /// <summary>
    /// Rows to use of a tile when <paramref name="length"/> floats are cut into tiles: the fewest that need no more tiles than
    /// <see cref="Height"/> rows would (11 for 32 = 3 × 11 − 1, which leaves 4 of 3 × 12 unused; 9 for the three taps of three
    /// channels).
    /// </summary>
    public static int RowsFor(int length)
    {
        var tiles = (length + Height - 1) / Height;
        ReadOnlySpan<int> heights = [6, 9, 11, 12];
        foreach (var height in heights)
        {
            if (height < Height && (length + height - 1) / height == tiles)
            {
                return height;
            }
        }

        return Height;
    }

    /// <summary>
    /// sums[i, q] += Σ over the box of x[i]·g[q] for i below <paramref name="height"/>, which is 6, 9, 11 or 12 and at most
    /// <see cref="Height"/>; sums is Height × (2·lanes) floats.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Run(in VoxelBox box, float* x, float* g, float* sums, int height)
    {
        if (height == 12)
        {
            Twelve(box, x, g, sums);
        }
        else if (height == 11)
        {
            Eleven(box, x, g, sums);
        }
        else if (height == 9)
        {
            Nine(box, x, 3, 6, g, sums);
        }
        else
        {
            Six(box, x, 3, g, sums);
        }
    }

    /// <summary>
    /// The same for <see cref="ThreesPerTile"/> groups of three consecutive inputs, which begin at x, x + second and x + third:
    /// with one input channel, three taps along x from each of several rows of taps.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Threes(in VoxelBox box, float* x, nint second, nint third, float* g, float* sums)
    {
        if (TLanes.ManyRegisters)
        {
            Nine(box, x, second, third, g, sums);
        }
        else
        {
            Six(box, x, second, g, sums);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Twelve(in VoxelBox box, float* x, float* g, float* sums)
    {
        int lanes = TLanes.Count;
        TVector a0 = Get(sums, 0), b0 = Get(sums, 1);
        TVector a1 = Get(sums, 2), b1 = Get(sums, 3);
        TVector a2 = Get(sums, 4), b2 = Get(sums, 5);
        TVector a3 = Get(sums, 6), b3 = Get(sums, 7);
        TVector a4 = Get(sums, 8), b4 = Get(sums, 9);
        TVector a5 = Get(sums, 10), b5 = Get(sums, 11);
        TVector a6 = Get(sums, 12), b6 = Get(sums, 13);
        TVector a7 = Get(sums, 14), b7 = Get(sums, 15);
        TVector a8 = Get(sums, 16), b8 = Get(sums, 17);
        TVector a9 = Get(sums, 18), b9 = Get(sums, 19);
        TVector a10 = Get(sums, 20), b10 = Get(sums, 21);
        TVector a11 = Get(sums, 22), b11 = Get(sums, 23);
        for (var plane = 0; plane < box.Planes; plane++)
        {
            for (var row = 0; row < box.Rows; row++)
            {
                float* px = x + (plane * box.XPlanePitch) + (row * box.XRowPitch);
                float* pg = g + (plane * box.GPlanePitch) + (row * box.GRowPitch);
                for (var column = box.Columns; column > 0; column--)
                {
                    TVector u = TLanes.Load(pg), v = TLanes.Load(pg + lanes);
                    var x0 = TLanes.Broadcast(px[0]);
                    a0 = TLanes.MultiplyAdd(x0, u, a0);
                    b0 = TLanes.MultiplyAdd(x0, v, b0);
                    var x1 = TLanes.Broadcast(px[1]);
                    a1 = TLanes.MultiplyAdd(x1, u, a1);
                    b1 = TLanes.MultiplyAdd(x1, v, b1);
                    var x2 = TLanes.Broadcast(px[2]);
                    a2 = TLanes.MultiplyAdd(x2, u, a2);
                    b2 = TLanes.MultiplyAdd(x2, v, b2);
                    var x3 = TLanes.Broadcast(px[3]);
                    a3 = TLanes.MultiplyAdd(x3, u, a3);
                    b3 = TLanes.MultiplyAdd(x3, v, b3);
                    var x4 = TLanes.Broadcast(px[4]);
                    a4 = TLanes.MultiplyAdd(x4, u, a4);
                    b4 = TLanes.MultiplyAdd(x4, v, b4);
                    var x5 = TLanes.Broadcast(px[5]);
                    a5 = TLanes.MultiplyAdd(x5, u, a5);
                    b5 = TLanes.MultiplyAdd(x5, v, b5);
                    var x6 = TLanes.Broadcast(px[6]);
                    a6 = TLanes.MultiplyAdd(x6, u, a6);
                    b6 = TLanes.MultiplyAdd(x6, v, b6);
                    var x7 = TLanes.Broadcast(px[7]);
                    a7 = TLanes.MultiplyAdd(x7, u, a7);
                    b7 = TLanes.MultiplyAdd(x7, v, b7);
                    var x8 = TLanes.Broadcast(px[8]);
                    a8 = TLanes.MultiplyAdd(x8, u, a8);
                    b8 = TLanes.MultiplyAdd(x8, v, b8);
                    var x9 = TLanes.Broadcast(px[9]);
                    a9 = TLanes.MultiplyAdd(x9, u, a9);
                    b9 = TLanes.MultiplyAdd(x9, v, b9);
                    var x10 = TLanes.Broadcast(px[10]);
                    a10 = TLanes.MultiplyAdd(x10, u, a10);
                    b10 = TLanes.MultiplyAdd(x10, v, b10);
                    var x11 = TLanes.Broadcast(px[11]);
                    a11 = TLanes.MultiplyAdd(x11, u, a11);
                    b11 = TLanes.MultiplyAdd(x11, v, b11);
                    px += box.XVoxelPitch;
                    pg += box.GVoxelPitch;
                }
            }
        }

        Put(sums, 0, a0);
        Put(sums, 1, b0);
        Put(sums, 2, a1);
        Put(sums, 3, b1);
        Put(sums, 4, a2);
        Put(sums, 5, b2);
        Put(sums, 6, a3);
        Put(sums, 7, b3);
        Put(sums, 8, a4);
        Put(sums, 9, b4);
        Put(sums, 10, a5);
        Put(sums, 11, b5);
        Put(sums, 12, a6);
        Put(sums, 13, b6);
        Put(sums, 14, a7);
        Put(sums, 15, b7);
        Put(sums, 16, a8);
        Put(sums, 17, b8);
        Put(sums, 18, a9);
        Put(sums, 19, b9);
        Put(sums, 20, a10);
        Put(sums, 21, b10);
        Put(sums, 22, a11);
        Put(sums, 23, b11);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Eleven(in VoxelBox box, float* x, float* g, float* sums)
    {
        int lanes = TLanes.Count;
        TVector a0 = Get(sums, 0), b0 = Get(sums, 1);
        TVector a1 = Get(sums, 2), b1 = Get(sums, 3);
        TVector a2 = Get(sums, 4), b2 = Get(sums, 5);
        TVector a3 = Get(sums, 6), b3 = Get(sums, 7);
        TVector a4 = Get(sums, 8), b4 = Get(sums, 9);
        TVector a5 = Get(sums, 10), b5 = Get(sums, 11);
        TVector a6 = Get(sums, 12), b6 = Get(sums, 13);
        TVector a7 = Get(sums, 14), b7 = Get(sums, 15);
        TVector a8 = Get(sums, 16), b8 = Get(sums, 17);
        TVector a9 = Get(sums, 18), b9 = Get(sums, 19);
        TVector a10 = Get(sums, 20), b10 = Get(sums, 21);
        for (var plane = 0; plane < box.Planes; plane++)
        {
            for (var row = 0; row < box.Rows; row++)
            {
                float* px = x + (plane * box.XPlanePitch) + (row * box.XRowPitch);
                float* pg = g + (plane * box.GPlanePitch) + (row * box.GRowPitch);
                for (var column = box.Columns; column > 0; column--)
                {
                    TVector u = TLanes.Load(pg), v = TLanes.Load(pg + lanes);
                    var x0 = TLanes.Broadcast(px[0]);
                    a0 = TLanes.MultiplyAdd(x0, u, a0);
                    b0 = TLanes.MultiplyAdd(x0, v, b0);
                    var x1 = TLanes.Broadcast(px[1]);
                    a1 = TLanes.MultiplyAdd(x1, u, a1);
                    b1 = TLanes.MultiplyAdd(x1, v, b1);
                    var x2 = TLanes.Broadcast(px[2]);
                    a2 = TLanes.MultiplyAdd(x2, u, a2);
                    b2 = TLanes.MultiplyAdd(x2, v, b2);
                    var x3 = TLanes.Broadcast(px[3]);
                    a3 = TLanes.MultiplyAdd(x3, u, a3);
                    b3 = TLanes.MultiplyAdd(x3, v, b3);
                    var x4 = TLanes.Broadcast(px[4]);
                    a4 = TLanes.MultiplyAdd(x4, u, a4);
                    b4 = TLanes.MultiplyAdd(x4, v, b4);
                    var x5 = TLanes.Broadcast(px[5]);
                    a5 = TLanes.MultiplyAdd(x5, u, a5);
                    b5 = TLanes.MultiplyAdd(x5, v, b5);
                    var x6 = TLanes.Broadcast(px[6]);
                    a6 = TLanes.MultiplyAdd(x6, u, a6);
                    b6 = TLanes.MultiplyAdd(x6, v, b6);
                    var x7 = TLanes.Broadcast(px[7]);
                    a7 = TLanes.MultiplyAdd(x7, u, a7);
                    b7 = TLanes.MultiplyAdd(x7, v, b7);
                    var x8 = TLanes.Broadcast(px[8]);
                    a8 = TLanes.MultiplyAdd(x8, u, a8);
                    b8 = TLanes.MultiplyAdd(x8, v, b8);
                    var x9 = TLanes.Broadcast(px[9]);
                    a9 = TLanes.MultiplyAdd(x9, u, a9);
                    b9 = TLanes.MultiplyAdd(x9, v, b9);
                    var x10 = TLanes.Broadcast(px[10]);
                    a10 = TLanes.MultiplyAdd(x10, u, a10);
                    b10 = TLanes.MultiplyAdd(x10, v, b10);
                    px += box.XVoxelPitch;
                    pg += box.GVoxelPitch;
                }
            }
        }

        Put(sums, 0, a0);
        Put(sums, 1, b0);
        Put(sums, 2, a1);
        Put(sums, 3, b1);
        Put(sums, 4, a2);
        Put(sums, 5, b2);
        Put(sums, 6, a3);
        Put(sums, 7, b3);
        Put(sums, 8, a4);
        Put(sums, 9, b4);
        Put(sums, 10, a5);
        Put(sums, 11, b5);
        Put(sums, 12, a6);
        Put(sums, 13, b6);
        Put(sums, 14, a7);
        Put(sums, 15, b7);
        Put(sums, 16, a8);
        Put(sums, 17, b8);
        Put(sums, 18, a9);
        Put(sums, 19, b9);
        Put(sums, 20, a10);
        Put(sums, 21, b10);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Nine(in VoxelBox box, float* x, nint second, nint third, float* g, float* sums)
    {
        int lanes = TLanes.Count;
        TVector a0 = Get(sums, 0), b0 = Get(sums, 1);
        TVector a1 = Get(sums, 2), b1 = Get(sums, 3);
        TVector a2 = Get(sums, 4), b2 = Get(sums, 5);
        TVector a3 = Get(sums, 6), b3 = Get(sums, 7);
        TVector a4 = Get(sums, 8), b4 = Get(sums, 9);
        TVector a5 = Get(sums, 10), b5 = Get(sums, 11);
        TVector a6 = Get(sums, 12), b6 = Get(sums, 13);
        TVector a7 = Get(sums, 14), b7 = Get(sums, 15);
        TVector a8 = Get(sums, 16), b8 = Get(sums, 17);
        for (var plane = 0; plane < box.Planes; plane++)
        {
            for (var row = 0; row < box.Rows; row++)
            {
                float* px = x + (plane * box.XPlanePitch) + (row * box.XRowPitch);
                float* py = px + second, pz = px + third;
                float* pg = g + (plane * box.GPlanePitch) + (row * box.GRowPitch);
                for (var column = box.Columns; column > 0; column--)
                {
                    TVector u = TLanes.Load(pg), v = TLanes.Load(pg + lanes);
                    var x0 = TLanes.Broadcast(px[0]);
                    a0 = TLanes.MultiplyAdd(x0, u, a0);
                    b0 = TLanes.MultiplyAdd(x0, v, b0);
                    var x1 = TLanes.Broadcast(px[1]);
                    a1 = TLanes.MultiplyAdd(x1, u, a1);
                    b1 = TLanes.MultiplyAdd(x1, v, b1);
                    var x2 = TLanes.Broadcast(px[2]);
                    a2 = TLanes.MultiplyAdd(x2, u, a2);
                    b2 = TLanes.MultiplyAdd(x2, v, b2);
                    var x3 = TLanes.Broadcast(py[0]);
                    a3 = TLanes.MultiplyAdd(x3, u, a3);
                    b3 = TLanes.MultiplyAdd(x3, v, b3);
                    var x4 = TLanes.Broadcast(py[1]);
                    a4 = TLanes.MultiplyAdd(x4, u, a4);
                    b4 = TLanes.MultiplyAdd(x4, v, b4);
                    var x5 = TLanes.Broadcast(py[2]);
                    a5 = TLanes.MultiplyAdd(x5, u, a5);
                    b5 = TLanes.MultiplyAdd(x5, v, b5);
                    var x6 = TLanes.Broadcast(pz[0]);
                    a6 = TLanes.MultiplyAdd(x6, u, a6);
                    b6 = TLanes.MultiplyAdd(x6, v, b6);
                    var x7 = TLanes.Broadcast(pz[1]);
                    a7 = TLanes.MultiplyAdd(x7, u, a7);
                    b7 = TLanes.MultiplyAdd(x7, v, b7);
                    var x8 = TLanes.Broadcast(pz[2]);
                    a8 = TLanes.MultiplyAdd(x8, u, a8);
                    b8 = TLanes.MultiplyAdd(x8, v, b8);
                    px += box.XVoxelPitch;
                    py += box.XVoxelPitch;
                    pz += box.XVoxelPitch;
                    pg += box.GVoxelPitch;
                }
            }
        }

        Put(sums, 0, a0);
        Put(sums, 1, b0);
        Put(sums, 2, a1);
        Put(sums, 3, b1);
        Put(sums, 4, a2);
        Put(sums, 5, b2);
        Put(sums, 6, a3);
        Put(sums, 7, b3);
        Put(sums, 8, a4);
        Put(sums, 9, b4);
        Put(sums, 10, a5);
        Put(sums, 11, b5);
        Put(sums, 12, a6);
        Put(sums, 13, b6);
        Put(sums, 14, a7);
        Put(sums, 15, b7);
        Put(sums, 16, a8);
        Put(sums, 17, b8);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Six(in VoxelBox box, float* x, nint second, float* g, float* sums)
    {
        int lanes = TLanes.Count;
        TVector a0 = Get(sums, 0), b0 = Get(sums, 1);
        TVector a1 = Get(sums, 2), b1 = Get(sums, 3);
        TVector a2 = Get(sums, 4), b2 = Get(sums, 5);
        TVector a3 = Get(sums, 6), b3 = Get(sums, 7);
        TVector a4 = Get(sums, 8), b4 = Get(sums, 9);
        TVector a5 = Get(sums, 10), b5 = Get(sums, 11);
        for (var plane = 0; plane < box.Planes; plane++)
        {
            for (var row = 0; row < box.Rows; row++)
            {
                float* px = x + (plane * box.XPlanePitch) + (row * box.XRowPitch);
                float* py = px + second;
                float* pg = g + (plane * box.GPlanePitch) + (row * box.GRowPitch);
                for (var column = box.Columns; column > 0; column--)
                {
                    TVector u = TLanes.Load(pg), v = TLanes.Load(pg + lanes);
                    var x0 = TLanes.Broadcast(px[0]);
                    a0 = TLanes.MultiplyAdd(x0, u, a0);
                    b0 = TLanes.MultiplyAdd(x0, v, b0);
                    var x1 = TLanes.Broadcast(px[1]);
                    a1 = TLanes.MultiplyAdd(x1, u, a1);
                    b1 = TLanes.MultiplyAdd(x1, v, b1);
                    var x2 = TLanes.Broadcast(px[2]);
                    a2 = TLanes.MultiplyAdd(x2, u, a2);
                    b2 = TLanes.MultiplyAdd(x2, v, b2);
                    var x3 = TLanes.Broadcast(py[0]);
                    a3 = TLanes.MultiplyAdd(x3, u, a3);
                    b3 = TLanes.MultiplyAdd(x3, v, b3);
                    var x4 = TLanes.Broadcast(py[1]);
                    a4 = TLanes.MultiplyAdd(x4, u, a4);
                    b4 = TLanes.MultiplyAdd(x4, v, b4);
                    var x5 = TLanes.Broadcast(py[2]);
                    a5 = TLanes.MultiplyAdd(x5, u, a5);
                    b5 = TLanes.MultiplyAdd(x5, v, b5);
                    px += box.XVoxelPitch;
                    py += box.XVoxelPitch;
                    pg += box.GVoxelPitch;
                }
            }
        }

        Put(sums, 0, a0);
        Put(sums, 1, b0);
        Put(sums, 2, a1);
        Put(sums, 3, b1);
        Put(sums, 4, a2);
        Put(sums, 5, b2);
        Put(sums, 6, a3);
        Put(sums, 7, b3);
        Put(sums, 8, a4);
        Put(sums, 9, b4);
        Put(sums, 10, a5);
        Put(sums, 11, b5);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Get(float* sums, int index) => TLanes.Load(sums + (index * TLanes.Count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(float* sums, int index, TVector v) => TLanes.Store(sums + (index * TLanes.Count), v);
}
