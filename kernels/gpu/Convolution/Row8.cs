using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// One row of a thread's 8×8 block of sums. Eight named scalars rather than an array: those stay in registers, an array would lie in
/// local memory.
/// </summary>
internal struct Row8
{
    /// <summary>Columns 4·tx … 4·tx + 3.</summary>
    public Float4 Left;

    /// <summary>The same columns, half a tile further on.</summary>
    public Float4 Right;

    /// <summary>row += a·(left, right).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void MultiplyAdd(ref Row8 row, float a, Float4 left, Float4 right)
    {
        row.Left.X += a * left.X;
        row.Left.Y += a * left.Y;
        row.Left.Z += a * left.Z;
        row.Left.W += a * left.W;
        row.Right.X += a * right.X;
        row.Right.Y += a * right.Y;
        row.Right.Z += a * right.Z;
        row.Right.W += a * right.W;
    }
}
