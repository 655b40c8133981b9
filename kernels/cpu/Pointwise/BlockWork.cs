using System.Runtime.CompilerServices;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Pointwise;

/// <summary>
/// Both directions between a fine grid (n, Z·bz, Y·by, X·bx, c) and a coarse one (n, Z, Y, X, c). A chunk is one row of coarse
/// voxels.
/// <para>Sum: coarse[i] = scale·Σ_r fine[b·i + r]. Repeat: fine[b·i + r] = scale·coarse[i]. Either may add to what is
/// there.</para>
/// </summary>
internal readonly unsafe struct BlockWork<TLanes, TVector>(
    float* fine, float* coarse, Extent size, Extent block, int channels, float scale, bool sum, bool accumulate) : IChunkedWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int chunk, int worker)
    {
        var y = chunk % size.Y;
        var nz = chunk / size.Y;
        var row = coarse + ((long)chunk * size.X * channels);
        long fineRow = (long)size.X * block.X * channels, finePlane = fineRow * size.Y * block.Y;
        var corner = fine + ((long)nz * block.Z * finePlane) + (y * block.Y * fineRow);
        for (var x = 0; x < size.X; x++)
        {
            for (var c = 0; c < channels; c += TLanes.Count)
            {
                var count = Math.Min(TLanes.Count, channels - c);
                var first = corner + ((long)x * block.X * channels) + c;
                if (sum)
                {
                    Sum(first, row + ((long)x * channels) + c, fineRow, finePlane, count);
                }
                else
                {
                    Repeat(TLanes.Load(row + ((long)x * channels) + c), first, fineRow, finePlane, count);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(float* p, TVector v, int count)
    {
        if (count == TLanes.Count)
        {
            TLanes.Store(p, v);
        }
        else
        {
            TLanes.StoreFirst(p, v, count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Sum(float* first, float* target, long fineRow, long finePlane, int count)
    {
        var total = TLanes.Zero;
        for (var rz = 0; rz < block.Z; rz++)
        {
            for (var ry = 0; ry < block.Y; ry++)
            {
                for (var rx = 0; rx < block.X; rx++)
                {
                    total = TLanes.Add(total, TLanes.Load(first + (rz * finePlane) + (ry * fineRow) + (rx * channels)));
                }
            }
        }

        total = TLanes.Multiply(total, TLanes.Broadcast(scale));
        Put(target, accumulate ? TLanes.Add(total, TLanes.Load(target)) : total, count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Repeat(TVector value, float* first, long fineRow, long finePlane, int count)
    {
        value = TLanes.Multiply(value, TLanes.Broadcast(scale));
        for (var rz = 0; rz < block.Z; rz++)
        {
            for (var ry = 0; ry < block.Y; ry++)
            {
                for (var rx = 0; rx < block.X; rx++)
                {
                    var target = first + (rz * finePlane) + (ry * fineRow) + (rx * channels);
                    Put(target, accumulate ? TLanes.Add(value, TLanes.Load(target)) : value, count);
                }
            }
        }
    }
}
