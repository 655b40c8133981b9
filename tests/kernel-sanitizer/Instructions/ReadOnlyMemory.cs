using ILGPU;

namespace SharpSeg.Kernels.Gpu.Device;

/// <summary>
/// In place of the kernels' own, whose loads take a reference to an element: a checked view reads values, or it could not tell
/// reads from writes.
/// </summary>
internal static class ReadOnlyMemory
{
    public static Float4 Read(ArrayView<Float4> view, long index) => view[index];

    public static Float2 Read(ArrayView<Float2> view, long index) => view[index];

    public static float Read(ArrayView<float> view, long index) => view[index];

    public static Float4 Read(ArrayView<Float4> view, int index) => view[index];

    public static float Read(ArrayView<float> view, int index) => view[index];
}
