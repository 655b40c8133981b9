using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Inference;
using SharpSeg.Kernels.Cpu.Simd;

namespace SharpSeg.Kernels.Cpu;

internal sealed unsafe partial class CpuBackend<TLanes, TVector>
{
    /// <inheritdoc/>
    protected override void BlendAddCore(Tensor tile, int sample, Tensor weights, Extent origin, Tensor sum, Tensor weightSum)
    {
        var size = tile.Shape.Spatial;
        var channels = tile.Shape.C;
        var work = new BlendWork<TLanes, TVector>(
            At(tile) + (sample * size.Voxels * channels), At(weights), size, origin, sum.Shape.Spatial, channels, At(sum),
            At(weightSum));
        team.Run(work.Chunks, work);
    }

    /// <inheritdoc/>
    protected override void DivideByWeightsCore(Tensor x, Tensor divisor) =>
        team.Run(
            Chunks(divisor.Length, DivideWork<TLanes, TVector>.Size),
            new DivideWork<TLanes, TVector>(At(x), At(divisor), x.Shape.C, divisor.Length));

    /// <inheritdoc/>
    protected override void ArgMaxCore(Tensor x, Tensor y)
    {
        var scratch = VoxelBlock.Length(x.Shape.C);
        team.Run(
            Chunks(y.Length, ArgMaxWork<TLanes, TVector>.Size),
            new ArgMaxWork<TLanes, TVector>(At(x), x.Shape.C, At(y), y.Length, perWorker.Reserve(scratch * team.Count), scratch));
    }

    /// <inheritdoc/>
    protected override void ProbabilitiesCore(Tensor x, bool sigmoid, Tensor y)
    {
        var channels = x.Shape.C;
        var voxels = x.Length / channels;
        var scratch = VoxelBlock.Length(channels);
        team.Run(
            Chunks(voxels, ProbabilitiesWork<TLanes, TVector>.Size),
            new ProbabilitiesWork<TLanes, TVector>(
                At(x), channels, sigmoid, At(y), voxels, perWorker.Reserve(scratch * team.Count), scratch));
    }

    private static int Chunks(long length, int size) => checked((int)((length + size - 1) / size));
}
