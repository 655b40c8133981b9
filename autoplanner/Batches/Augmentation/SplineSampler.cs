using System.Runtime.Intrinsics;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Batches.Augmentation;

/// <summary>
/// The classic spatial transform with elastic deformation: image by cubic B-splines, 0 beyond the initial patch; labels by majority of
/// their linear indicators, 0 beyond (docs/method/augmentation.md §3).
/// </summary>
/// <param name="device">Computes all of it; null: done here.</param>
internal sealed class SplineSampler(ISpatialSampler? device = null)
{
    // Coefficients depend on samples this far away by less than 1e-9 of them: what lies further need not be read.
    private const int Margin = 16;

    private readonly SourceBox box = new();
    private readonly ElasticField elastic = new();
    private readonly GrowingBuffer<float> coefficients = new();
    private readonly GrowingBuffer<float> positions = new();

    /// <summary>Reads what is needed of the initial patch and fills the sample.</summary>
    public void Sample(
        ICaseSource source, Extent start, PatchGeometry geometry, in SpatialTransform transform, short previousPadding, CounterRandom random,
        PatchSample sample)
    {
        Extent initial = geometry.Initial, first = default, last = new(initial.Z - 1, initial.Y - 1, initial.X - 1);
        var deformed = transform.ElasticStrength > 0;
        ElasticDisplacement? displacement = null;
        if (deformed && device is null)
        {
            elastic.Draw(sample.Size, geometry.Planar, transform.ElasticStrength, transform.ElasticSmoothness, random);
        }
        else if (deformed)
        {
            displacement = ElasticField.Describe(
                sample.Size, geometry.Planar, transform.ElasticStrength, transform.ElasticSmoothness, random);
        }
        else
        {
            var reach = transform.Reach(sample.Size, initial);
            for (var axis = geometry.Planar ? 1 : 0; axis < 3; axis++)
            {
                first = first.With(axis, Math.Clamp(reach.First[axis] - Margin, 0, initial[axis] - 1));
                last = last.With(axis, Math.Clamp(reach.Last[axis] + Margin, 0, initial[axis] - 1));
            }
        }

        box.Read(source, start, initial, first, last, sample.Previous is not null);
        var size = new Extent(last.Z - first.Z + 1, last.Y - first.Y + 1, last.X - first.X + 1);
        if (device is not null)
        {
            device.SampleSpline(
                new SplineSampling(transform.Sampling(box, geometry.Planar, sample), first, size, previousPadding, displacement),
                box.Image, box.Labels, sample.Previous is null ? default : box.Previous, sample.Image, sample.Labels, sample.Previous);
            return;
        }

        FindPositions(transform, initial, geometry.Planar, deformed, sample);
        for (var c = 0; c < sample.Channels; c++)
        {
            var grid = Prepare(first, size, c, geometry.Planar);
            SampleImage(grid, sample.Channel(c));
        }

        SampleLabels(box.Labels, -1, geometry.Planar, sample.Labels);
        if (sample.Previous is not null)
        {
            SampleLabels(box.Previous, previousPadding, geometry.Planar, sample.Previous);
        }
    }

    // Three positions (z, y, x) per voxel, in the initial patch. Offsets e are added before the matrix is applied.
    private void FindPositions(in SpatialTransform transform, Extent initial, bool planar, bool deformed, PatchSample sample)
    {
        var size = sample.Size;
        var all = positions.Take(3 * sample.Voxels);
        ReadOnlySpan<float> dz = deformed ? elastic.Along(0) : default, dy = deformed ? elastic.Along(1) : default;
        var dx = deformed ? elastic.Along(2) : default;
        for (int z = 0, v = 0; z < size.Z; z++)
        {
            for (var y = 0; y < size.Y; y++)
            {
                var e = ((planar ? 0 : z * size.Y) + y) * size.X;
                for (var x = 0; x < size.X; x++, v += 3, e++)
                {
                    var q = transform.Matrix.Apply(
                        z - ((size.Z - 1) * 0.5) + (deformed && !planar ? dz[e] : 0),
                        y - ((size.Y - 1) * 0.5) + (deformed ? dy[e] : 0),
                        x - ((size.X - 1) * 0.5) + (deformed ? dx[e] : 0));
                    all[v] = planar ? z : (float)(q.Z + ((initial.Z - 1) * 0.5));
                    all[v + 1] = (float)(q.Y + ((initial.Y - 1) * 0.5));
                    all[v + 2] = (float)(q.X + ((initial.X - 1) * 0.5));
                }
            }
        }
    }

    /// <summary>Spline coefficients of one channel, with one mirrored voxel before and two behind along every interpolated axis.</summary>
    /// <param name="First">Voxel of the initial patch that the first coefficient belongs to.</param>
    /// <param name="Length">Elements in all.</param>
    /// <param name="Offset">Index of that coefficient.</param>
    /// <param name="RowStride">Elements from row to row.</param>
    /// <param name="SliceStride">Elements from slice to slice.</param>
    /// <param name="Planar">Interpolate within slices.</param>
    private readonly record struct Grid(Extent First, int Length, int Offset, int RowStride, int SliceStride, bool Planar);

    private Grid Prepare(Extent first, Extent size, int channel, bool planar)
    {
        var rowStride = size.X + 3;
        var sliceStride = rowStride * (size.Y + 3);
        var offset = (planar ? 0 : sliceStride) + rowStride + 1;
        var values = coefficients.Take(checked(sliceStride * (size.Z + (planar ? 0 : 3))));
        values.Clear();
        var image = box.Image;
        for (var z = 0; z < box.Size.Z; z++)
        {
            for (var y = 0; y < box.Size.Y; y++)
            {
                var from = ((z * box.Size.Y) + y) * box.Size.X * box.Channels;
                var to = offset + ((box.Origin.Z + z - first.Z) * sliceStride) + ((box.Origin.Y + y - first.Y) * rowStride)
                    + box.Origin.X - first.X;
                for (var x = 0; x < box.Size.X; x++)
                {
                    values[to + x] = image[from + (x * box.Channels) + channel];
                }
            }
        }

        for (var axis = planar ? 1 : 0; axis < 3; axis++)
        {
            SplineFilter.Apply(values, offset, size, rowStride, sliceStride, axis);
        }

        MirrorBorders(values, offset, size, rowStride, sliceStride, planar);
        return new Grid(first, values.Length, offset, rowStride, sliceStride, planar);
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
                values.Slice(slice - 1 + (Mirrored(y, size.Y) * rowStride), rowStride).CopyTo(values[(slice - 1 + (y * rowStride))..]);
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

    private void SampleImage(in Grid grid, Span<float> to)
    {
        ReadOnlySpan<float> values = coefficients.Take(grid.Length), all = positions.Take(3 * to.Length);
        var initial = box.Initial;
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
            var corner = grid.Offset + ((iz - grid.First.Z) * grid.SliceStride) + ((iy - 1 - grid.First.Y) * grid.RowStride)
                + ix - 1 - grid.First.X;
            if (grid.Planar)
            {
                to[v] = Vector128.Dot(Slice(values[corner..], grid.RowStride, wy), wx);
                continue;
            }

            corner -= grid.SliceStride;
            var sum = Slice(values[corner..], grid.RowStride, wy) * wz[0];
            sum += Slice(values[(corner + grid.SliceStride)..], grid.RowStride, wy) * wz[1];
            sum += Slice(values[(corner + (2 * grid.SliceStride))..], grid.RowStride, wy) * wz[2];
            sum += Slice(values[(corner + (3 * grid.SliceStride))..], grid.RowStride, wy) * wz[3];
            to[v] = Vector128.Dot(sum, wx);
        }
    }

    // Four rows of four neighbours, summed over the rows.
    private static Vector128<float> Slice(ReadOnlySpan<float> values, int rowStride, Vector128<float> wy) =>
        (Vector128.Create(values) * wy[0]) + (Vector128.Create(values[rowStride..]) * wy[1])
        + (Vector128.Create(values[(2 * rowStride)..]) * wy[2]) + (Vector128.Create(values[(3 * rowStride)..]) * wy[3]);

    // Cubic B-spline at voxels −1, 0, 1, 2 for a fraction t.
    private static Vector128<float> Weights(float t)
    {
        float s = 1 - t, t2 = t * t, t3 = t2 * t;
        return Vector128.Create(s * s * s, 4 - (6 * t2) + (3 * t3), 1 + (3 * t) + (3 * t2) - (3 * t3), t3) * (1 / 6f);
    }

    private static bool Leaves(float position, int size) => position < 0 || position > size - 1;

    private void SampleLabels(ReadOnlySpan<short> from, short padding, bool planar, Span<short> to)
    {
        ReadOnlySpan<float> all = positions.Take(3 * to.Length);
        Extent initial = box.Initial, origin = box.Origin, size = box.Size;
        Span<short> near = stackalloc short[8];
        Span<float> weights = stackalloc float[8];
        var count = planar ? 4 : 8;
        for (var v = 0; v < to.Length; v++)
        {
            float z = all[3 * v], y = all[(3 * v) + 1], x = all[(3 * v) + 2];
            if (Leaves(z, initial.Z) || Leaves(y, initial.Y) || Leaves(x, initial.X))
            {
                to[v] = 0;
                continue;
            }

            int iz = (int)z, iy = (int)y, ix = (int)x;
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
                weights[i] = (planar ? 1 : (i & 4) == 0 ? 1 - fz : fz) * ((i & 2) == 0 ? 1 - fy : fy) * ((i & 1) == 0 ? 1 - fx : fx);
            }

            to[v] = LabelVote.Majority(near[..count], weights[..count]);
        }
    }
}
