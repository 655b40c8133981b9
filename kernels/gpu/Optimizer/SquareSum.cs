using ILGPU;
using ILGPU.Algorithms;
using ILGPU.Runtime;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Optimizer;

/// <summary>
/// Partial results of Σ g², without overflow: first the largest |g|, then the sums of (g/largest)².
/// <para>Shapes: g, any length; partials, one per group.</para>
/// <para>Mapping: groups of 256 threads stride over g; a thread's running sum is compensated (Kahan 1965), then a tree in shared
/// memory. The host adds the groups' results in double. Reads g twice; bound by memory.</para>
/// </summary>
internal sealed class SquareSum(KernelList list)
{
    /// <summary>Most groups of a launch: partial results that the host adds.</summary>
    public const int MostGroups = 1024;

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>>> largest =
        new(
        list, Largest,
        (ArrayView<float> g, ArrayView<float> partials) => KernelCost.Of([g], [partials]));

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, float>> squares =
        new(
        list, Squares,
        (ArrayView<float> g, ArrayView<float> partials) => KernelCost.Of([g], [partials]));

    /// <summary>Groups, and so partial results, for a number of elements.</summary>
    public static int GroupsFor(long length) => (int)Math.Min(MostGroups, (length + GroupSum.Threads - 1) / GroupSum.Threads);

    /// <summary>partials ← largest |g| of every group; NaN if there is one.</summary>
    public void LaunchLargest(AcceleratorStream stream, ArrayView<float> g, ArrayView<float> partials) =>
        largest.Launch(stream, new KernelConfig((Index1D)(int)partials.Length, (Index1D)GroupSum.Threads), g, partials);

    /// <summary>partials ← Σ (g/scale)² of every group.</summary>
    public void LaunchSquares(AcceleratorStream stream, ArrayView<float> g, float scale, ArrayView<float> partials) =>
        squares.Launch(stream, new KernelConfig((Index1D)(int)partials.Length, (Index1D)GroupSum.Threads), g, partials, scale);

    private static void Largest(ArrayView<float> g, ArrayView<float> partials)
    {
        var shared = SharedMemory.Allocate<float>(GroupSum.Threads);
        var stride = (long)Grid.DimX * GroupSum.Threads;
        var largest = 0f;
        for (var i = ElementIndex.Current; i < g.Length; i += stride)
        {
            largest = GroupSum.Larger(largest, XMath.Abs(g[i]));
        }

        largest = GroupSum.MaximumOf(shared, largest);
        if (Group.IdxX == 0)
        {
            partials[Grid.IdxX] = largest;
        }
    }

    private static void Squares(ArrayView<float> g, ArrayView<float> partials, float scale)
    {
        var shared = SharedMemory.Allocate<float>(GroupSum.Threads);
        var stride = (long)Grid.DimX * GroupSum.Threads;
        var sum = 0f;
        var lost = 0f; // what rounding took from the sum so far
        for (var i = ElementIndex.Current; i < g.Length; i += stride)
        {
            var ratio = g[i] / scale;
            var term = (ratio * ratio) - lost;
            var next = sum + term;
            lost = (next - sum) - term;
            sum = next;
        }

        sum = GroupSum.Of(shared, sum);
        if (Group.IdxX == 0)
        {
            partials[Grid.IdxX] = sum;
        }
    }
}
