using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Optimizer;
using SharpSeg.Kernels.Cpu.Pointwise;

namespace SharpSeg.Kernels.Cpu;

internal sealed unsafe partial class CpuBackend<TLanes, TVector>
{
    /// <inheritdoc/>
    protected override double SumOfSquaresCore(Tensor g)
    {
        var chunks = FlatChunks.Count(g.Length);
        var partial = (double*)shared.Reserve(2L * chunks);
        team.Run(chunks, new SumOfSquaresWork(At(g), partial, g.Length));
        var sum = 0.0;
        for (var chunk = 0; chunk < chunks; chunk++)
        {
            sum += partial[chunk];
        }

        return sum;
    }

    /// <inheritdoc/>
    protected override void SgdStepCore(in SgdStep options, Tensor theta, Tensor gradient, Tensor velocity) =>
        team.Run(
            FlatChunks.Count(theta.Length),
            new SgdWork<TLanes, TVector>(options, At(theta), At(gradient), At(velocity), theta.Length));

    /// <inheritdoc/>
    protected override void AdamStepCore(in AdamStep options, Tensor theta, Tensor gradient, Tensor m, Tensor v, Tensor? vmax) =>
        team.Run(
            FlatChunks.Count(theta.Length),
            new AdamWork<TLanes, TVector>(options, At(theta), At(gradient), At(m), At(v), AtOrNull(vmax), theta.Length));
}
