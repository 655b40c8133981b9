namespace SharpSeg.Kernels.Gpu.Variants;

/// <summary>Which variants of the kernels a backend may use.</summary>
internal enum KernelChoice
{
    /// <summary>The plain kernels only: slow, obviously right, the yardstick.</summary>
    Plain,

    /// <summary>The fast kernels, unchecked: for the tests that check them.</summary>
    Fast,

    /// <summary>Of the variants that agree with the plain kernel on this device, the fastest: what users get.</summary>
    Checked,
}
