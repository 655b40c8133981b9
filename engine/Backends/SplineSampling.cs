using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Backends;

/// <summary>
/// Where a patch's voxels are taken from by splines: voxel i, displaced by e(i), from where an affine map puts i + e(i).
/// </summary>
/// <param name="Affine">Sizes, the box, and the map without the displacement.</param>
/// <param name="First">First voxel of the initial patch that is filtered into spline coefficients.</param>
/// <param name="Filtered">
/// Voxels that are filtered, at least 1 along each axis: the whole box, and around every position inside the initial patch 16
/// voxels on either side, as far as the initial patch reaches. Whatever lies outside the box is padding: image 0, label −1.
/// </param>
/// <param name="PreviousPadding">The second label outside the box.</param>
/// <param name="Elastic">The displacement; null if there is none.</param>
public readonly record struct SplineSampling(
    AffineSampling Affine, Extent First, Extent Filtered, short PreviousPadding, ElasticDisplacement? Elastic);

/// <summary>
/// Random smooth displacements e of a patch's voxels (docs/method/augmentation.md §3.1; Simard, Steinkraus, Platt 2003): along
/// each displaced axis uniform noise in [−1, 1), smoothed along all of these axes with zeros beyond the patch, times a strength.
/// The displaced axes are z, y and x; in planar transforms only y and x, by one slice's field for all slices.
/// </summary>
/// <param name="Noise">The noise: one field (z, y, x) per displaced axis, one after the other, the lowest axis first.</param>
/// <param name="Kernel">Weights of the smoothing, an odd number, the middle one for the voxel itself.</param>
/// <param name="Strength">α in voxels.</param>
public sealed record ElasticDisplacement(UniformDraws Noise, float[] Kernel, float Strength);

/// <summary>
/// Consecutive draws of a counter-based random stream, which any device can compute, in any order, bit for bit as the host does:
/// draw i is mix(Key + (First + i)·0x9E3779B97F4A7C15) modulo 2⁶⁴, mix being the finaliser of SplitMix64 (Steele, Lea, Flood
/// 2014, "Fast splittable pseudorandom number generators"); the uniform number in [−1, 1) is 2·h·2⁻²⁴ − 1, h being the draw's
/// highest 24 bits.
/// </summary>
/// <param name="Key">Which stream.</param>
/// <param name="First">Number of the first draw.</param>
public readonly record struct UniformDraws(ulong Key, ulong First);
