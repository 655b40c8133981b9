using SharpSeg.Engine.Backends;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>The numbers of a <see cref="TransposedConvProblem"/> as a kernel parameter. See there for shapes and formula.</summary>
internal readonly struct TransposedSizes
{
    public readonly int N, InZ, InY, InX, Cin, Cout, StrideZ, StrideY, StrideX;

    public TransposedSizes(in TransposedConvProblem p)
    {
        (N, Cin, Cout) = (p.N, p.Cin, p.Cout);
        (InZ, InY, InX) = (p.Input.Z, p.Input.Y, p.Input.X);
        (StrideZ, StrideY, StrideX) = (p.Stride.Z, p.Stride.Y, p.Stride.X);
    }

    /// <summary>Voxels of a sample of the input.</summary>
    public int InVoxels => InZ * InY * InX;

    /// <summary>Voxels of a sample of the output.</summary>
    public int OutVoxels => InVoxels * StrideZ * StrideY * StrideX;
}
