namespace SharpSeg.Kernels.Cpu;

/// <summary>What the machine can do at best, measured with the backend's own threads and instruction set; benchmarks compare with it.</summary>
internal interface IMachineLimits
{
    /// <summary>Threads that compute.</summary>
    int Threads { get; }

    /// <summary>Independent multiply-adds in registers on all threads, GFLOP/s: the best of several runs of about a millisecond.</summary>
    double MeasureMultiplyAddPeak();

    /// <summary>Copying arrays far larger than the caches on all threads, GB/s read plus written: the best of several runs.</summary>
    double MeasureCopyBandwidth();
}
