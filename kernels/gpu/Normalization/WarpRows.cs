using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Normalization;

/// <summary>
/// Sums over the rows of a group as <see cref="ChannelGroups"/> makes them, lanes × rows of 256 threads: first over the rows of a
/// warp, by exchanging values between its threads, then over the eight warps through shared memory. The order is fixed.
/// </summary>
internal static class WarpRows
{
    private const int WarpSize = 32;
    private const int Warps = ChannelGroups.Threads / WarpSize;

    /// <summary>Elements of shared memory that a group needs: one per warp and lane.</summary>
    public const int SharedLength = ChannelGroups.Threads;

    /// <summary>
    /// Whether a device has warps of 32 threads that exchange values. ILGPU's OpenCL has exchanges for some vendors only.
    /// </summary>
    public static bool CanRunOn(Accelerator accelerator) =>
        accelerator.AcceleratorType != AcceleratorType.OpenCL && accelerator.WarpSize == WarpSize;

    /// <summary>Σ over the rows, the same for all threads of a lane. All threads must call this.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Sum(ArrayView<Float4> shared, Float4 value)
    {
        for (var distance = Group.DimX; distance < WarpSize; distance <<= 1)
        {
            value.X += Warp.ShuffleXor(value.X, distance);
            value.Y += Warp.ShuffleXor(value.Y, distance);
            value.Z += Warp.ShuffleXor(value.Z, distance);
            value.W += Warp.ShuffleXor(value.W, distance);
        }

        var thread = (Group.IdxY * Group.DimX) + Group.IdxX;
        if ((thread & (WarpSize - 1)) < Group.DimX)
        {
            shared[((thread / WarpSize) * Group.DimX) + Group.IdxX] = value;
        }

        Group.Barrier();
        var sum = shared[Group.IdxX];
        for (var warp = 1; warp < Warps; warp++)
        {
            sum = Float4.Sum(sum, shared[(warp * Group.DimX) + Group.IdxX]);
        }

        Group.Barrier(); // no thread may write the next values before all have read these
        return sum;
    }
}
