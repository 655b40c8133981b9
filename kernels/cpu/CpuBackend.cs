using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Convolution;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu;

/// <summary>
/// The contract on one instruction set. Each operation fills a small struct (its work) with pointers and sizes and hands it to
/// the worker team; the arithmetic is in those structs, one per file.
/// </summary>
/// <typeparam name="TLanes">The instruction set.</typeparam>
/// <typeparam name="TVector">Its vector.</typeparam>
internal sealed unsafe partial class CpuBackend<TLanes, TVector> : Backend, IVariantChoice, IMachineLimits
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    private readonly WorkerTeam team;
    private readonly Scratch shared;
    private readonly Scratch perWorker;
    private readonly Scratch weights;

    public CpuBackend(int threads)
        : this(threads, isRehearsal: false)
    {
    }

    /// <param name="threads">That compute.</param>
    /// <param name="isRehearsal">Nothing is computed: operations only say what working memory they would take.</param>
    private CpuBackend(int threads, bool isRehearsal)
    {
        team = new WorkerTeam(threads, isIdle: isRehearsal);
        var memory = isRehearsal ? null : this;
        (shared, perWorker, weights) = (new(memory), new(memory), new(memory));
    }

    /// <inheritdoc/>
    public override string Name => "cpu";

    /// <inheritdoc/>
    public override string Description => $"CPU, {TLanes.Name}, {team.Count} thread{(team.Count == 1 ? "" : "s")}";

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        team.Dispose();
        shared.Release();
        perWorker.Release();
        weights.Release();
    }

    private static float* At(Tensor tensor) => ((CpuBuffer)tensor.Buffer).Pointer + tensor.Offset;

    private static float* AtOrNull(Tensor? tensor) => tensor is null ? null : At(tensor);
}
