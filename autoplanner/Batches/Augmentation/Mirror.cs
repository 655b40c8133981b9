using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Batches.Augmentation;

/// <summary>Turns one plane (z, y, x) around along an axis, in place.</summary>
internal static class Mirror
{
    /// <summary>Reverses the order of voxels along an axis; 0 = z.</summary>
    public static void Apply<T>(Span<T> plane, Extent size, int axis)
    {
        if (axis == 2)
        {
            for (var start = 0; start < plane.Length; start += size.X)
            {
                plane.Slice(start, size.X).Reverse();
            }

            return;
        }

        var line = axis == 0 ? size.Y * size.X : size.X;
        var block = line * size[axis];
        for (var start = 0; start < plane.Length; start += block)
        {
            for (int near = start, far = start + block - line; near < far; near += line, far -= line)
            {
                Swap(plane.Slice(near, line), plane.Slice(far, line));
            }
        }
    }

    private static void Swap<T>(Span<T> a, Span<T> b)
    {
        for (var i = 0; i < a.Length; i++)
        {
            (a[i], b[i]) = (b[i], a[i]);
        }
    }
}
