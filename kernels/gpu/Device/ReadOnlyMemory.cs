using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.IR.Intrinsics;

namespace SharpSeg.Kernels.Gpu.Device;

/// <summary>
/// Reads of device memory that nobody writes while the kernel runs. ILGPU does not let the assembler know that a view lies in
/// global memory, and an assembler that must assume it could be shared memory keeps every such load after the stores to the tiles
/// that precede it. On CUDA these reads become ld.global.nc, which may go ahead of anything; elsewhere they are the indexer.
/// </summary>
internal static class ReadOnlyMemory
{
    /// <summary>Four elements; the index, not negative, counts fours.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Read(ArrayView<Float4> view, long index) => Four(ref view[index]);

    /// <summary>Two elements; the index, not negative, counts twos.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float2 Read(ArrayView<Float2> view, long index) => Two(ref view[index]);

    /// <summary>One element; the index is not negative.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Read(ArrayView<float> view, long index) => One(ref view[index]);

    /// <inheritdoc cref="Read(ArrayView{Float4}, long)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Read(ArrayView<Float4> view, int index) => Four(ref view[index]);

    /// <inheritdoc cref="Read(ArrayView{float}, long)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Read(ArrayView<float> view, int index) => One(ref view[index]);

    /// <summary>The load of four elements; its PTX is <see cref="PtxGenerators"/>'.</summary>
    [IntrinsicImplementation]
    internal static Float4 Four(ref Float4 address) => address;

    /// <summary>The load of two elements.</summary>
    [IntrinsicImplementation]
    internal static Float2 Two(ref Float2 address) => address;

    /// <summary>The load of one element.</summary>
    [IntrinsicImplementation]
    internal static float One(ref float address) => address;

    /// <summary><see cref="Four"/> where there are no instructions for it.</summary>
    internal static Float4 PlainFour(ref Float4 address) => address;

    /// <summary><see cref="Two"/> where there are no instructions for it.</summary>
    internal static Float2 PlainTwo(ref Float2 address) => address;

    /// <summary><see cref="One"/> where there are no instructions for it.</summary>
    internal static float PlainOne(ref float address) => address;
}
