using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.IR.Intrinsics;

namespace SharpSeg.Kernels.Gpu.Device;

/// <summary>
/// Accesses of device memory that a kernel writes, named as such to the assembler: through a view alone they come out generic,
/// and the hardware looks up on each which memory is meant. Memory that is only read: <see cref="ReadOnlyMemory"/>.
/// </summary>
internal static class GlobalMemory
{
    /// <summary>Four elements; the index, not negative, counts fours.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Read(ArrayView<Float4> view, long index) => LoadFour(ref view[index]);

    /// <summary>Writes four elements; the index, not negative, counts fours.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(ArrayView<Float4> view, long index, Float4 value) => StoreFour(ref view[index], value);

    /// <summary>Two elements; the index, not negative, counts twos.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float2 Read(ArrayView<Float2> view, long index) => LoadTwo(ref view[index]);

    /// <summary>Writes two elements; the index, not negative, counts twos.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(ArrayView<Float2> view, long index, Float2 value) => StoreTwo(ref view[index], value);

    /// <summary>One element.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Read(ArrayView<float> view, long index) => LoadOne(ref view[index]);

    /// <summary>Writes one element.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(ArrayView<float> view, long index, float value) => StoreOne(ref view[index], value);

    /// <summary>The load; its PTX is <see cref="PtxGenerators"/>'.</summary>
    [IntrinsicImplementation]
    internal static Float4 LoadFour(ref Float4 address) => address;

    /// <summary>The store.</summary>
    [IntrinsicImplementation]
    internal static void StoreFour(ref Float4 address, Float4 value) => address = value;

    /// <summary>The load of two elements.</summary>
    [IntrinsicImplementation]
    internal static Float2 LoadTwo(ref Float2 address) => address;

    /// <summary>The store of two elements.</summary>
    [IntrinsicImplementation]
    internal static void StoreTwo(ref Float2 address, Float2 value) => address = value;

    /// <summary>The load of one element.</summary>
    [IntrinsicImplementation]
    internal static float LoadOne(ref float address) => address;

    /// <summary>The store of one element.</summary>
    [IntrinsicImplementation]
    internal static void StoreOne(ref float address, float value) => address = value;
}
