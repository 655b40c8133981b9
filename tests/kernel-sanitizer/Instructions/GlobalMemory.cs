using ILGPU;

namespace SharpSeg.Kernels.Gpu.Device;

/// <summary>In place of the kernels' own, for the reason given at <see cref="ReadOnlyMemory"/>.</summary>
internal static class GlobalMemory
{
    public static Float4 Read(ArrayView<Float4> view, long index) => view[index];

    public static void Write(ArrayView<Float4> view, long index, Float4 value) => view[index] = value;

    public static Float2 Read(ArrayView<Float2> view, long index) => view[index];

    public static float Read(ArrayView<float> view, long index) => view[index];

    public static void Write(ArrayView<float> view, long index, float value) => view[index] = value;

    public static void Write(ArrayView<Float2> view, long index, Float2 value) => view[index] = value;
}
