using System.Runtime.InteropServices;

namespace SharpSeg.Kernels.Gpu.Device;

/// <summary>Two float32 in eight bytes, so that a GPU moves them with one 64-bit access.</summary>
[StructLayout(LayoutKind.Sequential, Size = 8)]
internal struct Float2
{
    public float X, Y;
}
