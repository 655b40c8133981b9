using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Volumes;

/// <summary>
/// Transposition by an axis order such as the plans' `transpose_forward`: axis i of the result is axis order[i] of the input.
/// </summary>
internal static class AxisOrder
{
    /// <summary>The order that undoes another.</summary>
    public static int[] Inverse(IReadOnlyList<int> order)
    {
        var inverse = new int[order.Count];
        for (var i = 0; i < inverse.Length; i++)
        {
            inverse[order[i]] = i;
        }

        return inverse;
    }

    /// <summary>Permutes a size or position.</summary>
    public static Extent Apply(Extent extent, IReadOnlyList<int> order) =>
        new(extent[order[0]], extent[order[1]], extent[order[2]]);

    /// <summary>Permutes a spacing.</summary>
    public static Spacing Apply(Spacing spacing, IReadOnlyList<int> order) =>
        new(spacing[order[0]], spacing[order[1]], spacing[order[2]]);

    /// <summary>A transposed copy of a volume; the volume itself if the order changes nothing.</summary>
    /// <typeparam name="T">Voxel type.</typeparam>
    /// <param name="volume">extent.Voxels values in array order; more behind them are not looked at.</param>
    /// <param name="extent">Voxels (z, y, x) of the input.</param>
    /// <param name="order">Axis order; the result has the extent <see cref="Apply(Extent, IReadOnlyList{int})"/>.</param>
    public static T[] Apply<T>(T[] volume, Extent extent, IReadOnlyList<int> order)
    {
        if (!Turns(order))
        {
            return volume;
        }

        Span<int> inputStride = [extent.Y * extent.X, extent.X, 1];
        int strideZ = inputStride[order[0]], strideY = inputStride[order[1]], strideX = inputStride[order[2]];
        var size = Apply(extent, order);
        var result = new T[extent.Voxels];
        var at = 0;
        for (var z = 0; z < size.Z; z++)
        {
            for (var y = 0; y < size.Y; y++)
            {
                var from = z * strideZ + y * strideY;
                for (var x = 0; x < size.X; x++)
                {
                    result[at++] = volume[from];
                    from += strideX;
                }
            }
        }

        return result;
    }

    /// <summary>Whether an order changes anything.</summary>
    public static bool Turns(IReadOnlyList<int> order) => order[0] != 0 || order[1] != 1 || order[2] != 2;
}
