using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Batches.Augmentation;

/// <summary>
/// Gaussian blur of one channel, axis by axis, each with its own width; borders are mirrored without repeating the edge voxel
/// (docs/method/augmentation.md §4, modern).
/// </summary>
internal static class GaussianBlur
{
    /// <summary>
    /// Kernel length in voxels: the odd integer nearest to 6σ + 0.5, found as the reference does: round half to even; if that is
    /// even, go to the side of the remainder.
    /// </summary>
    public static int KernelLength(double sigma)
    {
        var wanted = (6 * sigma) + 0.5;
        var rounded = (int)Math.Round(wanted, MidpointRounding.ToEven);
        return rounded % 2 == 1 ? rounded : wanted - rounded >= 0 ? rounded + 1 : rounded - 1;
    }

    /// <summary>Weights exp(−x²/2σ²), normalised.</summary>
    public static float[] Kernel(double sigma)
    {
        var length = KernelLength(sigma);
        var weights = new double[length];
        double sum = 0;
        for (var i = 0; i < length; i++)
        {
            double x = i - (length / 2);
            sum += weights[i] = Math.Exp(-x * x / (2 * sigma * sigma));
        }

        return Array.ConvertAll(weights, w => (float)(w / sum));
    }

    /// <summary>
    /// Blurs along one axis. An axis no longer than the kernel's radius cannot be mirrored and is left as it is.
    /// </summary>
    /// <param name="values">One channel (z, y, x); changed in place.</param>
    /// <param name="size">Its size in voxels.</param>
    /// <param name="axis">0 = z, 1 = y, 2 = x.</param>
    /// <param name="kernel">Odd number of weights.</param>
    /// <param name="scratch">As long as <paramref name="values"/>.</param>
    public static void Apply(Span<float> values, Extent size, int axis, ReadOnlySpan<float> kernel, Span<float> scratch)
    {
        var radius = kernel.Length / 2;
        var length = size[axis];
        if (length <= radius)
        {
            return;
        }

        values.CopyTo(scratch);
        var line = axis == 0 ? size.Y * size.X : axis == 1 ? size.X : 1; // elements from one voxel to the next along the axis
        var block = line * length;
        for (var start = 0; start < values.Length; start += block)
        {
            if (axis == 2)
            {
                BlurRow(scratch.Slice(start, length), values.Slice(start, length), kernel);
                continue;
            }

            for (var i = 0; i < length; i++)
            {
                var target = values.Slice(start + (i * line), line);
                target.Clear();
                for (var k = 0; k < kernel.Length; k++)
                {
                    Rows.AddScaled(scratch.Slice(start + (Mirror(i + k - radius, length) * line), line), kernel[k], target);
                }
            }
        }
    }

    private static void BlurRow(ReadOnlySpan<float> from, Span<float> to, ReadOnlySpan<float> kernel)
    {
        var radius = kernel.Length / 2;
        var inner = from.Length - (2 * radius);
        if (inner > 0)
        {
            to.Clear();
            for (var k = 0; k < kernel.Length; k++)
            {
                Rows.AddScaled(from.Slice(k, inner), kernel[k], to.Slice(radius, inner));
            }
        }

        for (var x = 0; x < from.Length; x++)
        {
            if (x == radius && inner > 0)
            {
                x += inner;
            }

            var sum = 0f;
            for (var k = 0; k < kernel.Length; k++)
            {
                sum += kernel[k] * from[Mirror(x + k - radius, from.Length)];
            }

            to[x] = sum;
        }
    }

    private static int Mirror(int index, int length) => index < 0 ? -index : index >= length ? (2 * length) - 2 - index : index;
}
