using SharpSeg.Engine.Tensors;

namespace SharpSeg.Kernels.Gpu.Sizes;

/// <summary>A volume seen along one axis, as a kernel parameter: outer blocks of From (or To) rows of Inner neighbours.</summary>
internal readonly struct AxisSizes
{
    public readonly int Outer, From, To, Inner;

    public AxisSizes(Extent source, int axis, int to)
    {
        (Outer, Inner) = axis switch
        {
            0 => (1, source.Y * source.X),
            1 => (source.Z, source.X),
            _ => (source.Z * source.Y, 1),
        };
        (From, To) = (source[axis], to);
    }
}
