using SharpSeg.Engine.Backends;
using SharpSeg.Kernels.Cpu;

namespace SharpSeg.AutoPlanner.Tests;

/// <summary>The processor as a backend for operations that any thread may call: samples of the augmentation.</summary>
internal static class Processor
{
    public static Backend Sampling { get; } = Cpu.Open(threads: 1);
}
