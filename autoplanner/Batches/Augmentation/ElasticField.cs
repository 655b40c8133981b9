using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Batches.Augmentation;

/// <summary>
/// Random smooth displacements (docs/method/augmentation.md §3.1; Simard, Steinkraus, Platt 2003): for each axis white noise in
/// [−1, 1), smoothed by a Gaussian of σ voxels with zeros beyond the border, times α. In voxels of the patch grid.
/// </summary>
internal sealed class ElasticField
{
    private readonly GrowingBuffer<float> offsets = new();
    private readonly GrowingBuffer<float> scratch = new();
    private int voxels;
    private int firstAxis;

    /// <summary>Draws a field.</summary>
    /// <param name="size">Patch in voxels; of a planar field only one slice is made.</param>
    /// <param name="planar">Displace in y and x only, all slices alike.</param>
    /// <param name="strength">α, voxels.</param>
    /// <param name="smoothness">σ, voxels.</param>
    /// <param name="random">The sample's stream.</param>
    public void Draw(Extent size, bool planar, double strength, double smoothness, CounterRandom random)
    {
        var grid = planar ? size.With(0, 1) : size;
        firstAxis = planar ? 1 : 0;
        voxels = (int)grid.Voxels;
        var kernel = Kernel(smoothness);
        for (var axis = firstAxis; axis < 3; axis++)
        {
            var field = offsets.Take(3 * voxels).Slice(axis * voxels, voxels);
            random.FillUniform(field);
            Smooth(field, grid, firstAxis, kernel);
            Rows.Combine(field, (float)strength, field, 0);
        }
    }

    /// <summary>
    /// The same field for a device to compute, random numbers included; the stream goes on as after <see cref="Draw"/>. Parameters as there.
    /// </summary>
    public static ElasticDisplacement Describe(Extent size, bool planar, double strength, double smoothness, CounterRandom random) => new(
        random.Reserve(planar ? 2 * size.Y * size.X : checked(3 * (int)size.Voxels)), Kernel(smoothness), (float)strength);

    /// <summary>Displacements along an axis (z, y, x); a planar field has one slice and none along z.</summary>
    public ReadOnlySpan<float> Along(int axis) =>
        axis < firstAxis ? default : offsets.Take(3 * voxels).Slice(axis * voxels, voxels);

    /// <summary>Gaussian weights of radius ⌊4σ + 0.5⌋, normalised.</summary>
    internal static float[] Kernel(double sigma)
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

    /// <summary>Filters along the axes from <paramref name="first"/> on, with zeros outside.</summary>
    internal void Smooth(Span<float> field, Extent size, int first, ReadOnlySpan<float> kernel)
    {
        var radius = kernel.Length / 2;
        for (var axis = first; axis < 3; axis++)
        {
            var from = scratch.Take(field.Length);
            field.CopyTo(from);
            field.Clear();
            var (line, length) = (axis == 0 ? size.Y * size.X : axis == 1 ? size.X : 1, size[axis]);
            for (var start = 0; start < field.Length; start += line * length)
            {
                if (axis == 2)
                {
                    for (var shift = -Math.Min(radius, length - 1); shift <= Math.Min(radius, length - 1); shift++)
                    {
                        var count = length - Math.Abs(shift);
                        Rows.AddScaled(
                            from.Slice(start + Math.Max(shift, 0), count),
                            kernel[radius + shift],
                            field.Slice(start + Math.Max(-shift, 0), count));
                    }

                    continue;
                }

                for (var i = 0; i < length; i++)
                {
                    for (var j = Math.Max(0, i - radius); j <= Math.Min(length - 1, i + radius); j++)
                    {
                        Rows.AddScaled(
                            from.Slice(start + (j * line), line), kernel[radius + j - i], field.Slice(start + (i * line), line));
                    }
                }
            }
        }
    }
}
