using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Volumes;

/// <summary>
/// The classic spatial transform (docs/method/augmentation.md §3.2): image by cubic B-splines, labels by the largest whose linear
/// indicator reaches one half, both 0 where the position leaves the initial patch.
/// <para>Shapes: image (z, y, x, c), filtered in place, and labels (l, z, y, x) of the box; displacements (axis, z, y, x) without
/// their strength; results (c, z, y, x) and (l, z, y, x) of the patch.</para>
/// <para>Coefficients: pole p = √3 − 2; c₀ = 6·Σ_k p^k·s_k over the samples mirrored without end, c_k = 6·s_k + p·c_{k−1}; then
/// c_{n−1} ← p/(p² − 1)·(c_{n−1} + p·c_{n−2}), c_k ← p·(c_{k+1} − c_k) (Unser 1999, "Splines: a perfect fit for signal and image
/// processing").</para>
/// <para>Mapping: filter: one thread per line, a recursion along it; sample: one thread per voxel of the patch, 64 taps (16 in
/// planar transforms) through the cache. Bound by memory. Offsets in the box are 32-bit.</para>
/// </summary>
internal sealed class SplineKernels(KernelList list)
{
    private const float Pole = -0.26794919243112270647f;  // √3 − 2
    private const float Gain = 6f;                        // (1 − p)·(1 − 1/p)
    private const int Horizon = 20;                       // samples; |pole|²⁰ = 4·10⁻¹²

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, AxisSizes>> filter = new(
        list, Filter, (ArrayView<float> values) => KernelCost.OfWords(2 * values.Length, 2 * values.Length));

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        ArrayView<float>, ArrayView<float>, SpatialSizes, float>> sample = new(
        list, Sample,
        (ArrayView<float> coefficients, ArrayView<float> labels, ArrayView<float> toImage, ArrayView<float> toLabels) =>
            KernelCost.Of([coefficients, labels], [toImage, toLabels]));

    /// <summary>Samples become spline coefficients, along y and x, and z unless the transform is planar.</summary>
    public void LaunchFilter(AcceleratorStream stream, Extent box, int channels, bool planar, ArrayView<float> image)
    {
        for (var axis = planar ? 1 : 0; axis < 3; axis++)
        {
            if (box[axis] > 1) // a single sample is its own coefficient
            {
                var sizes = new AxisSizes(box, axis, box[axis], channels);
                filter.Launch(stream, ElementIndex.OverSmall((long)sizes.Outer * sizes.Inner), image, sizes);
            }
        }
    }

    /// <summary>Image and labels of the patch from coefficients and labels of the box.</summary>
    /// <param name="stream">In order.</param>
    /// <param name="s">Sizes and the map; every position inside the initial patch lies in the box.</param>
    /// <param name="coefficients">Of the box.</param>
    /// <param name="labels">Of the box.</param>
    /// <param name="fields">Displacements; any view if there are none.</param>
    /// <param name="strength">Their factor in voxels; 0 if there are none.</param>
    /// <param name="toImage">Image of the patch.</param>
    /// <param name="toLabels">Labels of the patch.</param>
    public void LaunchSample(
        AcceleratorStream stream, in SpatialSizes s, ArrayView<float> coefficients, ArrayView<float> labels,
        ArrayView<float> fields,
        float strength, ArrayView<float> toImage, ArrayView<float> toLabels) => sample.Launch(
        stream, ElementIndex.OverSmall((long)s.PatchZ * s.PatchY * s.PatchX), coefficients, labels, fields, toImage, toLabels,
        s, strength);

    private static void Filter(ArrayView<float> values, AxisSizes s)
    {
        var line = ElementIndex.Small;
        if (line >= s.Outer * s.Inner)
        {
            return;
        }

        var first = ((long)(line / s.Inner) * s.From * s.Inner) + (line % s.Inner);
        var step = (long)s.Inner;
        var value = 0f;
        var factor = Gain;
        var at = 0;
        var direction = 1;
        for (var k = 0; k < Horizon; k++)
        {
            value += factor * values[first + (at * step)];
            factor *= Pole;
            at += direction;
            direction = at == 0 ? 1 : at == s.From - 1 ? -1 : direction;
        }

        values[first] = value;
        var before = value;
        for (var k = 1; k < s.From; k++)
        {
            before = value;
            value = (Gain * values[first + (k * step)]) + (Pole * before);
            values[first + (k * step)] = value;
        }

        const float last = Pole / ((Pole * Pole) - 1f);
        value = last * (value + (Pole * before));
        values[first + ((s.From - 1) * step)] = value;
        for (var k = s.From - 2; k >= 0; k--)
        {
            value = Pole * (value - values[first + (k * step)]);
            values[first + (k * step)] = value;
        }
    }

    private static void Sample(
        ArrayView<float> coefficients, ArrayView<float> labels, ArrayView<float> fields, ArrayView<float> toImage,
        ArrayView<float> toLabels,
        SpatialSizes s, float strength)
    {
        var slice = s.PatchY * s.PatchX;
        var voxels = (long)s.PatchZ * slice;
        var voxel = ElementIndex.Small;
        if (voxel >= voxels)
        {
            return;
        }

        var z = voxel / slice;
        var inSlice = voxel % slice;
        var position = FixedPosition.Of(s, z, inSlice / s.PatchX, inSlice % s.PatchX);
        if (strength > 0f)
        {
            var planar = s.Planar != 0;
            var element = planar ? inSlice : voxel;
            var field = planar ? slice : voxels;
            var y = planar ? element : field + element;
            var ez = planar ? 0f : strength * fields[element];
            position = FixedPosition.Displaced(position, s, ez, strength * fields[y], strength * fields[y + field]);
        }

        if (FixedPosition.Leaves(position, s))
        {
            for (var c = 0; c < s.Channels; c++)
            {
                toImage[(c * voxels) + voxel] = 0f;
            }

            for (var l = 0; l < s.Labels; l++)
            {
                toLabels[(l * voxels) + voxel] = 0f;
            }

            return;
        }

        var iz = FixedPosition.Floor(position.Z);
        var iy = FixedPosition.Floor(position.Y);
        var ix = FixedPosition.Floor(position.X);
        var fz = s.Planar != 0 ? 0f : FixedPosition.Fraction(position.Z);
        var fy = FixedPosition.Fraction(position.Y);
        var fx = FixedPosition.Fraction(position.X);
        var row = s.BoxX * s.Channels;
        var alongX = SplineTaps.Of(ix, fx, s.BoxX, s.Channels);
        var alongY = SplineTaps.Of(iy, fy, s.BoxY, row);
        var alongZ = SplineTaps.Of(iz, fz, s.BoxZ, s.BoxY * row);
        for (var c = 0; c < s.Channels; c++)
        {
            var value = 0f;
            if (s.Planar != 0)
            {
                value = Slice(coefficients, c + alongZ.At1, alongY, alongX);
            }
            else
            {
                value += alongZ.Weight0 * Slice(coefficients, c + alongZ.At0, alongY, alongX);
                value += alongZ.Weight1 * Slice(coefficients, c + alongZ.At1, alongY, alongX);
                value += alongZ.Weight2 * Slice(coefficients, c + alongZ.At2, alongY, alongX);
                value += alongZ.Weight3 * Slice(coefficients, c + alongZ.At3, alongY, alongX);
            }

            toImage[(c * voxels) + voxel] = value;
        }

        var boxVoxels = (long)s.BoxZ * s.BoxY * s.BoxX;
        for (var l = 0; l < s.Labels; l++)
        {
            toLabels[(l * voxels) + voxel] = Majority(labels, l * boxVoxels, s, iz, iy, ix, fz, fy, fx);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Slice(ArrayView<float> coefficients, int first, SplineTaps y, SplineTaps x) =>
        (y.Weight0 * Row(coefficients, first + y.At0, x)) + (y.Weight1 * Row(coefficients, first + y.At1, x))
        + (y.Weight2 * Row(coefficients, first + y.At2, x)) + (y.Weight3 * Row(coefficients, first + y.At3, x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Row(ArrayView<float> coefficients, int first, SplineTaps x) =>
        (x.Weight0 * coefficients[first + x.At0]) + (x.Weight1 * coefficients[first + x.At1])
        + (x.Weight2 * coefficients[first + x.At2]) + (x.Weight3 * coefficients[first + x.At3]);

    /// <summary>The largest label whose weights sum to one half or more; 0 if none does.</summary>
    private static float Majority(
        ArrayView<float> labels, long first, SpatialSizes s, int iz, int iy, int ix, float fz, float fy, float fx)
    {
        var taps = s.Planar != 0 ? 4 : 8;
        var winner = labels[first + Index(s, iz, iy, ix, 0)];
        var mixed = false;
        for (var tap = 1; tap < taps; tap++)
        {
            mixed |= labels[first + Index(s, iz, iy, ix, tap)] != winner;
        }

        if (!mixed)
        {
            return winner;
        }

        winner = 0f;
        var found = false;
        for (var tap = 0; tap < taps; tap++)
        {
            // Seen from a label's first tap the sum is complete; from later ones it is smaller and decides nothing new.
            var label = labels[first + Index(s, iz, iy, ix, tap)];
            var sum = LinearWeight.Of(fz, fy, fx, tap);
            for (var other = tap + 1; other < taps; other++)
            {
                sum += labels[first + Index(s, iz, iy, ix, other)] == label ? LinearWeight.Of(fz, fy, fx, other) : 0f;
            }

            if (sum >= 0.5f && (!found || label > winner))
            {
                winner = label;
                found = true;
            }
        }

        return winner;
    }

    // A tap beyond the last voxel, which only a position on that voxel has, weighs nothing: it may read that voxel.
    private static int Index(SpatialSizes s, int iz, int iy, int ix, int tap)
    {
        var z = iz + ((tap >> 2) & 1);
        var y = iy + ((tap >> 1) & 1);
        var x = ix + (tap & 1);
        z = z < s.BoxZ ? z : s.BoxZ - 1;
        y = y < s.BoxY ? y : s.BoxY - 1;
        x = x < s.BoxX ? x : s.BoxX - 1;
        return (((z * s.BoxY) + y) * s.BoxX) + x;
    }
}
