using SharpSeg.Engine.Backends;

namespace SharpSeg.Conformance;

/// <summary>A backend under test and what may be demanded of it.</summary>
/// <param name="Device">The backend; remains the caller's.</param>
/// <param name="TinyShapesOnly">Keep every case to a few hundred voxels and 40 channels: the backend is emulated.</param>
/// <param name="WorkLimit">Leave out cases with more multiply-adds (or elements) than this; null: what suits the shapes.</param>
/// <param name="ProductTolerance">
/// Relative error allowed for sums of products, on top of float32's: 0, or the rounding of factors for tensor cores.
/// </param>
public sealed record ConformanceTarget(
    Backend Device, bool TinyShapesOnly = false, long? WorkLimit = null, double ProductTolerance = 0)
{
    /// <summary>The limit in force.</summary>
    public long LargestWork => WorkLimit ?? (TinyShapesOnly ? 2_000_000 : 100_000_000);
}
