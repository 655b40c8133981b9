using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Autograd;

/// <summary>Statistics of an activation, (n, c) each, rented from a pool; the norm that uses them returns them.</summary>
/// <param name="Mean">Mean per sample and channel.</param>
/// <param name="Rstd">1/√(var + epsilon).</param>
internal readonly record struct NormStatistics(Tensor Mean, Tensor Rstd)
{
    /// <summary>Memory for them, undefined.</summary>
    public static NormStatistics Rent(BufferPool pool, in InstanceNormProblem p) =>
        new(pool.Rent(p.StatisticsShape), pool.Rent(p.StatisticsShape));
}
