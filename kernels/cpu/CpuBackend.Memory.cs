using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Pointwise;

namespace SharpSeg.Kernels.Cpu;

internal sealed unsafe partial class CpuBackend<TLanes, TVector>
{
    /// <inheritdoc/>
    public override void Synchronize()
    {
        // Every operation has finished when its call returns.
    }

    /// <inheritdoc/>
    protected override DeviceBuffer AllocateCore(long length) => new CpuBuffer(length);

    /// <inheritdoc/>
    protected override void UploadCore(ReadOnlySpan<float> source, Tensor target) =>
        source.CopyTo(new Span<float>(At(target), source.Length));

    /// <inheritdoc/>
    protected override void DownloadCore(Tensor source, Span<float> target) =>
        new ReadOnlySpan<float>(At(source), target.Length).CopyTo(target);

    /// <inheritdoc/>
    protected override void CopyCore(Tensor source, Tensor target) =>
        team.Run(FlatChunks.Count(target.Length), new CopyWork(At(source), At(target), target.Length));

    /// <inheritdoc/>
    protected override void FillCore(Tensor target, float value) =>
        team.Run(FlatChunks.Count(target.Length), new FillWork(At(target), value, target.Length));
}
