using SharpSeg.Engine.Tensors;

namespace SharpSeg.Kernels.Gpu.Volumes;

/// <summary>A volume seen along one axis, as a kernel parameter: outer blocks of From (or To) rows of Inner neighbours.</summary>
internal readonly struct AxisSizes
{
    public readonly int Outer, From, To, Inner;

    /// <param name="source">Voxels before resampling.</param>
    /// <param name="axis">0 = z, 1 = y, 2 = x.</param>
    /// <param name="to">Voxels of that axis after resampling.</param>
    /// <param name="channels">Values per voxel, next to each other.</param>
    /// <param name="volumes">Such volumes, one after the other.</param>
    public AxisSizes(Extent source, int axis, int to, int channels = 1, int volumes = 1)
    {
        (Outer, Inner) = axis switch
        {
            0 => (1, source.Y * source.X),
            1 => (source.Z, source.X),
            _ => (source.Z * source.Y, 1),
        };
        (Outer, Inner) = (checked(Outer * volumes), checked(Inner * channels));
        (From, To) = (source[axis], to);
    }
}
