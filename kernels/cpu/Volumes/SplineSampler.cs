using System.Runtime.Intrinsics;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Simd;

namespace SharpSeg.Kernels.Cpu.Volumes;

/// <summary>
/// The classic spatial transform with elastic deformation: image by cubic B-splines, 0 beyond the initial patch; labels by
/// majority of their linear indicators, 0 beyond (docs/method/augmentation.md §3). Owns scratch memory that grows with the first
/// samples; one sample at a time.
/// </summary>
internal sealed unsafe class SplineSampler<TLanes, TVector>
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    private readonly ElasticField<TLanes, TVector> elastic = new();
    private readonly GrowingBuffer<float> coefficients = new();
    private readonly GrowingBuffer<float> positions = new();

    /// <summary>Fills the patch.</summary>
    public void Sample(in SplineSampling p, in BoxVoxels from, in PatchVoxels to)
    {
        FindPositions(p);
        var voxels = (int)p.Affine.Patch.Voxels;
        for (var c = 0; c < p.Affine.Channels; c++)
        {
            var grid = Prepare(p, from.Image, c);
            SampleImage(p.Affine, grid, to.Image.Slice(c * voxels, voxels));
        }

        SampleLabels(p.Affine, from.Labels, -1, to.Labels);
        if (!to.Previous.IsEmpty)
        {
            SampleLabels(p.Affine, from.Previous, p.PreviousPadding, to.Previous);
        }
    }

    // Three positions (z, y, x) per voxel, in the initial patch.
    private void FindPositions(in SplineSampling p)
    {
        var (size, planar) = (p.Affine.Patch, p.Affine.Planar);
        if (p.Elastic is { } displacement)
        {
            elastic.Draw(displacement, size, planar);
        }

        var deformed = p.Elastic is not null;
        var all = positions.Take(3 * (int)size.Voxels);
        ReadOnlySpan<float> dz = deformed ? elastic.Along(0) : default, dy = deformed ? elastic.Along(1) : default;
        var dx = deformed ? elastic.Along(2) : default;
        for (int z = 0, v = 0; z < size.Z; z++)
        {
            for (var y = 0; y < size.Y; y++)
            {
                var e = ((planar ? 0 : z * size.Y) + y) * size.X;
                for (var x = 0; x < size.X; x++, v += 3, e++)
                {
                    var displaced = deformed ? new VoxelPosition(planar ? 0 : dz[e], dy[e], dx[e]) : default;
                    var q = p.Affine.Position(z, y, x, displaced);
                    all[v] = (float)q.Z;
                    all[v + 1] = (float)q.Y;
                    all[v + 2] = (float)q.X;
                }
            }
        }
    }

    /// <summary>
    /// Spline coefficients of one channel, with one mirrored voxel before and two behind along every interpolated axis.
    /// </summary>
    /// <param name="First">Voxel of the initial patch that the first coefficient belongs to.</param>
    /// <param name="Length">Elements in all.</param>
    /// <param name="Offset">Index of that coefficient.</param>
    /// <param name="RowStride">Elements from row to row.</param>
    /// <param name="SliceStride">Elements from slice to slice.</param>
    private readonly record struct Grid(Extent First, int Length, int Offset, int RowStride, int SliceStride);

    private Grid Prepare(in SplineSampling p, ReadOnlySpan<float> image, int channel)
    {
        var (first, size, planar, channels) = (p.First, p.Filtered, p.Affine.Planar, p.Affine.Channels);
        Extent box = p.Affine.Box, origin = p.Affine.Origin;
        var rowStride = size.X + 3;
        var sliceStride = rowStride * (size.Y + 3);
        var offset = (planar ? 0 : sliceStride) + rowStride + 1;
        var values = coefficients.Take(checked(sliceStride * (size.Z + (planar ? 0 : 3))));
        values.Clear();
        for (var z = 0; z < box.Z; z++)
        {
            for (var y = 0; y < box.Y; y++)
            {
                var from = ((z * box.Y) + y) * box.X * channels;
                var to = offset + ((origin.Z + z - first.Z) * sliceStride)
                    + ((origin.Y + y - first.Y) * rowStride) + origin.X - first.X;
                for (var x = 0; x < box.X; x++)
                {
                    values[to + x] = image[from + (x * channels) + channel];
                }
            }
        }

        for (var axis = planar ? 1 : 0; axis < 3; axis++)
        {
            SplineFilter<TLanes, TVector>.Apply(values, offset, size, rowStride, sliceStride, axis);
        }

        MirrorBorders(values, offset, size, rowStride, sliceStride, planar);
        return new Grid(first, values.Length, offset, rowStride, sliceStride);
    }

    // x first, then whole rows, then whole slices, so that corners are filled too.
    private static void MirrorBorders(Span<float> values, int offset, Extent size, int rowStride, int sliceStride, bool planar)
    {
        for (var z = 0; z < size.Z; z++)
        {
            var slice = offset + (z * sliceStride);
            for (var y = 0; y < size.Y; y++)
            {
                var row = slice + (y * rowStride);
                values[row - 1] = values[row + Mirrored(-1, size.X)];
                values[row + size.X] = values[row + Mirrored(size.X, size.X)];
                values[row + size.X + 1] = values[row + Mirrored(size.X + 1, size.X)];
            }

            foreach (var y in (ReadOnlySpan<int>)[-1, size.Y, size.Y + 1])
            {
                values.Slice(slice - 1 + (Mirrored(y, size.Y) * rowStride), rowStride)
                    .CopyTo(values[(slice - 1 + (y * rowStride))..]);
            }
        }

        foreach (var z in planar ? ReadOnlySpan<int>.Empty : [-1, size.Z, size.Z + 1])
        {
            var first = offset - rowStride - 1;
            values.Slice(first + (Mirrored(z, size.Z) * sliceStride), sliceStride).CopyTo(values[(first + (z * sliceStride))..]);
        }
    }

    private static int Mirrored(int index, int count)
    {
        if (count == 1)
        {
            return 0;
        }

        var period = (2 * count) - 2;
        index = ((index % period) + period) % period;
        return index < count ? index : period - index;
    }

    private void SampleImage(in AffineSampling p, in Grid grid, Span<float> to)
    {
        var (initial, planar) = (p.Initial, p.Planar);
        fixed (float* values = coefficients.Take(grid.Length), all = positions.Take(3 * to.Length))
        {
            for (var v = 0; v < to.Length; v++)
            {
                float z = all[3 * v], y = all[(3 * v) + 1], x = all[(3 * v) + 2];
                if (Leaves(z, initial.Z) || Leaves(y, initial.Y) || Leaves(x, initial.X))
                {
                    to[v] = 0;
                    continue;
                }

                int iz = (int)z, iy = (int)y, ix = (int)x;
                Vector128<float> wz = Weights(z - iz), wy = Weights(y - iy), wx = Weights(x - ix);
                var corner = values + grid.Offset + ((iz - grid.First.Z) * grid.SliceStride)
                    + ((iy - 1 - grid.First.Y) * grid.RowStride) + ix - 1 - grid.First.X;
                if (planar)
                {
                    to[v] = Vector128.Dot(Slice(corner, grid.RowStride, wy), wx);
                    continue;
                }

                corner -= grid.SliceStride;
                var sum = Slice(corner, grid.RowStride, wy) * wz[0];
                sum += Slice(corner + grid.SliceStride, grid.RowStride, wy) * wz[1];
                sum += Slice(corner + (2 * grid.SliceStride), grid.RowStride, wy) * wz[2];
                sum += Slice(corner + (3 * grid.SliceStride), grid.RowStride, wy) * wz[3];
                to[v] = Vector128.Dot(sum, wx);
            }
        }
    }

    // Four rows of four neighbours, summed over the rows.
    private static Vector128<float> Slice(float* values, int rowStride, Vector128<float> wy) =>
        (Vector128.Load(values) * wy[0]) + (Vector128.Load(values + rowStride) * wy[1])
        + (Vector128.Load(values + (2 * rowStride)) * wy[2]) + (Vector128.Load(values + (3 * rowStride)) * wy[3]);

    // Cubic B-spline at voxels −1, 0, 1, 2 for a fraction t.
    private static Vector128<float> Weights(float t)
    {
        float s = 1 - t, t2 = t * t, t3 = t2 * t;
        return Vector128.Create(s * s * s, 4 - (6 * t2) + (3 * t3), 1 + (3 * t) + (3 * t2) - (3 * t3), t3) * (1 / 6f);
    }

    private static bool Leaves(float position, int size) => position < 0 || position > size - 1;

    private void SampleLabels(in AffineSampling p, ReadOnlySpan<short> from, short padding, Span<short> to)
    {
        ReadOnlySpan<float> all = positions.Take(3 * to.Length);
        Extent initial = p.Initial, origin = p.Origin, size = p.Box;
        var planar = p.Planar;
        Span<short> near = stackalloc short[8];
        Span<float> weights = stackalloc float[8];
        var count = planar ? 4 : 8;
        var (rowStride, sliceStride) = (size.X, planar ? 0 : size.Y * size.X);
        fixed (short* labels = from)
        {
            for (var v = 0; v < to.Length; v++)
            {
                float z = all[3 * v], y = all[(3 * v) + 1], x = all[(3 * v) + 2];
                if (Leaves(z, initial.Z) || Leaves(y, initial.Y) || Leaves(x, initial.X))
                {
                    to[v] = 0;
                    continue;
                }

                int iz = (int)z, iy = (int)y, ix = (int)x;
                int bz = iz - origin.Z, by = iy - origin.Y, bx = ix - origin.X;
                var interior = bz >= 0 && by >= 0 && bx >= 0 // the box may be empty
                    && bz < (planar ? size.Z : size.Z - 1) && by < size.Y - 1 && bx < size.X - 1;
                var index = (((bz * size.Y) + by) * size.X) + bx;
                if (interior && LabelVote.IsUniform(labels + index, rowStride, sliceStride))
                {
                    to[v] = labels[index];
                    continue;
                }

                float fz = z - iz, fy = y - iy, fx = x - ix;
                var mixed = 0;
                for (var i = 0; i < count; i++)
                {
                    int tz = iz + (i >> 2) - origin.Z, ty = iy + ((i >> 1) & 1) - origin.Y, tx = ix + (i & 1) - origin.X;
                    var inside = (uint)tz < (uint)size.Z && (uint)ty < (uint)size.Y && (uint)tx < (uint)size.X;
                    near[i] = inside ? from[(((tz * size.Y) + ty) * size.X) + tx] : padding;
                    mixed |= near[i] ^ near[0];
                }

                if (mixed == 0)
                {
                    to[v] = near[0];
                    continue;
                }

                for (var i = 0; i < count; i++)
                {
                    weights[i] = (planar ? 1 : (i & 4) == 0 ? 1 - fz : fz) * ((i & 2) == 0 ? 1 - fy : fy) * (
                        (i & 1) == 0 ? 1 - fx : fx);
                }

                to[v] = LabelVote.Majority(near[..count], weights[..count]);
            }
        }
    }
}
