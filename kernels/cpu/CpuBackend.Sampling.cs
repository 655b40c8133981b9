using System.Collections.Concurrent;
using SharpSeg.Engine.Backends;
using SharpSeg.Kernels.Cpu.Volumes;

namespace SharpSeg.Kernels.Cpu;

/// <content>Each call runs on the calling thread: the number of loader workers decides how many threads compute.</content>
internal sealed partial class CpuBackend<TLanes, TVector>
{
    private readonly ConcurrentBag<SplineSampler<TLanes, TVector>> samplers = [];

    /// <inheritdoc/>
    protected override void SampleAffineCore(in AffineSampling p, in BoxVoxels source, in PatchVoxels patch) =>
        LinearSampler.Sample(p, source, patch);

    /// <inheritdoc/>
    protected override void SampleSplineCore(in SplineSampling p, in BoxVoxels source, in PatchVoxels patch)
    {
        var sampler = samplers.TryTake(out var idle) ? idle : new();
        sampler.Sample(p, source, patch);
        samplers.Add(sampler);
    }
}
