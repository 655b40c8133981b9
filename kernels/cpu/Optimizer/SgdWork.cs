using System.Runtime.CompilerServices;
using SharpSeg.Engine.Backends;
using SharpSeg.Kernels.Cpu.Pointwise;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Optimizer;

/// <summary>
/// SGD with Nesterov momentum, in place: g ← scale·g + λθ; v ← μv + g; θ ← θ − η(g + μv). Reads three, writes two arrays.
/// </summary>
internal readonly unsafe struct SgdWork<TLanes, TVector>(
    SgdStep step, float* theta, float* gradient, float* velocity, long length)
    : IChunkedWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int chunk, int worker)
    {
        var start = FlatChunks.Range(chunk, length, out var count);
        var lanes = TLanes.Count;
        TVector rate = TLanes.Broadcast(-step.LearningRate), momentum = TLanes.Broadcast(step.Momentum);
        TVector decay = TLanes.Broadcast(step.WeightDecay), scale = TLanes.Broadcast(step.GradientScale);
        for (var i = 0; i < count; i += lanes)
        {
            float* pt = theta + start + i, pv = velocity + start + i;
            var t = TLanes.Load(pt);
            var g = TLanes.MultiplyAdd(scale, TLanes.Load(gradient + start + i), TLanes.Multiply(decay, t));
            var v = TLanes.MultiplyAdd(momentum, TLanes.Load(pv), g);
            t = TLanes.MultiplyAdd(rate, TLanes.MultiplyAdd(momentum, v, g), t);
            if (i + lanes <= count)
            {
                TLanes.Store(pt, t);
                TLanes.Store(pv, v);
            }
            else
            {
                TLanes.StoreFirst(pt, t, count - i);
                TLanes.StoreFirst(pv, v, count - i);
            }
        }
    }
}
