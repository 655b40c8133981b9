using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Backends;

/// <summary>
/// Where a patch's voxels are taken from by splines: voxel i, displaced by e(i), from where an affine map puts i + e(i).
/// </summary>
/// <param name="Affine">Sizes, the voxels at hand, and the map without the displacement.</param>
/// <param name="First">First voxel of the initial patch that is filtered into spline coefficients.</param>
/// <param name="Filtered">
/// Voxels that are filtered, at least 1 along each axis: all that are at hand, and around every position inside the initial patch 16 on
/// either side as far as the initial patch goes. What is not at hand is padding: image 0, label −1.
/// </param>
/// <param name="PreviousPadding">The second label where no voxel is at hand.</param>
/// <param name="Elastic">The displacement; null if there is none.</param>
public readonly record struct SplineSampling(
    AffineSampling Affine, Extent First, Extent Filtered, short PreviousPadding, ElasticDisplacement? Elastic);
