namespace SharpSeg.Engine.Backends;

/// <summary>What a device can do at best, measured on it; benchmarks compare with it.</summary>
public interface IMachineLimits
{
    /// <summary>Threads of the processor that compute; 1 where a device does.</summary>
    int Threads { get; }

    /// <summary>Independent float32 multiply-adds in registers on all cores, GFLOP/s: the best of several runs of about a millisecond.</summary>
    double MeasureMultiplyAddPeak();

    /// <summary>Copying arrays far larger than the caches on all cores, GB/s read plus written: the best of several runs.</summary>
    double MeasureCopyBandwidth();
}
