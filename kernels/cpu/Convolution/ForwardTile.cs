using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Cpu.Simd;

namespace SharpSeg.Kernels.Cpu.Convolution;

/// <summary>
/// The inner loops of the direct convolution: a tile of output voxels × two vectors of output channels stays in registers while the
/// taps and input channels go by. Per step two weight vectors are loaded and each input value is broadcast once, so the multiply-add
/// units, not the loads, are the limit. Voxels come in three groups, each consecutive along x; groups may lie anywhere.
/// <para>The tile is written to memory as voxel × (2·lanes) floats; bias, accumulation and tails are left to the caller.</para>
/// </summary>
internal static unsafe class ForwardTile<TLanes, TVector>
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>Voxels per group: 3 × 4 × 2 accumulators fit 32 registers, 3 × 2 × 2 fit 16.</summary>
    public static int GroupSize => TLanes.ManyRegisters ? 4 : 2;

    /// <summary>Computes three groups of <see cref="GroupSize"/> voxels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Run(in Taps t, float* p0, float* p1, float* p2, float* w, float* tile)
    {
        if (TLanes.ManyRegisters)
        {
            Twelve(t, p0, p1, p2, w, tile);
        }
        else
        {
            Six(t, p0, p1, p2, w, tile);
        }
    }

    /// <summary>12 voxels × 2 vectors: 24 accumulators.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Twelve(in Taps t, float* p0, float* p1, float* p2, float* w, float* tile)
    {
        int lanes = TLanes.Count;
        nint s = t.VoxelPitch, s3 = 3 * t.VoxelPitch;
        TVector a0 = TLanes.Zero, b0 = TLanes.Zero;
        TVector a1 = TLanes.Zero, b1 = TLanes.Zero;
        TVector a2 = TLanes.Zero, b2 = TLanes.Zero;
        TVector a3 = TLanes.Zero, b3 = TLanes.Zero;
        TVector a4 = TLanes.Zero, b4 = TLanes.Zero;
        TVector a5 = TLanes.Zero, b5 = TLanes.Zero;
        TVector a6 = TLanes.Zero, b6 = TLanes.Zero;
        TVector a7 = TLanes.Zero, b7 = TLanes.Zero;
        TVector a8 = TLanes.Zero, b8 = TLanes.Zero;
        TVector a9 = TLanes.Zero, b9 = TLanes.Zero;
        TVector a10 = TLanes.Zero, b10 = TLanes.Zero;
        TVector a11 = TLanes.Zero, b11 = TLanes.Zero;
        for (var z = 0; z < t.Planes; z++)
        {
            for (var y = 0; y < t.Rows; y++)
            {
                var offset = (z * t.PlanePitch) + (y * t.RowPitch);
                float* q0 = p0 + offset, q1 = p1 + offset, q2 = p2 + offset;
                for (var r = t.Run; r > 0; r--)
                {
                    TVector u = TLanes.Load(w), v = TLanes.Load(w + lanes);
                    w += 2 * lanes;
                    var x0 = TLanes.Broadcast(q0[0]);
                    a0 = TLanes.MultiplyAdd(x0, u, a0);
                    b0 = TLanes.MultiplyAdd(x0, v, b0);
                    var x1 = TLanes.Broadcast(q0[s]);
                    a1 = TLanes.MultiplyAdd(x1, u, a1);
                    b1 = TLanes.MultiplyAdd(x1, v, b1);
                    var x2 = TLanes.Broadcast(q0[2 * s]);
                    a2 = TLanes.MultiplyAdd(x2, u, a2);
                    b2 = TLanes.MultiplyAdd(x2, v, b2);
                    var x3 = TLanes.Broadcast(q0[s3]);
                    a3 = TLanes.MultiplyAdd(x3, u, a3);
                    b3 = TLanes.MultiplyAdd(x3, v, b3);
                    var x4 = TLanes.Broadcast(q1[0]);
                    a4 = TLanes.MultiplyAdd(x4, u, a4);
                    b4 = TLanes.MultiplyAdd(x4, v, b4);
                    var x5 = TLanes.Broadcast(q1[s]);
                    a5 = TLanes.MultiplyAdd(x5, u, a5);
                    b5 = TLanes.MultiplyAdd(x5, v, b5);
                    var x6 = TLanes.Broadcast(q1[2 * s]);
                    a6 = TLanes.MultiplyAdd(x6, u, a6);
                    b6 = TLanes.MultiplyAdd(x6, v, b6);
                    var x7 = TLanes.Broadcast(q1[s3]);
                    a7 = TLanes.MultiplyAdd(x7, u, a7);
                    b7 = TLanes.MultiplyAdd(x7, v, b7);
                    var x8 = TLanes.Broadcast(q2[0]);
                    a8 = TLanes.MultiplyAdd(x8, u, a8);
                    b8 = TLanes.MultiplyAdd(x8, v, b8);
                    var x9 = TLanes.Broadcast(q2[s]);
                    a9 = TLanes.MultiplyAdd(x9, u, a9);
                    b9 = TLanes.MultiplyAdd(x9, v, b9);
                    var x10 = TLanes.Broadcast(q2[2 * s]);
                    a10 = TLanes.MultiplyAdd(x10, u, a10);
                    b10 = TLanes.MultiplyAdd(x10, v, b10);
                    var x11 = TLanes.Broadcast(q2[s3]);
                    a11 = TLanes.MultiplyAdd(x11, u, a11);
                    b11 = TLanes.MultiplyAdd(x11, v, b11);
                    q0++;
                    q1++;
                    q2++;
                }
            }
        }

        Put(tile, 0, a0, b0);
        Put(tile, 1, a1, b1);
        Put(tile, 2, a2, b2);
        Put(tile, 3, a3, b3);
        Put(tile, 4, a4, b4);
        Put(tile, 5, a5, b5);
        Put(tile, 6, a6, b6);
        Put(tile, 7, a7, b7);
        Put(tile, 8, a8, b8);
        Put(tile, 9, a9, b9);
        Put(tile, 10, a10, b10);
        Put(tile, 11, a11, b11);
    }

    /// <summary>6 voxels × 2 vectors: 12 accumulators.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Six(in Taps t, float* p0, float* p1, float* p2, float* w, float* tile)
    {
        int lanes = TLanes.Count;
        nint s = t.VoxelPitch;
        TVector a0 = TLanes.Zero, b0 = TLanes.Zero;
        TVector a1 = TLanes.Zero, b1 = TLanes.Zero;
        TVector a2 = TLanes.Zero, b2 = TLanes.Zero;
        TVector a3 = TLanes.Zero, b3 = TLanes.Zero;
        TVector a4 = TLanes.Zero, b4 = TLanes.Zero;
        TVector a5 = TLanes.Zero, b5 = TLanes.Zero;
        for (var z = 0; z < t.Planes; z++)
        {
            for (var y = 0; y < t.Rows; y++)
            {
                var offset = (z * t.PlanePitch) + (y * t.RowPitch);
                float* q0 = p0 + offset, q1 = p1 + offset, q2 = p2 + offset;
                for (var r = t.Run; r > 0; r--)
                {
                    TVector u = TLanes.Load(w), v = TLanes.Load(w + lanes);
                    w += 2 * lanes;
                    var x0 = TLanes.Broadcast(q0[0]);
                    a0 = TLanes.MultiplyAdd(x0, u, a0);
                    b0 = TLanes.MultiplyAdd(x0, v, b0);
                    var x1 = TLanes.Broadcast(q0[s]);
                    a1 = TLanes.MultiplyAdd(x1, u, a1);
                    b1 = TLanes.MultiplyAdd(x1, v, b1);
                    var x2 = TLanes.Broadcast(q1[0]);
                    a2 = TLanes.MultiplyAdd(x2, u, a2);
                    b2 = TLanes.MultiplyAdd(x2, v, b2);
                    var x3 = TLanes.Broadcast(q1[s]);
                    a3 = TLanes.MultiplyAdd(x3, u, a3);
                    b3 = TLanes.MultiplyAdd(x3, v, b3);
                    var x4 = TLanes.Broadcast(q2[0]);
                    a4 = TLanes.MultiplyAdd(x4, u, a4);
                    b4 = TLanes.MultiplyAdd(x4, v, b4);
                    var x5 = TLanes.Broadcast(q2[s]);
                    a5 = TLanes.MultiplyAdd(x5, u, a5);
                    b5 = TLanes.MultiplyAdd(x5, v, b5);
                    q0++;
                    q1++;
                    q2++;
                }
            }
        }

        Put(tile, 0, a0, b0);
        Put(tile, 1, a1, b1);
        Put(tile, 2, a2, b2);
        Put(tile, 3, a3, b3);
        Put(tile, 4, a4, b4);
        Put(tile, 5, a5, b5);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(float* tile, int voxel, TVector a, TVector b)
    {
        TLanes.Store(tile + (voxel * 2 * TLanes.Count), a);
        TLanes.Store(tile + (((voxel * 2) + 1) * TLanes.Count), b);
    }
}
