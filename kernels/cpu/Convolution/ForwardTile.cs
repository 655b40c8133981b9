using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Cpu.Simd;

namespace SharpSeg.Kernels.Cpu.Convolution;

/// <summary>
/// The inner loops of the direct convolution: a tile of output voxels × two vectors of output channels stays in registers while
/// the taps and input channels go by. Per step two weight vectors are loaded and each input value is broadcast once, so the
/// multiply-add units, not the loads, are the limit. Voxels come in three groups, each consecutive along x; groups may lie
/// anywhere.
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

    /// <summary>12 voxels × 2 vectors: 24 accumulators. Four channels per iteration keep the loop overhead small.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Twelve(in Taps t, float* p0, float* p1, float* p2, float* w, float* tile)
    {
        int lanes = TLanes.Count;
        nint s = t.VoxelPitch, s2 = 2 * t.VoxelPitch, s3 = 3 * t.VoxelPitch;
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
                var r = t.Run;
                for (; r >= 4; r -= 4)
                {
                    TVector u, v, x;
                    u = TLanes.Load(w);
                    v = TLanes.Load(w + lanes);
                    x = TLanes.Broadcast(q0[0]);
                    a0 = TLanes.MultiplyAdd(x, u, a0);
                    b0 = TLanes.MultiplyAdd(x, v, b0);
                    x = TLanes.Broadcast(q0[s]);
                    a1 = TLanes.MultiplyAdd(x, u, a1);
                    b1 = TLanes.MultiplyAdd(x, v, b1);
                    x = TLanes.Broadcast(q0[s2]);
                    a2 = TLanes.MultiplyAdd(x, u, a2);
                    b2 = TLanes.MultiplyAdd(x, v, b2);
                    x = TLanes.Broadcast(q0[s3]);
                    a3 = TLanes.MultiplyAdd(x, u, a3);
                    b3 = TLanes.MultiplyAdd(x, v, b3);
                    x = TLanes.Broadcast(q1[0]);
                    a4 = TLanes.MultiplyAdd(x, u, a4);
                    b4 = TLanes.MultiplyAdd(x, v, b4);
                    x = TLanes.Broadcast(q1[s]);
                    a5 = TLanes.MultiplyAdd(x, u, a5);
                    b5 = TLanes.MultiplyAdd(x, v, b5);
                    x = TLanes.Broadcast(q1[s2]);
                    a6 = TLanes.MultiplyAdd(x, u, a6);
                    b6 = TLanes.MultiplyAdd(x, v, b6);
                    x = TLanes.Broadcast(q1[s3]);
                    a7 = TLanes.MultiplyAdd(x, u, a7);
                    b7 = TLanes.MultiplyAdd(x, v, b7);
                    x = TLanes.Broadcast(q2[0]);
                    a8 = TLanes.MultiplyAdd(x, u, a8);
                    b8 = TLanes.MultiplyAdd(x, v, b8);
                    x = TLanes.Broadcast(q2[s]);
                    a9 = TLanes.MultiplyAdd(x, u, a9);
                    b9 = TLanes.MultiplyAdd(x, v, b9);
                    x = TLanes.Broadcast(q2[s2]);
                    a10 = TLanes.MultiplyAdd(x, u, a10);
                    b10 = TLanes.MultiplyAdd(x, v, b10);
                    x = TLanes.Broadcast(q2[s3]);
                    a11 = TLanes.MultiplyAdd(x, u, a11);
                    b11 = TLanes.MultiplyAdd(x, v, b11);
                    u = TLanes.Load(w + (2 * lanes));
                    v = TLanes.Load(w + (3 * lanes));
                    x = TLanes.Broadcast(q0[1]);
                    a0 = TLanes.MultiplyAdd(x, u, a0);
                    b0 = TLanes.MultiplyAdd(x, v, b0);
                    x = TLanes.Broadcast(q0[s + 1]);
                    a1 = TLanes.MultiplyAdd(x, u, a1);
                    b1 = TLanes.MultiplyAdd(x, v, b1);
                    x = TLanes.Broadcast(q0[s2 + 1]);
                    a2 = TLanes.MultiplyAdd(x, u, a2);
                    b2 = TLanes.MultiplyAdd(x, v, b2);
                    x = TLanes.Broadcast(q0[s3 + 1]);
                    a3 = TLanes.MultiplyAdd(x, u, a3);
                    b3 = TLanes.MultiplyAdd(x, v, b3);
                    x = TLanes.Broadcast(q1[1]);
                    a4 = TLanes.MultiplyAdd(x, u, a4);
                    b4 = TLanes.MultiplyAdd(x, v, b4);
                    x = TLanes.Broadcast(q1[s + 1]);
                    a5 = TLanes.MultiplyAdd(x, u, a5);
                    b5 = TLanes.MultiplyAdd(x, v, b5);
                    x = TLanes.Broadcast(q1[s2 + 1]);
                    a6 = TLanes.MultiplyAdd(x, u, a6);
                    b6 = TLanes.MultiplyAdd(x, v, b6);
                    x = TLanes.Broadcast(q1[s3 + 1]);
                    a7 = TLanes.MultiplyAdd(x, u, a7);
                    b7 = TLanes.MultiplyAdd(x, v, b7);
                    x = TLanes.Broadcast(q2[1]);
                    a8 = TLanes.MultiplyAdd(x, u, a8);
                    b8 = TLanes.MultiplyAdd(x, v, b8);
                    x = TLanes.Broadcast(q2[s + 1]);
                    a9 = TLanes.MultiplyAdd(x, u, a9);
                    b9 = TLanes.MultiplyAdd(x, v, b9);
                    x = TLanes.Broadcast(q2[s2 + 1]);
                    a10 = TLanes.MultiplyAdd(x, u, a10);
                    b10 = TLanes.MultiplyAdd(x, v, b10);
                    x = TLanes.Broadcast(q2[s3 + 1]);
                    a11 = TLanes.MultiplyAdd(x, u, a11);
                    b11 = TLanes.MultiplyAdd(x, v, b11);
                    u = TLanes.Load(w + (4 * lanes));
                    v = TLanes.Load(w + (5 * lanes));
                    x = TLanes.Broadcast(q0[2]);
                    a0 = TLanes.MultiplyAdd(x, u, a0);
                    b0 = TLanes.MultiplyAdd(x, v, b0);
                    x = TLanes.Broadcast(q0[s + 2]);
                    a1 = TLanes.MultiplyAdd(x, u, a1);
                    b1 = TLanes.MultiplyAdd(x, v, b1);
                    x = TLanes.Broadcast(q0[s2 + 2]);
                    a2 = TLanes.MultiplyAdd(x, u, a2);
                    b2 = TLanes.MultiplyAdd(x, v, b2);
                    x = TLanes.Broadcast(q0[s3 + 2]);
                    a3 = TLanes.MultiplyAdd(x, u, a3);
                    b3 = TLanes.MultiplyAdd(x, v, b3);
                    x = TLanes.Broadcast(q1[2]);
                    a4 = TLanes.MultiplyAdd(x, u, a4);
                    b4 = TLanes.MultiplyAdd(x, v, b4);
                    x = TLanes.Broadcast(q1[s + 2]);
                    a5 = TLanes.MultiplyAdd(x, u, a5);
                    b5 = TLanes.MultiplyAdd(x, v, b5);
                    x = TLanes.Broadcast(q1[s2 + 2]);
                    a6 = TLanes.MultiplyAdd(x, u, a6);
                    b6 = TLanes.MultiplyAdd(x, v, b6);
                    x = TLanes.Broadcast(q1[s3 + 2]);
                    a7 = TLanes.MultiplyAdd(x, u, a7);
                    b7 = TLanes.MultiplyAdd(x, v, b7);
                    x = TLanes.Broadcast(q2[2]);
                    a8 = TLanes.MultiplyAdd(x, u, a8);
                    b8 = TLanes.MultiplyAdd(x, v, b8);
                    x = TLanes.Broadcast(q2[s + 2]);
                    a9 = TLanes.MultiplyAdd(x, u, a9);
                    b9 = TLanes.MultiplyAdd(x, v, b9);
                    x = TLanes.Broadcast(q2[s2 + 2]);
                    a10 = TLanes.MultiplyAdd(x, u, a10);
                    b10 = TLanes.MultiplyAdd(x, v, b10);
                    x = TLanes.Broadcast(q2[s3 + 2]);
                    a11 = TLanes.MultiplyAdd(x, u, a11);
                    b11 = TLanes.MultiplyAdd(x, v, b11);
                    u = TLanes.Load(w + (6 * lanes));
                    v = TLanes.Load(w + (7 * lanes));
                    x = TLanes.Broadcast(q0[3]);
                    a0 = TLanes.MultiplyAdd(x, u, a0);
                    b0 = TLanes.MultiplyAdd(x, v, b0);
                    x = TLanes.Broadcast(q0[s + 3]);
                    a1 = TLanes.MultiplyAdd(x, u, a1);
                    b1 = TLanes.MultiplyAdd(x, v, b1);
                    x = TLanes.Broadcast(q0[s2 + 3]);
                    a2 = TLanes.MultiplyAdd(x, u, a2);
                    b2 = TLanes.MultiplyAdd(x, v, b2);
                    x = TLanes.Broadcast(q0[s3 + 3]);
                    a3 = TLanes.MultiplyAdd(x, u, a3);
                    b3 = TLanes.MultiplyAdd(x, v, b3);
                    x = TLanes.Broadcast(q1[3]);
                    a4 = TLanes.MultiplyAdd(x, u, a4);
                    b4 = TLanes.MultiplyAdd(x, v, b4);
                    x = TLanes.Broadcast(q1[s + 3]);
                    a5 = TLanes.MultiplyAdd(x, u, a5);
                    b5 = TLanes.MultiplyAdd(x, v, b5);
                    x = TLanes.Broadcast(q1[s2 + 3]);
                    a6 = TLanes.MultiplyAdd(x, u, a6);
                    b6 = TLanes.MultiplyAdd(x, v, b6);
                    x = TLanes.Broadcast(q1[s3 + 3]);
                    a7 = TLanes.MultiplyAdd(x, u, a7);
                    b7 = TLanes.MultiplyAdd(x, v, b7);
                    x = TLanes.Broadcast(q2[3]);
                    a8 = TLanes.MultiplyAdd(x, u, a8);
                    b8 = TLanes.MultiplyAdd(x, v, b8);
                    x = TLanes.Broadcast(q2[s + 3]);
                    a9 = TLanes.MultiplyAdd(x, u, a9);
                    b9 = TLanes.MultiplyAdd(x, v, b9);
                    x = TLanes.Broadcast(q2[s2 + 3]);
                    a10 = TLanes.MultiplyAdd(x, u, a10);
                    b10 = TLanes.MultiplyAdd(x, v, b10);
                    x = TLanes.Broadcast(q2[s3 + 3]);
                    a11 = TLanes.MultiplyAdd(x, u, a11);
                    b11 = TLanes.MultiplyAdd(x, v, b11);
                    w += 8 * lanes;
                    q0 += 4;
                    q1 += 4;
                    q2 += 4;
                }

                for (; r > 0; r--)
                {
                    TVector u, v, x;
                    u = TLanes.Load(w);
                    v = TLanes.Load(w + lanes);
                    x = TLanes.Broadcast(q0[0]);
                    a0 = TLanes.MultiplyAdd(x, u, a0);
                    b0 = TLanes.MultiplyAdd(x, v, b0);
                    x = TLanes.Broadcast(q0[s]);
                    a1 = TLanes.MultiplyAdd(x, u, a1);
                    b1 = TLanes.MultiplyAdd(x, v, b1);
                    x = TLanes.Broadcast(q0[s2]);
                    a2 = TLanes.MultiplyAdd(x, u, a2);
                    b2 = TLanes.MultiplyAdd(x, v, b2);
                    x = TLanes.Broadcast(q0[s3]);
                    a3 = TLanes.MultiplyAdd(x, u, a3);
                    b3 = TLanes.MultiplyAdd(x, v, b3);
                    x = TLanes.Broadcast(q1[0]);
                    a4 = TLanes.MultiplyAdd(x, u, a4);
                    b4 = TLanes.MultiplyAdd(x, v, b4);
                    x = TLanes.Broadcast(q1[s]);
                    a5 = TLanes.MultiplyAdd(x, u, a5);
                    b5 = TLanes.MultiplyAdd(x, v, b5);
                    x = TLanes.Broadcast(q1[s2]);
                    a6 = TLanes.MultiplyAdd(x, u, a6);
                    b6 = TLanes.MultiplyAdd(x, v, b6);
                    x = TLanes.Broadcast(q1[s3]);
                    a7 = TLanes.MultiplyAdd(x, u, a7);
                    b7 = TLanes.MultiplyAdd(x, v, b7);
                    x = TLanes.Broadcast(q2[0]);
                    a8 = TLanes.MultiplyAdd(x, u, a8);
                    b8 = TLanes.MultiplyAdd(x, v, b8);
                    x = TLanes.Broadcast(q2[s]);
                    a9 = TLanes.MultiplyAdd(x, u, a9);
                    b9 = TLanes.MultiplyAdd(x, v, b9);
                    x = TLanes.Broadcast(q2[s2]);
                    a10 = TLanes.MultiplyAdd(x, u, a10);
                    b10 = TLanes.MultiplyAdd(x, v, b10);
                    x = TLanes.Broadcast(q2[s3]);
                    a11 = TLanes.MultiplyAdd(x, u, a11);
                    b11 = TLanes.MultiplyAdd(x, v, b11);
                    w += 2 * lanes;
                    q0 += 1;
                    q1 += 1;
                    q2 += 1;
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
    private static void Six(in Taps t, float* p0, float* p1, float* p2, float* w, float* tile)
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
                var r = t.Run;
                for (; r >= 4; r -= 4)
                {
                    TVector u, v, x;
                    u = TLanes.Load(w);
                    v = TLanes.Load(w + lanes);
                    x = TLanes.Broadcast(q0[0]);
                    a0 = TLanes.MultiplyAdd(x, u, a0);
                    b0 = TLanes.MultiplyAdd(x, v, b0);
                    x = TLanes.Broadcast(q0[s]);
                    a1 = TLanes.MultiplyAdd(x, u, a1);
                    b1 = TLanes.MultiplyAdd(x, v, b1);
                    x = TLanes.Broadcast(q1[0]);
                    a2 = TLanes.MultiplyAdd(x, u, a2);
                    b2 = TLanes.MultiplyAdd(x, v, b2);
                    x = TLanes.Broadcast(q1[s]);
                    a3 = TLanes.MultiplyAdd(x, u, a3);
                    b3 = TLanes.MultiplyAdd(x, v, b3);
                    x = TLanes.Broadcast(q2[0]);
                    a4 = TLanes.MultiplyAdd(x, u, a4);
                    b4 = TLanes.MultiplyAdd(x, v, b4);
                    x = TLanes.Broadcast(q2[s]);
                    a5 = TLanes.MultiplyAdd(x, u, a5);
                    b5 = TLanes.MultiplyAdd(x, v, b5);
                    u = TLanes.Load(w + (2 * lanes));
                    v = TLanes.Load(w + (3 * lanes));
                    x = TLanes.Broadcast(q0[1]);
                    a0 = TLanes.MultiplyAdd(x, u, a0);
                    b0 = TLanes.MultiplyAdd(x, v, b0);
                    x = TLanes.Broadcast(q0[s + 1]);
                    a1 = TLanes.MultiplyAdd(x, u, a1);
                    b1 = TLanes.MultiplyAdd(x, v, b1);
                    x = TLanes.Broadcast(q1[1]);
                    a2 = TLanes.MultiplyAdd(x, u, a2);
                    b2 = TLanes.MultiplyAdd(x, v, b2);
                    x = TLanes.Broadcast(q1[s + 1]);
                    a3 = TLanes.MultiplyAdd(x, u, a3);
                    b3 = TLanes.MultiplyAdd(x, v, b3);
                    x = TLanes.Broadcast(q2[1]);
                    a4 = TLanes.MultiplyAdd(x, u, a4);
                    b4 = TLanes.MultiplyAdd(x, v, b4);
                    x = TLanes.Broadcast(q2[s + 1]);
                    a5 = TLanes.MultiplyAdd(x, u, a5);
                    b5 = TLanes.MultiplyAdd(x, v, b5);
                    u = TLanes.Load(w + (4 * lanes));
                    v = TLanes.Load(w + (5 * lanes));
                    x = TLanes.Broadcast(q0[2]);
                    a0 = TLanes.MultiplyAdd(x, u, a0);
                    b0 = TLanes.MultiplyAdd(x, v, b0);
                    x = TLanes.Broadcast(q0[s + 2]);
                    a1 = TLanes.MultiplyAdd(x, u, a1);
                    b1 = TLanes.MultiplyAdd(x, v, b1);
                    x = TLanes.Broadcast(q1[2]);
                    a2 = TLanes.MultiplyAdd(x, u, a2);
                    b2 = TLanes.MultiplyAdd(x, v, b2);
                    x = TLanes.Broadcast(q1[s + 2]);
                    a3 = TLanes.MultiplyAdd(x, u, a3);
                    b3 = TLanes.MultiplyAdd(x, v, b3);
                    x = TLanes.Broadcast(q2[2]);
                    a4 = TLanes.MultiplyAdd(x, u, a4);
                    b4 = TLanes.MultiplyAdd(x, v, b4);
                    x = TLanes.Broadcast(q2[s + 2]);
                    a5 = TLanes.MultiplyAdd(x, u, a5);
                    b5 = TLanes.MultiplyAdd(x, v, b5);
                    u = TLanes.Load(w + (6 * lanes));
                    v = TLanes.Load(w + (7 * lanes));
                    x = TLanes.Broadcast(q0[3]);
                    a0 = TLanes.MultiplyAdd(x, u, a0);
                    b0 = TLanes.MultiplyAdd(x, v, b0);
                    x = TLanes.Broadcast(q0[s + 3]);
                    a1 = TLanes.MultiplyAdd(x, u, a1);
                    b1 = TLanes.MultiplyAdd(x, v, b1);
                    x = TLanes.Broadcast(q1[3]);
                    a2 = TLanes.MultiplyAdd(x, u, a2);
                    b2 = TLanes.MultiplyAdd(x, v, b2);
                    x = TLanes.Broadcast(q1[s + 3]);
                    a3 = TLanes.MultiplyAdd(x, u, a3);
                    b3 = TLanes.MultiplyAdd(x, v, b3);
                    x = TLanes.Broadcast(q2[3]);
                    a4 = TLanes.MultiplyAdd(x, u, a4);
                    b4 = TLanes.MultiplyAdd(x, v, b4);
                    x = TLanes.Broadcast(q2[s + 3]);
                    a5 = TLanes.MultiplyAdd(x, u, a5);
                    b5 = TLanes.MultiplyAdd(x, v, b5);
                    w += 8 * lanes;
                    q0 += 4;
                    q1 += 4;
                    q2 += 4;
                }

                for (; r > 0; r--)
                {
                    TVector u, v, x;
                    u = TLanes.Load(w);
                    v = TLanes.Load(w + lanes);
                    x = TLanes.Broadcast(q0[0]);
                    a0 = TLanes.MultiplyAdd(x, u, a0);
                    b0 = TLanes.MultiplyAdd(x, v, b0);
                    x = TLanes.Broadcast(q0[s]);
                    a1 = TLanes.MultiplyAdd(x, u, a1);
                    b1 = TLanes.MultiplyAdd(x, v, b1);
                    x = TLanes.Broadcast(q1[0]);
                    a2 = TLanes.MultiplyAdd(x, u, a2);
                    b2 = TLanes.MultiplyAdd(x, v, b2);
                    x = TLanes.Broadcast(q1[s]);
                    a3 = TLanes.MultiplyAdd(x, u, a3);
                    b3 = TLanes.MultiplyAdd(x, v, b3);
                    x = TLanes.Broadcast(q2[0]);
                    a4 = TLanes.MultiplyAdd(x, u, a4);
                    b4 = TLanes.MultiplyAdd(x, v, b4);
                    x = TLanes.Broadcast(q2[s]);
                    a5 = TLanes.MultiplyAdd(x, u, a5);
                    b5 = TLanes.MultiplyAdd(x, v, b5);
                    w += 2 * lanes;
                    q0 += 1;
                    q1 += 1;
                    q2 += 1;
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
