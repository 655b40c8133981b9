namespace SharpSeg.Kernels.Gpu.Tests;

/// <summary>What one test of the kernels may cost: every access is checked, some 30 ns each.</summary>
internal static class Checks
{
    /// <summary>Multiply-adds of the largest convolution.</summary>
    public const long LargestWork = 300_000;
}
