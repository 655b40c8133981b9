using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Conformance;

public sealed partial class ReferenceBackend
{
    /// <inheritdoc/>
    protected override void SampleAffineCore(in AffineSampling p, in BoxVoxels source, in PatchVoxels patch)
    {
        var (v, voxels) = (0, (int)p.Patch.Voxels);
        foreach (var i in Positions(p.Patch))
        {
            var q = p.Position(i.Z, i.Y, i.X);
            var taps = Taps(p, q);
            for (var c = 0; c < p.Channels; c++)
            {
                var sum = 0.0;
                foreach (var (voxel, weight) in taps)
                {
                    sum += voxel < 0 ? 0 : weight * source.Image[(voxel * p.Channels) + c];
                }

                patch.Image[(c * voxels) + v] = (float)sum;
            }

            patch.Labels[v] = Leaves(p, q) ? (short)-1 : Largest(Shares(taps, source.Labels, -1));
            if (!patch.Previous.IsEmpty)
            {
                patch.Previous[v] = Leaves(p, q) ? (short)-1 : Largest(Shares(taps, source.Previous, -1));
            }

            v++;
        }
    }

    /// <inheritdoc/>
    protected override void SampleSplineCore(in SplineSampling p, in BoxVoxels source, in PatchVoxels patch)
    {
        var affine = p.Affine;
        var displacements = p.Elastic is null ? null : Displacements(p.Elastic, affine.Patch, affine.Planar);
        var (v, voxels) = (0, (int)affine.Patch.Voxels);
        var coefficients = new double[affine.Channels][];
        for (var c = 0; c < affine.Channels; c++)
        {
            coefficients[c] = Filtered(p, source.Image, c);
        }

        foreach (var i in Positions(affine.Patch))
        {
            var e = displacements is null ? default : displacements[affine.Planar ? v % (affine.Patch.Y * affine.Patch.X) : v];
            var q = affine.Position(i.Z, i.Y, i.X, e);
            var outside = Leaves(affine, q);
            for (var c = 0; c < affine.Channels; c++)
            {
                patch.Image[(c * voxels) + v] = outside ? 0 : (float)Spline(p, coefficients[c], q);
            }

            var taps = Taps(affine, q);
            patch.Labels[v] = outside ? (short)0 : Majority(Shares(taps, source.Labels, -1));
            if (!patch.Previous.IsEmpty)
            {
                patch.Previous[v] = outside ? (short)0 : Majority(Shares(taps, source.Previous, p.PreviousPadding));
            }

            v++;
        }
    }

    /// <summary>The neighbours of a position: voxels of the box, −1 where it has none, and their linear weights.</summary>
    private static List<(int Voxel, double Weight)> Taps(in AffineSampling p, VoxelPosition q)
    {
        var taps = new List<(int, double)>();
        for (var tap = 0; tap < (p.Planar ? 4 : 8); tap++)
        {
            double z = Math.Floor(q.Z) + (tap >> 2), y = Math.Floor(q.Y) + (tap >> 1 & 1), x = Math.Floor(q.X) + (tap & 1);
            var weight = (1 - Math.Abs(q.Z - z)) * (1 - Math.Abs(q.Y - y)) * (1 - Math.Abs(q.X - x));
            double bz = z - p.Origin.Z, by = y - p.Origin.Y, bx = x - p.Origin.X;
            var inside = bz >= 0 && bz < p.Box.Z && by >= 0 && by < p.Box.Y && bx >= 0 && bx < p.Box.X;
            taps.Add((inside ? (int)((((bz * p.Box.Y) + by) * p.Box.X) + bx) : -1, weight));
        }

        return taps;
    }

    private static SortedDictionary<short, double> Shares(
        List<(int Voxel, double Weight)> taps, ReadOnlySpan<short> labels, short padding)
    {
        var shares = new SortedDictionary<short, double>();
        foreach (var (voxel, weight) in taps)
        {
            var label = voxel < 0 ? padding : labels[voxel];
            shares[label] = shares.GetValueOrDefault(label) + weight;
        }

        return shares;
    }

    private static short Largest(SortedDictionary<short, double> shares) =>
        shares.First(share => share.Value == shares.Values.Max()).Key;

    private static short Majority(SortedDictionary<short, double> shares) =>
        shares.LastOrDefault(share => share.Value >= 0.5).Key;

    private static bool Leaves(in AffineSampling p, VoxelPosition q) =>
        q.Z < 0 || q.Z > p.Initial.Z - 1 || q.Y < 0 || q.Y > p.Initial.Y - 1 || q.X < 0 || q.X > p.Initial.X - 1;

    /// <summary>Spline coefficients of one channel of the filtered box, mirrored at its borders.</summary>
    private static double[] Filtered(in SplineSampling p, ReadOnlySpan<float> image, int channel)
    {
        var (size, box) = (p.Filtered, p.Affine.Box);
        var values = new double[size.Voxels];
        foreach (var i in Positions(box))
        {
            var at = new Extent(
                p.Affine.Origin.Z + i.Z - p.First.Z, p.Affine.Origin.Y + i.Y - p.First.Y, p.Affine.Origin.X + i.X - p.First.X);
            values[Index(0, at, size)] = image[(Index(0, i, box) * p.Affine.Channels) + channel];
        }

        for (var axis = p.Affine.Planar ? 1 : 0; axis < 3; axis++)
        {
            foreach (var i in Positions(size.With(axis, 1)))
            {
                var line = new double[size[axis]];
                for (var k = 0; k < line.Length; k++)
                {
                    line[k] = values[Index(0, i.With(axis, k), size)];
                }

                line = SplineCoefficients(line, mirrored: true);
                for (var k = 0; k < line.Length; k++)
                {
                    values[Index(0, i.With(axis, k), size)] = line[k];
                }
            }
        }

        return values;
    }

    private static double Spline(in SplineSampling p, double[] coefficients, VoxelPosition q)
    {
        var (sum, size, planar) = (0.0, p.Filtered, p.Affine.Planar);
        double z = q.Z - p.First.Z, y = q.Y - p.First.Y, x = q.X - p.First.X;
        for (var tap = 0; tap < (planar ? 16 : 64); tap++)
        {
            int iz = (int)Math.Floor(z) + (planar ? 0 : (tap >> 4) - 1), iy = (int)Math.Floor(y) + (tap >> 2 & 3) - 1;
            var ix = (int)Math.Floor(x) + (tap & 3) - 1;
            var weight = (planar ? 1 : BSpline(z - iz)) * BSpline(y - iy) * BSpline(x - ix);
            sum += weight * coefficients[Index(0, new(Mirrored(iz, size.Z), Mirrored(iy, size.Y), Mirrored(ix, size.X)), size)];
        }

        return sum;
    }

    private static int Mirrored(int index, int count)
    {
        var period = Math.Max(1, (2 * count) - 2);
        index = ((index % period) + period) % period;
        return index < count ? index : period - index;
    }

    /// <summary>The displacement of every voxel; for a planar patch, of one slice.</summary>
    private static VoxelPosition[] Displacements(ElasticDisplacement elastic, Extent patch, bool planar)
    {
        var (size, first) = (planar ? patch.With(0, 1) : patch, planar ? 1 : 0);
        var voxels = (int)size.Voxels;
        var fields = new double[3][];
        for (var axis = 0; axis < 3; axis++)
        {
            var field = new double[voxels];
            for (var i = 0; axis >= first && i < voxels; i++)
            {
                field[i] = Uniform(elastic.Noise, ((axis - first) * voxels) + i);
            }

            for (var along = first; along < 3; along++)
            {
                field = Smoothed(field, size, along, elastic.Kernel);
            }

            fields[axis] = Array.ConvertAll(field, value => value * elastic.Strength);
        }

        return [.. Enumerable.Range(0, voxels).Select(i => new VoxelPosition(fields[0][i], fields[1][i], fields[2][i]))];
    }

    private static double Uniform(UniformDraws draws, int i)
    {
        var x = unchecked(draws.Key + ((draws.First + (ulong)i) * 0x9E3779B97F4A7C15));
        x = unchecked((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9);
        x = unchecked((x ^ (x >> 27)) * 0x94D049BB133111EB);
        x ^= x >> 31;
        return (2 * ((x >> 40) / (double)(1 << 24))) - 1;
    }

    private static double[] Smoothed(double[] field, Extent size, int axis, float[] kernel)
    {
        var (result, radius) = (new double[field.Length], kernel.Length / 2);
        foreach (var i in Positions(size))
        {
            for (var k = Math.Max(0, i[axis] - radius); k <= Math.Min(size[axis] - 1, i[axis] + radius); k++)
            {
                result[Index(0, i, size)] += kernel[radius + k - i[axis]] * field[Index(0, i.With(axis, k), size)];
            }
        }

        return result;
    }
}
