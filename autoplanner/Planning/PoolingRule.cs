namespace SharpSeg.AutoPlanner.Planning;

/// <summary>Which axes are pooled when, and which kernels do it.</summary>
/// <param name="Pools">Times that each axis is halved.</param>
/// <param name="Strides">Per stage; the first is all ones.</param>
/// <param name="Kernels">Per stage.</param>
/// <param name="Divisor">2^pools per axis.</param>
/// <param name="Patch">The size rounded up to a multiple of the divisor.</param>
internal sealed record Pooling(int[] Pools, int[][] Strides, int[][] Kernels, int[] Divisor, int[] Patch);

/// <summary>
/// Profile `modern`: finer axes are pooled first, until all axes are about equally coarse, then together; kernels stay 1 on an
/// axis until then (docs/method/planning.md §3.4, nnU-Net v2 `get_pool_and_conv_props`).
/// </summary>
internal static class PoolingRule
{
    private const int SmallestBottleneckEdge = 4;       // voxels; nnU-Net v2 planner
    private const double SimilarSpacing = 2;            // ratio below which two axes count as equally coarse

    /// <summary>Pooling of a size (may be fractional) at a spacing; both in the same axis order, 2 or 3 axes.</summary>
    public static Pooling Apply(IReadOnlyList<double> spacingMm, IReadOnlyList<double> size)
    {
        var axes = spacingMm.Count;
        var spacing = spacingMm.ToArray();
        var remaining = size.ToArray();
        var pools = new int[axes];
        var kernel = Enumerable.Repeat(1, axes).ToArray();
        var strides = new List<int[]> { Enumerable.Repeat(1, axes).ToArray() };
        var kernels = new List<int[]>();
        while (true)
        {
            var poolable = Enumerable.Range(0, axes).Where(axis => remaining[axis] >= 2 * SmallestBottleneckEdge).ToArray();
            if (poolable.Length == 0)
            {
                break;
            }

            // Compared with the finest axis that can still be pooled, not with the finest of all.
            var finestPoolable = poolable.Min(axis => spacing[axis]);
            poolable = [.. poolable.Where(axis => spacing[axis] / finestPoolable < SimilarSpacing)];
            if (poolable.Length == 1 && remaining[poolable[0]] < 3 * SmallestBottleneckEdge)
            {
                break;
            }

            var finest = spacing.Min();
            for (var axis = 0; axis < axes; axis++)
            {
                if (spacing[axis] / finest < SimilarSpacing)
                {
                    kernel[axis] = 3;       // once 3, always 3
                }
            }

            kernels.Add([.. kernel]);
            var stride = Enumerable.Repeat(1, axes).ToArray();
            foreach (var axis in poolable)
            {
                stride[axis] = 2;
                pools[axis]++;
                spacing[axis] *= 2;
                remaining[axis] = Math.Ceiling(remaining[axis] / 2);
            }

            strides.Add(stride);
        }

        kernels.Add(Enumerable.Repeat(3, axes).ToArray());
        var divisor = pools.Select(count => 1 << count).ToArray();
        return new Pooling(pools, [.. strides], [.. kernels], divisor, RoundUp(size, divisor));
    }

    private static int[] RoundUp(IReadOnlyList<double> size, int[] divisor) =>
        [.. size.Select((value, axis) => checked((int)Math.Ceiling(value / divisor[axis]) * divisor[axis]))];
}
