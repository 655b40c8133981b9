using SharpSeg.Kernels.Gpu.Device;


namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>Eight fragments of one thread's sums, as mma.sync lays them out: sixteen rows and eight columns each.</summary>
internal struct TensorBand
{
    public Float4 C0, C1, C2, C3, C4, C5, C6, C7;
}
