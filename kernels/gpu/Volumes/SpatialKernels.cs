using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Volumes;

/// <summary>
/// The modern spatial transform (docs/method/augmentation.md §3.2): image linearly with 0 outside the box, labels by the largest
/// linear indicator with −1 outside, −1 where the position leaves the initial patch.
/// <para>Shapes: image (z, y, x, c) and labels (l, z, y, x) of the box; results (c, z, y, x) and (l, z, y, x) of the
/// patch.</para>
/// <para>Mapping: one thread per voxel of the patch. Positions are fixed-point (<see cref="SpatialSizes"/>). Eight taps come
/// through the cache; labels are voted on only where they differ. Bound by memory.</para>
/// </summary>
internal sealed class SpatialKernels(KernelList list)
{
    private const float Outside = -1f;

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        ArrayView<float>, SpatialSizes>> sample = new(
        list, Sample,
        (ArrayView<float> image, ArrayView<float> labels, ArrayView<float> toImage, ArrayView<float> toLabels) =>
            KernelCost.Of([image, labels], [toImage, toLabels]));

    /// <summary>Image and labels of the patch from those of the box.</summary>
    public void Launch(
        AcceleratorStream stream, in SpatialSizes s, ArrayView<float> image, ArrayView<float> labels, ArrayView<float> toImage,
        ArrayView<float> toLabels) =>
        sample.Launch(stream, ElementIndex.OverSmall((long)s.PatchZ * s.PatchY * s.PatchX), image, labels, toImage, toLabels, s);

    private static void Sample(
        ArrayView<float> image, ArrayView<float> labels, ArrayView<float> toImage, ArrayView<float> toLabels, SpatialSizes s)
    {
        var voxels = (long)s.PatchZ * s.PatchY * s.PatchX;
        var voxel = ElementIndex.Small;
        if (voxel >= voxels)
        {
            return;
        }

        var x = voxel % s.PatchX;
        var row = voxel / s.PatchX;
        var y = row % s.PatchY;
        var z = row / s.PatchY;
        var position = FixedPosition.Of(s, z, y, x);
        var iz = FixedPosition.Floor(position.Z);
        var iy = FixedPosition.Floor(position.Y);
        var ix = FixedPosition.Floor(position.X);
        var fz = s.Planar != 0 ? 0f : FixedPosition.Fraction(position.Z);
        var fy = FixedPosition.Fraction(position.Y);
        var fx = FixedPosition.Fraction(position.X);
        var taps = s.Planar != 0 ? 4 : 8;
        for (var c = 0; c < s.Channels; c++)
        {
            var sum = 0f;
            for (var tap = 0; tap < taps; tap++)
            {
                var index = Index(s, iz, iy, ix, tap);
                if (index >= 0)
                {
                    sum += LinearWeight.Of(fz, fy, fx, tap) * image[(index * s.Channels) + c];
                }
            }

            toImage[(c * voxels) + voxel] = sum;
        }

        var leaves = FixedPosition.Leaves(position, s);
        var boxVoxels = (long)s.BoxZ * s.BoxY * s.BoxX;
        for (var l = 0; l < s.Labels; l++)
        {
            toLabels[(l * voxels) + voxel] = leaves ? Outside : Largest(labels, l * boxVoxels, s, iz, iy, ix, fz, fy, fx, taps);
        }
    }

    /// <summary>The label with the largest sum of weights; a tie goes to the smallest label.</summary>
    private static float Largest(
        ArrayView<float> labels, long first, SpatialSizes s, int iz, int iy, int ix, float fz, float fy, float fx, int taps)
    {
        var winner = Label(labels, first, s, iz, iy, ix, 0);
        var mixed = false;
        for (var tap = 1; tap < taps; tap++)
        {
            mixed |= Label(labels, first, s, iz, iy, ix, tap) != winner;
        }

        if (!mixed)
        {
            return winner;
        }

        var best = -1f;
        for (var tap = 0; tap < taps; tap++)
        {
            // Seen from a label's first tap the sum is complete; from later ones it is smaller and never wins.
            var label = Label(labels, first, s, iz, iy, ix, tap);
            var sum = LinearWeight.Of(fz, fy, fx, tap);
            for (var other = tap + 1; other < taps; other++)
            {
                sum += Label(labels, first, s, iz, iy, ix, other) == label ? LinearWeight.Of(fz, fy, fx, other) : 0f;
            }

            if (sum > best || (sum == best && label < winner))
            {
                best = sum;
                winner = label;
            }
        }

        return winner;
    }

    private static float Label(ArrayView<float> labels, long first, SpatialSizes s, int iz, int iy, int ix, int tap)
    {
        var index = Index(s, iz, iy, ix, tap);
        return index >= 0 ? labels[first + index] : Outside;
    }

    /// <summary>Element of a tap in the box, −1 outside it. Taps are numbered as <see cref="LinearWeight"/> does.</summary>
    private static long Index(SpatialSizes s, int iz, int iy, int ix, int tap)
    {
        var z = iz + ((tap >> 2) & 1);
        var y = iy + ((tap >> 1) & 1);
        var x = ix + (tap & 1);
        return z >= 0 && z < s.BoxZ && y >= 0 && y < s.BoxY && x >= 0 && x < s.BoxX
            ? ((((long)z * s.BoxY) + y) * s.BoxX) + x
            : -1;
    }
}
