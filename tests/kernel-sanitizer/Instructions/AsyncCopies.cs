using ILGPU;
using SharpSeg.KernelSanitizer;

namespace SharpSeg.Kernels.Gpu.Device;

/// <summary>
/// In place of the kernels' own, which is PTX: a copy counts as a write from when it begins, and brings what it copies only when
/// its thread waits for it. Until then there are NaNs.
/// </summary>
internal static class AsyncCopies
{
    public static void Begin(ArrayView<Float4> to, int at, ArrayView<Float4> from, long index, bool inside)
    {
        var value = inside ? from[index] : default;
        to[at] = new Float4 { X = float.NaN, Y = float.NaN, Z = float.NaN, W = float.NaN };
        Lane.Here.Copies.Add(() => to[at] = value);
    }

    public static void Commit() => Lane.Here.Copies.Commit();

    public static void Await() => Lane.Here.Copies.Await();
}
