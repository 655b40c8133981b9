namespace SharpSeg.Kernels.Gpu;

/// <summary>Whether one fast variant agrees with the plain kernel on a device.</summary>
/// <param name="Operation">Family of operations.</param>
/// <param name="Variant">"fast" or "tensor cores".</param>
/// <param name="Agrees">False: the variant is wrong, or refused, on this device, and is never used there.</param>
public readonly record struct GpuCheckResult(string Operation, string Variant, bool Agrees);
