namespace SharpSeg.Engine.Backends;

/// <summary>
/// Random smooth displacements e of a patch's voxels (spec augmentation §3.1; Simard, Steinkraus, Platt 2003): along each displaced axis
/// uniform noise in [−1, 1), smoothed along all of these axes with zeros beyond the patch, times a strength. Displaced are z, y and x; in
/// planar transforms y and x only, by one slice's field for all slices.
/// </summary>
/// <param name="Noise">The noise: one field (z, y, x) per displaced axis, one after the other, the lowest axis first.</param>
/// <param name="Kernel">Weights of the smoothing, an odd number, the middle one for the voxel itself.</param>
/// <param name="Strength">α in voxels.</param>
public sealed record ElasticDisplacement(UniformDraws Noise, float[] Kernel, float Strength);
