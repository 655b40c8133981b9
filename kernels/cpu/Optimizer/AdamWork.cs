using System.Runtime.CompilerServices;
using SharpSeg.Engine.Backends;
using SharpSeg.Kernels.Cpu.Pointwise;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Optimizer;

/// <summary>
/// Adam, optionally AMSGrad, in place: g ← scale·g + λθ; m ← β1·m + (1−β1)g; v ← β2·v + (1−β2)g²;
/// θ ← θ − η/(1−β1^t) · m / (√v̂/√(1−β2^t) + eps). The two powers are computed once, in float64.
/// </summary>
internal readonly unsafe struct AdamWork<TLanes, TVector>(
    AdamStep step, float* theta, float* gradient, float* m, float* v, float* vmax, long length) : IChunkedWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    private readonly float rate = (float)(-step.LearningRate / (1 - Math.Pow(step.Beta1, step.Step)));
    private readonly float rootScale = (float)(1 / Math.Sqrt(1 - Math.Pow(step.Beta2, step.Step)));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int chunk, int worker)
    {
        var start = FlatChunks.Range(chunk, length, out var count);
        TVector beta1 = TLanes.Broadcast((float)step.Beta1), rest1 = TLanes.Broadcast((float)(1 - step.Beta1));
        TVector beta2 = TLanes.Broadcast((float)step.Beta2), rest2 = TLanes.Broadcast((float)(1 - step.Beta2));
        for (var i = 0; i < count; i += TLanes.Count)
        {
            var at = start + i;
            var left = Math.Min(TLanes.Count, count - i);
            var t = TLanes.Load(theta + at);
            var g = TLanes.MultiplyAdd(
                TLanes.Broadcast(step.GradientScale), TLanes.Load(gradient + at),
                TLanes.Multiply(TLanes.Broadcast(step.WeightDecay), t));
            var first = TLanes.MultiplyAdd(beta1, TLanes.Load(m + at), TLanes.Multiply(rest1, g));
            var second = TLanes.MultiplyAdd(beta2, TLanes.Load(v + at), TLanes.Multiply(rest2, TLanes.Multiply(g, g)));
            var bound = second;
            if (step.AmsGrad)
            {
                bound = TLanes.Max(TLanes.Load(vmax + at), second);
                TLanes.StoreFirst(vmax + at, bound, left);
            }

            var divisor = TLanes.MultiplyAdd(
                TLanes.Sqrt(bound), TLanes.Broadcast(rootScale), TLanes.Broadcast((float)step.Epsilon));
            t = TLanes.MultiplyAdd(TLanes.Broadcast(rate), TLanes.Divide(first, divisor), t);
            TLanes.StoreFirst(m + at, first, left);
            TLanes.StoreFirst(v + at, second, left);
            TLanes.StoreFirst(theta + at, t, left);
        }
    }
}
