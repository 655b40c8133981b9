using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Backends;

/// <summary>The largest spatial transform that a training run asks of an <see cref="ISpatialSampler"/>.</summary>
/// <param name="Patch">Voxels of a patch.</param>
/// <param name="Initial">Voxels of the initial patch: no box is larger.</param>
/// <param name="Channels">Image channels.</param>
/// <param name="Labels">Labels per voxel: 2 in a cascade, else 1.</param>
/// <param name="Planar">Slices by themselves.</param>
/// <param name="ElasticTaps">Longest kernel that smooths a displacement; 0 if there is none.</param>
public readonly record struct SpatialLimits(Extent Patch, Extent Initial, int Channels, int Labels, bool Planar, int ElasticTaps);
