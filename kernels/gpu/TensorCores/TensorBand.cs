using SharpSeg.Kernels.Gpu.Kernels;

namespace SharpSeg.Kernels.Gpu.TensorCores;

/// <summary>One thread's sums of sixteen rows and 64 columns: eight fragments, as mma.sync lays them out.</summary>
internal struct TensorBand
{
    public Float4 C0, C1, C2, C3, C4, C5, C6, C7;
}
