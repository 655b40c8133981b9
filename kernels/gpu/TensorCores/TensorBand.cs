using SharpSeg.Kernels.Gpu.Kernels;

namespace SharpSeg.Kernels.Gpu.TensorCores;

/// <summary>Eight fragments of one thread's sums, as mma.sync lays them out: sixteen rows and eight columns each.</summary>
internal struct TensorBand
{
    public Float4 C0, C1, C2, C3, C4, C5, C6, C7;
}
