using SharpSeg.Engine.Backends;
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

    /// <summary>
    /// Weights as they are packed or transformed, and what the threads work in, together and each by itself: the convolutions
    /// are rehearsed, so that what is counted is what they take.
    /// </summary>
    public override long WorkspaceBytes(IReadOnlyCollection<ConvProblem> convolutions, bool isTraining)
    {
        using var rehearsal = new CpuBackend<TLanes, TVector>(team.Count, isRehearsal: true) { Variant = Variant };
        using var nothing = new CpuBuffer(1);
        var any = new Tensor(nothing, 0, new Shape(1, 1, 1, 1, 1)); // nobody looks into it, nor at its shape
        foreach (var p in convolutions)
        {
            var second = p.Cin2 > 0 ? any : null;
            rehearsal.ConvForwardCore(p, any, second, any, null, any);
            if (isTraining)
            {
                rehearsal.ConvBackwardDataCore(p, any, any, any, accumulate: false, second, accumulate2: false);
                rehearsal.ConvBackwardWeightsCore(p, any, second, any, any, null, accumulate: false);
            }
        }

        // Norms and losses take a little of the same.
        Scratch[] all = [rehearsal.shared, rehearsal.perWorker, rehearsal.weights];
        return all.Sum(scratch => Math.Max(scratch.Bytes, Scratch.GranularityBytes));
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
