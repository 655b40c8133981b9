using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Simd;

namespace SharpSeg.Kernels.Cpu.Volumes;

/// <summary>
/// Turns samples into cubic B-spline coefficients, in place, axis by axis, so that the spline passes through the samples. Mirror
/// boundary without edge repetition (docs/method/augmentation.md §3.2; Unser 1999, "Splines: a perfect fit for signal and image
/// processing").
/// </summary>
internal static class SplineFilter<TLanes, TVector>
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    private static readonly double Pole = Math.Sqrt(3) - 2;

    // |pole|^k falls below float precision after 16 voxels: further samples do not affect the boundary sum.
    private const int Horizon = 16;

    // A recursion waits for its last value; four of them take hardly longer than one.
    private const int Together = 4;

    /// <summary>Filters lines of <paramref name="size"/>[axis] values; z, y, x, in a buffer with the given strides.</summary>
    /// <param name="values">The buffer.</param>
    /// <param name="offset">Index of voxel (0, 0, 0).</param>
    /// <param name="size">Voxels.</param>
    /// <param name="rowStride">Elements from one row to the next.</param>
    /// <param name="sliceStride">Elements from one slice to the next.</param>
    /// <param name="axis">0 = z, 1 = y, 2 = x.</param>
    public static void Apply(Span<float> values, int offset, Extent size, int rowStride, int sliceStride, int axis)
    {
        if (size[axis] == 1)
        {
            return; // a single sample is its own coefficient
        }

        var boundary = BoundaryWeights(size[axis]);
        if (axis == 2)
        {
            for (var z = 0; z < size.Z; z++)
            {
                var (slice, y) = (offset + (z * sliceStride), 0);
                for (; y <= size.Y - Together; y += Together)
                {
                    Lines(
                        values.Slice(slice + (y * rowStride), ((Together - 1) * rowStride) + size.X), rowStride, size.X,
                        boundary);
                }

                for (; y < size.Y; y++)
                {
                    Lines(values.Slice(slice + (y * rowStride), size.X), 0, size.X, boundary);
                }
            }

            return;
        }

        // All lines through one row are filtered together, so that the inner loop runs over neighbours in memory.
        var outer = axis == 0 ? size.Y : size.Z;
        for (var i = 0; i < outer; i++)
        {
            var start = offset + (i * (axis == 0 ? rowStride : sliceStride));
            Planes(values, start, axis == 0 ? sliceStride : rowStride, size[axis], size.X, boundary);
        }
    }

    // 'width' lines side by side, each 'count' samples that lie 'stride' apart.
    private static void Planes(Span<float> values, int start, int stride, int count, int width, ReadOnlySpan<float> boundary)
    {
        var z = (float)Pole;
        var first = values.Slice(start, width);
        RowOperations<TLanes, TVector>.Combine(first, boundary[0], first, 0);
        for (var k = 1; k < count; k++)
        {
            if (boundary[k] != 0)
            {
                RowOperations<TLanes, TVector>.AddScaled(values.Slice(start + (k * stride), width), boundary[k], first);
            }
        }

        for (var k = 1; k < count; k++)
        {
            RowOperations<TLanes, TVector>.Combine(
                values.Slice(start + (k * stride), width), 6, values.Slice(start + ((k - 1) * stride), width), z);
        }

        var last = values.Slice(start + ((count - 1) * stride), width);
        RowOperations<TLanes, TVector>.Combine(last, 1, values.Slice(start + ((count - 2) * stride), width), z);
        RowOperations<TLanes, TVector>.Combine(last, (float)(Pole / ((Pole * Pole) - 1)), last, 0);
        for (var k = count - 2; k >= 0; k--)
        {
            RowOperations<TLanes, TVector>.Combine(
                values.Slice(start + (k * stride), width), -z, values.Slice(start + ((k + 1) * stride), width), z);
        }
    }

    // Lines of neighbours, each a recursion, so without SIMD: four that lie a stride apart, or with stride 0 one.
    private static void Lines(Span<float> lines, int stride, int count, ReadOnlySpan<float> boundary)
    {
        var z = (float)Pole;
        Span<float> a = lines[..count], b = lines.Slice(stride, count);
        Span<float> c = lines.Slice(2 * stride, count), d = lines.Slice(3 * stride, count);
        float p = 0, q = 0, r = 0, s = 0;
        for (var k = 0; k < a.Length; k++)
        {
            var weight = boundary[k];
            p += weight * a[k];
            q += weight * b[k];
            r += weight * c[k];
            s += weight * d[k];
        }

        if (stride == 0)
        {
            Line(a, p);
            return;
        }

        (a[0], b[0], c[0], d[0]) = (p, q, r, s);
        for (var k = 1; k < a.Length; k++)
        {
            a[k] = p = (6 * a[k]) + (z * p);
            b[k] = q = (6 * b[k]) + (z * q);
            c[k] = r = (6 * c[k]) + (z * r);
            d[k] = s = (6 * d[k]) + (z * s);
        }

        var gain = (float)(Pole / ((Pole * Pole) - 1));
        a[^1] = p = gain * (a[^1] + (z * a[^2]));
        b[^1] = q = gain * (b[^1] + (z * b[^2]));
        c[^1] = r = gain * (c[^1] + (z * c[^2]));
        d[^1] = s = gain * (d[^1] + (z * d[^2]));
        for (var k = a.Length - 2; k >= 0; k--)
        {
            a[k] = p = z * (p - a[k]);
            b[k] = q = z * (q - b[k]);
            c[k] = r = z * (r - c[k]);
            d[k] = s = z * (s - d[k]);
        }
    }

    // The same of one line, whose first coefficient is known.
    private static void Line(Span<float> line, float first)
    {
        var z = (float)Pole;
        line[0] = first;
        for (var k = 1; k < line.Length; k++)
        {
            line[k] = (6 * line[k]) + (z * line[k - 1]);
        }

        line[^1] = (float)(Pole / ((Pole * Pole) - 1)) * (line[^1] + (z * line[^2]));
        for (var k = line.Length - 2; k >= 0; k--)
        {
            line[k] = z * (line[k + 1] - line[k]);
        }
    }

    // c₀ = Σ weight[k]·s_k: the causal filter of the mirrored signal, summed up in closed form, times the gain 6.
    private static float[] BoundaryWeights(int count)
    {
        var weights = new float[count];
        var gain = 6 / (1 - Math.Pow(Pole, (2 * count) - 2));
        for (var k = 0; k < count; k++)
        {
            var far = (2 * count) - 2 - k;
            var once = k == 0 || k == count - 1;
            weights[k] = k > Horizon && far > Horizon
                ? 0
                : (float)(gain * (Math.Pow(Pole, k) + (once ? 0 : Math.Pow(Pole, far))));
        }

        return weights;
    }
}
