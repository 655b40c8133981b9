using System.Runtime.CompilerServices;
using ILGPU;
using SharpSeg.Engine.Backends;
using SharpSeg.Kernels.Gpu.Convolution;
using SharpSeg.Kernels.Gpu.Device;

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

    /// <summary>
    /// The part of a tensor's view that is the sample Grid.IdxZ, of float32 or of words of two (<see cref="Elements"/>).
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ArrayView<float> Sample(ArrayView<float> view, int format) => format == TileWords.Float32
        ? view.SubView((long)Grid.IdxZ * Voxels * C, Voxels * C)
        : view.SubView(((long)Grid.IdxZ * Voxels * C) >> 1, (Voxels * C) >> 1);
}
