using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Pointwise;
using SharpSeg.Kernels.Cpu.Winograd;

namespace SharpSeg.Kernels.Cpu;

internal sealed unsafe partial class CpuBackend<TLanes, TVector>
{
    /// <inheritdoc/>
    public override void Synchronize()
    {
        // Every operation has finished when its call returns.
    }

    /// <summary>Transformed weights of the largest convolution, and a slice of transformed tiles: estimated.</summary>
    public override long WorkspaceBytes(IReadOnlyCollection<ConvProblem> convolutions, bool isTraining)
    {
        var largest = 0.0;
        foreach (var p in convolutions)
        {
            largest = Math.Max(largest, p.WeightShape.Length * TransformedWeights(p.Kernel));
        }

        return (long)(largest * sizeof(float)) + WinogradConvWork<TLanes, TVector>.SliceBytes + Scratch.GranularityBytes;
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

    /// <summary>
    /// Numbers kept for a weight: Winograd F(2×2×2, 3×3×3) keeps 4³ for 3³, F(2×2, 3×3) 4² for 3²; other kernels are packed as
    /// they are.
    /// </summary>
    private static double TransformedWeights(Extent kernel) => kernel switch
    {
        { Z: 3, Y: 3, X: 3 } => 64.0 / 27,
        { Z: 1, Y: 3, X: 3 } => 16.0 / 9,
        _ => 1,
    };
}
