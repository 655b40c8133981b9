using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.IR.Intrinsics;

namespace SharpSeg.Kernels.Gpu.Device;

/// <summary>
/// Copies from device memory to shared memory that a thread begins and does not wait for (cp.async, compute capability 8.0): they
/// take no registers, and it computes while they are on their way. What is copied may be read after <see cref="Await"/> by the
/// thread that began the copy, and after a barrier behind it by the others. On devices without them a copy is done at once.
/// </summary>
internal static class AsyncCopies
{
    private const int Bytes = 16;

    /// <summary>
    /// Begins to[at] ← from[index], or ← zeros where it is not <paramref name="inside"/>; the index may then be anything.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Begin(ArrayView<Float4> to, int at, ArrayView<Float4> from, int index, bool inside) =>
        Copy(ref to[at], ref from[inside ? index : 0], inside ? Bytes : 0);

    /// <inheritdoc cref="Begin(ArrayView{Float4}, int, ArrayView{Float4}, int, bool)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Begin(ArrayView<Float4> to, int at, ArrayView<Float4> from, long index, bool inside) =>
        Copy(ref to[at], ref from[inside ? index : 0], inside ? Bytes : 0);

    /// <summary>Closes a group of copies: those that this thread has begun since it closed the one before.</summary>
    [IntrinsicImplementation]
    public static void Commit()
    {
        // the copies are done
    }

    /// <summary>Waits until all groups of copies that this thread has closed are there.</summary>
    [IntrinsicImplementation]
    public static void Await()
    {
        // they are there
    }

    /// <summary>The copy of the first bytes, none or all; the rest of the sixteen are zeros.</summary>
    [IntrinsicImplementation]
    internal static void Copy(ref Float4 to, ref Float4 from, int bytes)
    {
        var value = default(Float4);
        if (bytes > 0)
        {
            value = from;
        }

        to = value;
    }
}
