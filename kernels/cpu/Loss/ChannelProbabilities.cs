using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Cpu.Simd;

namespace SharpSeg.Kernels.Cpu.Loss;

/// <summary>Softmax and sigmoid over the channel rows of a <see cref="VoxelBlock"/>.</summary>
internal static unsafe class ChannelProbabilities<TLanes, TVector>
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>
    /// Softmax over channels, in place: p = exp(z − max)/Σ. Also gives log Σ exp(z − max) + max, from which −log p_t = that −
    /// z_t, unless the target is null.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Softmax(float* rows, int channels, float* logSum)
    {
        for (var i = 0; i < VoxelBlock.Size; i += TLanes.Count)
        {
            var highest = TLanes.Load(rows + i);
            for (var c = 1; c < channels; c++)
            {
                highest = TLanes.Max(highest, TLanes.Load(rows + (c * VoxelBlock.Size) + i));
            }

            var sum = TLanes.Zero;
            for (var c = 0; c < channels; c++)
            {
                var p = rows + (c * VoxelBlock.Size) + i;
                var e = VectorMath<TLanes, TVector>.Exp(TLanes.Subtract(TLanes.Load(p), highest));
                TLanes.Store(p, e);
                sum = TLanes.Add(sum, e);
            }

            var scale = TLanes.Divide(TLanes.Broadcast(1f), sum);
            for (var c = 0; c < channels; c++)
            {
                var p = rows + (c * VoxelBlock.Size) + i;
                TLanes.Store(p, TLanes.Multiply(TLanes.Load(p), scale));
            }

            if (logSum is not null)
            {
                TLanes.Store(logSum + i, TLanes.Add(VectorMath<TLanes, TVector>.Log(sum), highest));
            }
        }
    }

    /// <summary>Sigmoid of each value, in place: 1/(1 + exp(−z)).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Sigmoid(float* rows, int channels)
    {
        var one = TLanes.Broadcast(1f);
        for (var i = 0; i < channels * VoxelBlock.Size; i += TLanes.Count)
        {
            var e = VectorMath<TLanes, TVector>.Exp(TLanes.Subtract(TLanes.Zero, TLanes.Load(rows + i)));
            TLanes.Store(rows + i, TLanes.Divide(one, TLanes.Add(one, e)));
        }
    }

    /// <summary>log(1 + exp(−|z|)) of each value: the part of the binary cross-entropy that must not overflow.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void SoftPlusOfMinusAbs(float* rows, int channels, float* result)
    {
        var one = TLanes.Broadcast(1f);
        for (var i = 0; i < channels * VoxelBlock.Size; i += TLanes.Count)
        {
            var z = TLanes.Load(rows + i);
            var minusAbs = TLanes.Min(z, TLanes.Subtract(TLanes.Zero, z));
            TLanes.Store(result + i, VectorMath<TLanes, TVector>.Log(TLanes.Add(one, VectorMath<TLanes, TVector>.Exp(minusAbs))));
        }
    }
}
