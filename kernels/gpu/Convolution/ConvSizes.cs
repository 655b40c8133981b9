using SharpSeg.Engine.Backends;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>The numbers of a <see cref="ConvProblem"/> as a kernel parameter. See there for shapes and formula.</summary>
internal readonly struct ConvSizes
{
    public readonly int N, InZ, InY, InX, Cin, Cin2, Cout, OutZ, OutY, OutX;
    public readonly int KernelZ, KernelY, KernelX, StrideZ, StrideY, StrideX, PadZ, PadY, PadX;

    public ConvSizes(in ConvProblem p)
    {
        (N, Cin, Cin2, Cout) = (p.N, p.Cin, p.Cin2, p.Cout);
        (InZ, InY, InX) = (p.Input.Z, p.Input.Y, p.Input.X);
        (OutZ, OutY, OutX) = (p.Output.Z, p.Output.Y, p.Output.X);
        (KernelZ, KernelY, KernelX) = (p.Kernel.Z, p.Kernel.Y, p.Kernel.X);
        (StrideZ, StrideY, StrideX) = (p.Stride.Z, p.Stride.Y, p.Stride.X);
        (PadZ, PadY, PadX) = (p.Padding.Z, p.Padding.Y, p.Padding.X);
    }

    /// <summary>Voxels of a sample of the input.</summary>
    public int InVoxels => InZ * InY * InX;

    /// <summary>Voxels of a sample of the output.</summary>
    public int OutVoxels => OutZ * OutY * OutX;
}
