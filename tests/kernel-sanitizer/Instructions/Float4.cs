using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using SharpSeg.KernelSanitizer;

namespace SharpSeg.Kernels.Gpu.Device;

/// <summary>
/// In place of the kernels' own: four float32, or the mark of sums of products that are not computed before somebody looks
/// (<see cref="WarpProducts"/>).
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = 16)]
internal struct Float4
{
    private const uint Mark = 0x7FE5A5A5; // a NaN that neither inputs nor arithmetic contain
    private float x, y, z, w;

    [UnscopedRef]
    public ref float X => ref Settle().x;

    [UnscopedRef]
    public ref float Y => ref Settle().y;

    [UnscopedRef]
    public ref float Z => ref Settle().z;

    [UnscopedRef]
    public ref float W => ref Settle().w;

    /// <summary>a + b, lane by lane.</summary>
    public static Float4 Sum(Float4 a, Float4 b) => new() { X = a.X + b.X, Y = a.Y + b.Y, Z = a.Z + b.Z, W = a.W + b.W };

    /// <summary>factor·a, lane by lane.</summary>
    public static Float4 Scaled(Float4 a, float factor) =>
        new() { X = factor * a.X, Y = factor * a.Y, Z = factor * a.Z, W = factor * a.W };

    /// <summary>The mark of a thread's product.</summary>
    internal static Float4 Pending(int number) =>
        new() { x = BitConverter.UInt32BitsToSingle(Mark), y = BitConverter.Int32BitsToSingle(number) };

    /// <summary>Whether this is a mark, and of which product.</summary>
    internal readonly bool IsPending(out int number)
    {
        number = BitConverter.SingleToInt32Bits(y);
        return BitConverter.SingleToUInt32Bits(x) == Mark;
    }

    /// <summary>Puts the numbers themselves in place of the mark.</summary>
    [UnscopedRef]
    internal ref Float4 Settle()
    {
        if (IsPending(out var number))
        {
            this = Lane.Here.Products.Sums(Lane.Here, number);
        }

        return ref this;
    }
}
