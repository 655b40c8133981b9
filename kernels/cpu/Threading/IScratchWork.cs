namespace SharpSeg.Kernels.Cpu.Threading;

/// <summary>Chunked work whose workers each need scratch memory of their own.</summary>
internal unsafe interface IScratchWork : IChunkedWork
{
    /// <summary>Number of chunks.</summary>
    int Chunks { get; }

    /// <summary>Floats of scratch memory per worker.</summary>
    long ScratchPerWorker { get; }

    /// <summary>Sets the scratch memory: <see cref="ScratchPerWorker"/> floats for each worker.</summary>
    void UseScratch(float* memory);
}
