using System.Runtime.InteropServices;

namespace SharpSeg.Kernels.Gpu.Kernels;

/// <summary>Four float32 in sixteen bytes, so that a GPU moves them with one 128-bit access.</summary>
[StructLayout(LayoutKind.Sequential, Size = 16)]
internal struct Float4
{
    public float X, Y, Z, W;
}
