using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Batches;

/// <summary>Where a sample was taken from.</summary>
/// <param name="CaseId">The case.</param>
/// <param name="Start">First voxel (z, y, x) of the box that was read; may lie outside the case.</param>
/// <param name="Voxel">The foreground or annotated voxel in its middle, if one was chosen.</param>
public readonly record struct SampleOrigin(string CaseId, Extent Start, Extent? Voxel);
