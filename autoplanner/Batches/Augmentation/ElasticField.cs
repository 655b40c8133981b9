using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Batches.Augmentation;

/// <summary>
/// Random smooth displacements (docs/method/augmentation.md §3.1; Simard, Steinkraus, Platt 2003): for each axis white noise in
/// [−1, 1), smoothed by a Gaussian of σ voxels with zeros beyond the border, times α. In voxels of the patch grid.
/// </summary>
internal static class ElasticField
{
    /// <summary>Draws a field: takes its noise from the stream, which the backend makes into displacements.</summary>
    /// <param name="size">Patch in voxels; of a planar field only one slice is made.</param>
    /// <param name="planar">Displace in y and x only, all slices alike.</param>
    /// <param name="strength">α, voxels.</param>
    /// <param name="smoothness">σ, voxels.</param>
    /// <param name="random">The sample's stream.</param>
    public static ElasticDisplacement Draw(Extent size, bool planar, double strength, double smoothness, CounterRandom random) =>
        new(
        random.Reserve(planar ? 2 * size.Y * size.X : checked(3 * (int)size.Voxels)), Kernel(smoothness), (float)strength);

    /// <summary>Gaussian weights of radius ⌊4σ + 0.5⌋, normalised.</summary>
    public static float[] Kernel(double sigma)
    {
        var radius = (int)((4 * sigma) + 0.5);
        var weights = new double[(2 * radius) + 1];
        double sum = 0;
        for (var i = 0; i < weights.Length; i++)
        {
            double x = i - radius;
            sum += weights[i] = Math.Exp(-x * x / (2 * sigma * sigma));
        }

        return Array.ConvertAll(weights, w => (float)(w / sum));
    }
}
