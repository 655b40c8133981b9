using System.Runtime.CompilerServices;

namespace SharpSeg.Kernels.Cpu.Simd;

/// <summary>Vectors of which perhaps only a part is wanted: channels that do not fill the last one.</summary>
/// <typeparam name="TLanes">The instruction set.</typeparam>
/// <typeparam name="TVector">Its vector.</typeparam>
internal static unsafe class PartVector<TLanes, TVector>
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>Writes a vector, or of one that is not full its first lanes, and touches nothing behind them.</summary>
    /// <param name="value">What is written.</param>
    /// <param name="target">Where.</param>
    /// <param name="count">Values that are left, above 0; perhaps more than there are lanes.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(TVector value, float* target, int count)
    {
        if (count >= TLanes.Count)
        {
            TLanes.Store(target, value);
        }
        else
        {
            TLanes.StoreFirst(target, value, count);
        }
    }
}
