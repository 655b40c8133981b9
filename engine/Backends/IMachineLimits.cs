namespace SharpSeg.Engine.Backends;

/// <summary>A device's peak performance, measured on the device itself; benchmarks are compared with it.</summary>
public interface IMachineLimits
{
    /// <summary>Processor threads that compute; 1 for other devices.</summary>
    int Threads { get; }

    /// <summary>
    /// Independent multiply-adds in registers on all cores, in the number format in which convolutions multiply
    /// (<see cref="Backend.ProductPrecision"/>), GFLOP/s: the best of several runs of about a millisecond.
    /// </summary>
    double MeasureMultiplyAddPeak();

    /// <summary>
    /// Copying arrays far larger than the caches on all cores, GB/s read plus written: the best of several runs.
    /// </summary>
    double MeasureCopyBandwidth();
}
