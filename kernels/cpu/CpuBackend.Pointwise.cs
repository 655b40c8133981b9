using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Pointwise;

namespace SharpSeg.Kernels.Cpu;

internal sealed unsafe partial class CpuBackend<TLanes, TVector>
{
    /// <inheritdoc/>
    protected override void AxpbyCore(float a, Tensor x, float b, Tensor y) =>
        team.Run(FlatChunks.Count(y.Length), new AxpbyWork<TLanes, TVector>(a, At(x), b, At(y), y.Length));

    /// <inheritdoc/>
    protected override void AddLeakyReluForwardCore(Tensor a, Tensor b, float slope, Tensor y) =>
        team.Run(FlatChunks.Count(y.Length), new AddLeakyReluForwardWork<TLanes, TVector>(At(a), At(b), slope, At(y), y.Length));

    /// <inheritdoc/>
    protected override void AddLeakyReluBackwardCore(Tensor dy, Tensor y, float slope, Tensor d) =>
        team.Run(
            FlatChunks.Count(y.Length), new AddLeakyReluBackwardWork<TLanes, TVector>(At(dy), At(y), slope, At(d), y.Length));

    /// <inheritdoc/>
    protected override void BlockSumCore(Tensor x, Extent block, float scale, Tensor y, bool accumulate) =>
        RunBlocks(fine: x, coarse: y, block, scale, sum: true, accumulate);

    /// <inheritdoc/>
    protected override void BlockRepeatCore(Tensor x, Extent block, float scale, Tensor y, bool accumulate) =>
        RunBlocks(fine: y, coarse: x, block, scale, sum: false, accumulate);

    /// <inheritdoc/>
    protected override void FlipCore(Tensor x, bool alongZ, bool alongY, bool alongX, Tensor y)
    {
        var s = x.Shape;
        var work = new FlipWork(At(x), At(y), s.N, s.Spatial, s.C, alongZ, alongY, alongX);
        team.Run(work.Chunks, work);
    }

    private void RunBlocks(Tensor fine, Tensor coarse, Extent block, float scale, bool sum, bool accumulate)
    {
        var s = coarse.Shape;
        team.Run(
            s.N * s.Spatial.Z * s.Spatial.Y,
            new BlockWork<TLanes, TVector>(At(fine), At(coarse), s.Spatial, block, s.C, scale, sum, accumulate));
    }
}
