using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SharpSeg.Kernels.Gpu.Device;

/// <summary>Four float32 in sixteen bytes, so that a GPU moves them with one 128-bit access.</summary>
[StructLayout(LayoutKind.Sequential, Size = 16)]
internal struct Float4
{
    public float X, Y, Z, W;

    /// <summary>a + b, lane by lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Sum(Float4 a, Float4 b)
    {
        a.X += b.X;
        a.Y += b.Y;
        a.Z += b.Z;
        a.W += b.W;
        return a;
    }

    /// <summary>factor·a, lane by lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Scaled(Float4 a, float factor)
    {
        a.X *= factor;
        a.Y *= factor;
        a.Z *= factor;
        a.W *= factor;
        return a;
    }
}
