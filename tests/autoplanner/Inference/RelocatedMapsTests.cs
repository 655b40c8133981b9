using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Inference;

/// <summary>Probabilities on another grid of the same patient (docs/method/inference.md §9).</summary>
public sealed class RelocatedMapsTests
{
    private static readonly Extent Size = new(5, 6, 7);

    // 3×2×1.5 mm (z, y, x), turned by 20° in the plane, with an origin of its own.
    private static readonly double[] Oblique = Affine(1.5, 2, 3, 20, 11, -7, 40);

    /// <summary>A linear field in mm is met exactly, wherever the new grid's voxels lie between those of the old.</summary>
    [Fact]
    public void A_linear_field_is_the_same_on_an_oblique_finer_grid()
    {
        var maps = new GivenMaps(Size, [Field(Size, Oblique), new float[Size.Voxels]]);
        var finer = new Extent(4, 5, 6);
        var inside = At(Oblique, 1, 1, 1);
        var to = Affine(0.7, 0.9, 1.1, -35, inside[0], inside[1], inside[2]);
        var relocated = new RelocatedMaps(maps, Geometry(Size, Oblique), Geometry(finer, to), hasRegions: false);
        Assert.Equal((finer, 2), (relocated.Extent, relocated.Heads));

        var (expected, found) = (Field(finer, to), new float[finer.Voxels]);
        relocated.Read(0, 0, found);
        var compared = 0;
        for (var i = 0; i < found.Length; i++)
        {
            // Beyond the outermost centres the border is repeated, which no linear field is.
            if (IsBetweenCentres(i, finer, to))
            {
                Assert.Equal(expected[i], found[i], 1e-5);
                compared++;
            }
        }

        Assert.True(compared > 40, $"{compared} voxels");
    }

    /// <summary>Mirrored axes, and a box of the old grid: the very values, rounding of float32 headers notwithstanding.</summary>
    [Fact]
    public void A_mirrored_box_has_the_very_values() => Seeded.Run(random =>
    {
        float[] values = [.. Enumerable.Range(0, (int)Size.Voxels).Select(_ => (float)random.NextDouble())];
        var box = new Extent(3, 4, 5);
        var to = (double[])Oblique.Clone();
        var corner = At(Oblique, 1 + box.X - 1, 1, 1);          // x runs back from there
        for (var row = 0; row < 3; row++)
        {
            to[4 * row] = -to[4 * row];
            to[(4 * row) + 3] = corner[row];
        }

        to = Array.ConvertAll(to, value => (double)(float)value);
        var found = new float[box.Voxels];
        new RelocatedMaps(
            new GivenMaps(Size, [values, values]), Geometry(Size, Oblique), Geometry(box, to), hasRegions: false)
            .Read(1, 0, found);
        for (var i = 0; i < found.Length; i++)
        {
            var (z, y, x) = (i / (box.Y * box.X), i / box.X % box.Y, i % box.X);
            Assert.Equal(values[((((z + 1) * Size.Y) + y + 1) * Size.X) + 1 + box.X - 1 - x], found[i]);
        }
    });

    [Theory]
    [InlineData(false, 1f)]
    [InlineData(true, 0f)]
    public void Beyond_what_was_predicted_is_background(bool hasRegions, float outside)
    {
        var line = new Extent(1, 1, 4);
        var maps = new GivenMaps(line, [[0.5f, 0.25f, 0.25f, 0.5f], [0.5f, 0.75f, 0.75f, 0.5f]]);
        var along = new Extent(1, 1, 8);
        var to = Affine(1, 1, 1, 0, -2.4, 0, 0);                // centres at −2.4, −1.4, −0.4, … 4.6 voxels
        var relocated = new RelocatedMaps(maps, Geometry(line, Affine(1, 1, 1, 0, 0, 0, 0)), Geometry(along, to), hasRegions);
        Assert.Equal(4, relocated.VoxelsOutside());
        var (first, second) = (new float[8], new float[8]);
        relocated.Read(0, 0, first);
        relocated.Read(1, 0, second);
        Assert.Equal([outside, outside, 0.5f, 0.35f, 0.25f, 0.4f, outside, outside], first, Near);
        Assert.Equal([0, 0, 0.5f, 0.65f, 0.75f, 0.6f, 0, 0], second, Near);
    }

    [Fact]
    public void A_header_that_does_not_say_where_is_refused() => Assert.Contains(
        "where its voxels lie",
        Assert.Throws<SharpSegException>(() => new RelocatedMaps(
            new GivenMaps(Size, [new float[Size.Voxels]]), Geometry(Size, new double[12]), Geometry(Size, Oblique),
            hasRegions: false)).Message,
        StringComparison.Ordinal);

    private static bool Near(float a, float b) => Math.Abs(a - b) < 1e-6;

    private static double[] Affine(double x, double y, double z, double degrees, double originX, double originY, double originZ)
    {
        var (s, c) = Math.SinCos(degrees * Math.PI / 180);
        return [x * c, -y * s, 0, originX, x * s, y * c, 0, originY, 0, 0, z, originZ];
    }

    private static double[] At(double[] affine, double x, double y, double z) =>
    [
        .. Enumerable.Range(0, 3).Select(row =>
            (affine[4 * row] * x) + (affine[(4 * row) + 1] * y) + (affine[(4 * row) + 2] * z) + affine[(4 * row) + 3]),
    ];

    private static float[] Field(Extent extent, double[] affine) =>
    [
        .. Enumerable.Range(0, (int)extent.Voxels).Select(i =>
        {
            var at = At(affine, i % extent.X, i / extent.X % extent.Y, i / (extent.Y * extent.X));
            return (float)(0.5 + (0.01 * at[0]) - (0.02 * at[1]) + (0.005 * at[2]));
        }),
    ];

    // The old grid's voxel by projection on its axes, which are at right angles.
    private static bool IsBetweenCentres(int index, Extent extent, double[] affine)
    {
        var place = At(affine, index % extent.X, index / extent.X % extent.Y, index / (extent.Y * extent.X));
        int[] voxels = [Size.X, Size.Y, Size.Z];
        return Enumerable.Range(0, 3).All(column =>
        {
            var axis = Enumerable.Range(0, 3).Select(row => Oblique[(4 * row) + column]).ToArray();
            var along = Enumerable.Range(0, 3).Sum(row => axis[row] * (place[row] - Oblique[(4 * row) + 3]));
            var at = along / axis.Sum(value => value * value);
            return at >= 0 && at <= voxels[column] - 1;
        });
    }

    private static ImageGeometry Geometry(Extent extent, double[] affine) =>
        new(extent, new Spacing(1, 1, 1), affine, "none", []);
}
