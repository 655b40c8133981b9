using SharpSeg.Engine.Backends;

namespace SharpSeg.Kernels.Gpu.Normalization;

/// <summary>
/// The numbers of an <see cref="InstanceNormProblem"/> as a kernel parameter. See there for shapes and formula.
/// </summary>
internal readonly struct NormSizes
{
    public readonly int N, Voxels, RowLength, C;
    public readonly float Slope, Epsilon;

    public NormSizes(in InstanceNormProblem p)
    {
        (N, C, Slope, Epsilon) = (p.N, p.C, p.Slope, p.Epsilon);
        Voxels = checked((int)p.Spatial.Voxels);
        RowLength = p.Spatial.X;
    }

    /// <summary>Whether the channels of a voxel are whole sixteen-byte elements, so that such accesses are aligned.</summary>
    public bool IsVectorizable => (C & 3) == 0;
}
