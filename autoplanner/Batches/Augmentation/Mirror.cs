using System.Numerics;
using System.Runtime.InteropServices;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Batches.Augmentation;

/// <summary>Turns one plane (z, y, x) around along an axis, in place.</summary>
internal static class Mirror
{
    /// <summary>Reverses the order of voxels along an axis; 0 = z.</summary>
    public static void Apply<T>(Span<T> plane, Extent size, int axis)
        where T : unmanaged
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
                Swap(MemoryMarshal.AsBytes(plane.Slice(near, line)), MemoryMarshal.AsBytes(plane.Slice(far, line)));
            }
        }
    }

    private static void Swap(Span<byte> a, Span<byte> b)
    {
        var i = 0;
        for (; i <= a.Length - Vector<byte>.Count; i += Vector<byte>.Count)
        {
            Vector<byte> first = new(a[i..]), second = new(b[i..]);
            second.CopyTo(a[i..]);
            first.CopyTo(b[i..]);
        }

        for (; i < a.Length; i++)
        {
            (a[i], b[i]) = (b[i], a[i]);
        }
    }
}
