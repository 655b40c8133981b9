using SharpSeg.AutoPlanner.Batches;
using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Batches.Augmentation;

/// <summary>
/// docs/method/augmentation.md §3: matrices, positions, the worked 6×6 example, the reference's own answers, alignment.
/// </summary>
public sealed class SpatialTransformTests
{
    private const double Degree = Math.PI / 180;

    [Fact]
    public void Matrices_match_the_specified_ones()
    {
        var modern = SpatialTransform.MatrixOf(10 * Degree, 20 * Degree, 30 * Degree, 1.1, planar: false, classic: false);
        AssertMatrix(modern, [0.895177, -0.485067, 0.416375, 0.516831, 0.970821, 0.019831, -0.376222, 0.179494, 1.017958]);
        var classic = SpatialTransform.MatrixOf(10 * Degree, 20 * Degree, 30 * Degree, 1, planar: false, classic: true);
        AssertMatrix(classic, [0.813798, 0.543838, -0.204874, -0.469846, 0.823173, 0.318796, 0.342020, -0.163176, 0.925417]);
    }

    [Theory]
    [InlineData(false, 30, 1, 1.950962, 0.450962)]
    [InlineData(false, 30, 1.25, 1.813702, -0.061298)]
    [InlineData(false, 0, 1.25, 0.625, 0.625)]
    [InlineData(true, 30, 1, 0.450962, 1.950962)]
    [InlineData(true, 30, 1.25, -0.061298, 1.813702)]
    [InlineData(true, 0, 1.25, 0.625, 0.625)]
    public void Sampling_position_of_the_first_voxel_matches_the_specified_one(
        bool classic, double degrees, double scale, double y, double x)
    {
        var q = Planar(classic, degrees, scale).Position(new(1, 4, 4), new(1, 6, 6), 0, 0, 0);
        Assert.Equal(0, q.Z);
        Assert.Equal(y, q.Y, 6);
        Assert.Equal(x, q.X, 6);
    }

    [Theory]
    [InlineData(false, 30, 1, new[] { 19.960580f, 15.826607f, 11.692632f, 7.558658f })]
    [InlineData(false, 30, 1.25, new[] { 17.025265f, 12.908258f, 7.740790f, 2.990985f })]
    [InlineData(false, 0, 1.25, new[] { 6.875f, 8.125f, 9.375f, 10.625f })]
    [InlineData(true, 30, 1, new[] { 4.810293f, 12.192026f, 18.566606f, 24.253338f })]
    [InlineData(true, 30, 1.25, new[] { 0, 7.099260f, 16.202472f, 0 })]
    [InlineData(true, 0, 1.25, new[] { 5.484169f, 6.869243f, 8.101974f, 9.487048f })]
    public void First_row_of_the_worked_example_matches(bool classic, double degrees, double scale, float[] row)
    {
        var sample = Transform(Example(), Planar(classic, degrees, scale), new(1, 4, 4), planar: true, classic);
        for (var x = 0; x < 4; x++)
        {
            Assert.Equal(row[x], sample.Image[x], 1e-4f);
        }
    }

    [Theory]
    [InlineData(false, 30, 1, new short[] { 0, 0, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 1, 0, 0 })]
    [InlineData(false, 30, 1.25, new short[] { -1, 0, 0, -1, 1, 1, 1, 2, 1, 1, 1, 0, -1, 1, 0, -1 })]
    [InlineData(false, 0, 1.25, new short[] { 0, 0, 0, 2, 1, 1, 1, 0, 1, 1, 1, 0, 0, 1, 1, 0 })]
    [InlineData(true, 30, 1, new short[] { 0, 0, 0, 0, 0, 1, 1, 0, 1, 1, 1, 0, 0, 1, 1, 0 })]
    [InlineData(true, 30, 1.25, new short[] { 0, 0, 2, 0, 0, 1, 1, 0, 1, 1, 1, 0, 0, 1, 1, 0 })]
    public void Labels_of_the_worked_example_match(bool classic, double degrees, double scale, short[] labels)
    {
        var sample = Transform(Example(), Planar(classic, degrees, scale), new(1, 4, 4), planar: true, classic);
        Assert.Equal(labels, sample.Labels);
        Assert.Equal(labels, sample.Previous); // the previous stage is transformed exactly like the label
    }

    [Theory]
    [InlineData(6, 3, 2, 1)]
    [InlineData(7, 4, 1, 1)]
    [InlineData(5, 2, 1, 1)]
    [InlineData(9, 9, 0, 0)]
    public void The_centre_crop_starts_where_each_generation_puts_it(int n, int p, int modern, int classic)
    {
        Assert.Equal(modern, CentreCrop.Start(Profile.Modern, new(1, n, 1), new(1, p, 1)).Y);
        Assert.Equal(classic, CentreCrop.Start(Profile.Classic, new(1, n, 1), new(1, p, 1)).Y);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void The_identity_reproduces_the_crop(bool classic, bool planar)
    {
        var source = MemoryCase.Blob("identity", new(13, 15, 17), 2, 1, withPrevious: true);
        var patch = new Extent(planar ? 13 : 7, 9, 11);
        var identity = new SpatialTransform(Matrix3.Identity, 0, 0, IsIdentity: false);
        var sample = Transform(source, identity, patch, planar, classic);
        var box = new SourceBox();
        box.Read(source, default, source.Shape, default, source.Shape, withPrevious: true);
        var crop = new PatchSample(patch, 2, withPrevious: true);
        var first = CentreCrop.Start(Profile.Modern, source.Shape, patch);
        CentreCrop.Copy(Cut(source, first, patch), first, -1, crop);
        for (var i = 0; i < crop.Image.Length; i++)
        {
            Assert.Equal(crop.Image[i], sample.Image[i], classic ? 1e-5f : 0);
        }

        Assert.Equal(crop.Labels, sample.Labels);
        Assert.Equal(crop.Previous, sample.Previous);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_quarter_turn_moves_a_marker_to_its_exact_place(bool classic)
    {
        // Modern: u' = R·u with R = [[0, −1], [1, 0]]: the output (y, x) shows the input (−x, y) seen from the centre.
        var shape = new Extent(5, 9, 9);
        var image = new float[shape.Voxels];
        var labels = new short[shape.Voxels];
        image[Index(shape, 1, 2, 7)] = 5;
        labels[Index(shape, 1, 2, 7)] = 3;
        var source = new MemoryCase("marker", shape, image, labels, [3], null, labels);
        var turn = new SpatialTransform(SpatialTransform.MatrixOf(90 * Degree, 0, 0, 1, false, classic), 0, 0, false);
        var sample = Transform(source, turn, shape, planar: false, classic);

        // Input (2, 7) is (−2, 3) from the centre (4, 4); modern: −x = −2, y = 3, so (y, x) = (3, 2) → (7, 6); classic the other
        // way.
        var to = classic ? Index(shape, 1, 1, 2) : Index(shape, 1, 7, 6);
        Assert.Equal(5, sample.Image[to], 1e-4f);
        Assert.Equal(3, sample.Labels[to]);
        Assert.Equal(3, sample.Previous![to]);
        Assert.Equal(5, sample.Image.Sum(), 0.01f);
        Assert.Equal(1, sample.Labels.Count(l => l == 3));
    }

    [Fact]
    public void Reading_only_what_is_needed_changes_nothing()
    {
        var source = MemoryCase.Blob("reach", new(19, 23, 21), 2, 7, withPrevious: true);
        var geometry = PatchGeometry.For(Profile.Modern, new(10, 12, 11), is2D: false);
        var random = new CounterRandom(3);
        for (var i = 0; i < 20; i++)
        {
            var recipe = AugmentationRecipe.For(Profile.Modern) with { Rotation = 0.8, Scaling = 0.8 };
            var transform = SpatialTransform.Draw(recipe, geometry, random);
            var start = new Extent(random.NextInt(-8, 8), random.NextInt(-8, 8), random.NextInt(-8, 8));
            var (first, last) = transform.Reach(geometry.Patch, geometry.Initial);
            var full = Sample(default, geometry.Initial);
            var needed = Sample(first, last);
            Assert.Equal(full.Image, needed.Image);
            Assert.Equal(full.Labels, needed.Labels);
            Assert.Equal(full.Previous, needed.Previous);
            Assert.All(needed.Labels, label => Assert.InRange(label, -1, 2));

            PatchSample Sample(Extent from, Extent to)
            {
                var box = new SourceBox();
                box.Read(source, start, geometry.Initial, from, to, withPrevious: true);
                var sample = new PatchSample(geometry.Patch, 2, withPrevious: true);
                Processor.Sampling.SampleAffine(transform.Sampling(box, planar: false, sample), box.Voxels, sample.Planes);
                return sample;
            }
        }
    }

    // The definition, voxel by voxel in double precision, on the padded initial patch.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Linear_sampling_matches_its_float64_definition(bool planar)
    {
        var source = MemoryCase.Blob("reference", new(12, 14, 13), 2, 9, withPrevious: true);
        var geometry = planar
            ? PatchGeometry.For(Profile.Modern, new(3, 12, 11), is2D: false)
            : PatchGeometry.For(Profile.Modern, new(9, 12, 11), is2D: false);
        Assert.Equal(planar, geometry.Planar);
        var random = new CounterRandom(4);
        for (var i = 0; i < 6; i++)
        {
            var recipe = AugmentationRecipe.For(Profile.Modern) with { Rotation = 1, Scaling = 1 };
            var transform = SpatialTransform.Draw(recipe, geometry, random);
            var start = new Extent(random.NextInt(-3, 5), random.NextInt(-4, 4), random.NextInt(-4, 4));
            var box = new SourceBox();
            var (first, last) = transform.Reach(geometry.Patch, geometry.Initial);
            box.Read(source, start, geometry.Initial, first, last, withPrevious: false);
            var sample = new PatchSample(geometry.Patch, 2, withPrevious: false);
            Processor.Sampling.SampleAffine(transform.Sampling(box, planar, sample), box.Voxels, sample.Planes);
            ReferenceLinear.Check(source, start, geometry, transform, sample);
        }
    }

    [Fact]
    public void Slices_of_a_flat_patch_share_one_transform_and_keep_their_order()
    {
        var plane = MemoryCase.Blob("plane", new(1, 30, 30), 1, 5);
        var shape = new Extent(4, 30, 30);
        var image = new float[shape.Voxels];
        var labels = new short[shape.Voxels];
        for (var z = 0; z < 4; z++)
        {
            plane.ReadImage(default, plane.Shape, image.AsSpan(z * 900, 900));
            plane.ReadLabels(default, plane.Shape, labels.AsSpan(z * 900, 900));
            for (var v = 0; v < 900; v++)
            {
                image[(z * 900) + v] *= z + 1;
            }
        }

        var source = new MemoryCase("stack", shape, image, labels, [1, 2]);
        foreach (var profile in new[] { Profile.Modern, Profile.Classic })
        {
            var geometry = PatchGeometry.For(profile, new(4, 20, 20), is2D: false);
            Assert.True(geometry.Dummy2D);
            var recipe =
                AugmentationRecipe.For(
                    profile) with
                {
                    Rotation = 1,
                    Scaling = 1,
                    Elastic = profile == Profile.Classic ? 1 : 0,
                    Gamma = 0,
                    Noise = 0,
                    Blur = 0,
                    Brightness = 0,
                    Contrast = 0,
                    LowResolution = 0,
                    InvertedGamma = 0,
                    MirrorPerAxis = 0
                };
            var pipeline = new AugmentationPipeline(recipe, profile, geometry, [], Processor.Sampling);
            var sample = new PatchSample(geometry.Patch, 1, withPrevious: false);
            pipeline.Augment(source, new(0, 3, 3), new CounterRandom(8), sample);
            for (var v = 0; v < 400; v++)
            {
                for (var z = 1; z < 4; z++)
                {
                    Assert.Equal((z + 1) * sample.Image[v], sample.Image[(z * 400) + v], 1e-3f);
                    Assert.Equal(sample.Labels[v], sample.Labels[(z * 400) + v]);
                }
            }
        }
    }

    [Fact]
    public void Transforms_match_the_reference_implementation()
    {
        var cases = GoldenJson.Read("functions", "augmentation.json")
            .GetProperty("Spatial(rotation,scaling;seg per-label bilinear, pad -1)");
        foreach (var golden in GoldenJson.Rows(cases, 8, 3))
        {
            var image = golden.GetProperty("in");
            var shape = GoldenJson.ExtentOf(image);
            var labels = GoldenJson.Labels(golden.GetProperty("seg"));
            var source = new MemoryCase("golden", shape, GoldenJson.Floats(image), labels, [1, 2], null, labels);
            var planar = golden.GetProperty("patch").GetArrayLength() == 2;
            var patch = GoldenJson.ExtentOf(golden.GetProperty("out"));
            PatchSample sample;
            if (golden.GetProperty("angle_every_axis").ValueKind == System.Text.Json.JsonValueKind.Null)
            {
                sample = new PatchSample(patch, 1, withPrevious: false);
                var first = CentreCrop.Start(Profile.Modern, shape, patch);
                CentreCrop.Copy(Cut(source, first, patch), first, -1, sample);
            }
            else
            {
                var angle = golden.GetProperty("angle_every_axis").GetDouble();
                var scale = golden.GetProperty("scale").GetDouble();
                var matrix = planar
                    ? SpatialTransform.MatrixOf(angle, 0, 0, scale, planar: true, classic: false)
                    : SpatialTransform.MatrixOf(angle, angle, angle, scale, planar: false, classic: false);
                sample = Transform(source, new SpatialTransform(matrix, 0, 0, false), patch, planar, classic: false);
            }

            var expected = GoldenJson.Floats(golden.GetProperty("out"));
            var expectedLabels = GoldenJson.Labels(golden.GetProperty("seg_out"));
            for (var v = 0; v < expected.Length; v++)
            {
                Assert.Equal(expected[v], sample.Image[v], 2e-4f); // the reference samples on a normalised grid in float32
            }

            // The reference compares indicators in half precision: an almost tie may go the other way.
            Assert.InRange(expectedLabels.Zip(sample.Labels).Count(p => p.First != p.Second), 0, expected.Length / 200);
        }
    }

    private static SpatialTransform Planar(bool classic, double degrees, double scale) =>
        new(SpatialTransform.MatrixOf(degrees * Degree, 0, 0, scale, planar: true, classic), 0, 0, false);

    private static MemoryCase Example()
    {
        var image = new float[36];
        var labels = new short[36];
        for (var y = 0; y < 6; y++)
        {
            for (var x = 0; x < 6; x++)
            {
                image[(y * 6) + x] = (10 * y) + x;
                labels[(y * 6) + x] = (short)(y is >= 2 and <= 4 && x is >= 1 and <= 3 ? 1 : y <= 1 && x >= 4 ? 2 : 0);
            }
        }

        return new MemoryCase("example", new(1, 6, 6), image, labels, [1, 2], null, labels);
    }

    // The whole case is the initial patch.
    private static PatchSample Transform(
        MemoryCase source, in SpatialTransform transform, Extent patch, bool planar, bool classic)
    {
        var sample = new PatchSample(patch, source.Channels, source.HasPreviousStage);
        var profile = classic ? Profile.Classic : Profile.Modern;
        var geometry = new PatchGeometry(patch, source.Shape, Is2D: planar, Dummy2D: false, 0);
        Processor.Transform(profile, source, default, geometry, transform, sample);
        return sample;
    }

    private static SourceBox Cut(MemoryCase source, Extent first, Extent patch)
    {
        var box = new SourceBox();
        var last = new Extent(first.Z + patch.Z - 1, first.Y + patch.Y - 1, first.X + patch.X - 1);
        box.Read(source, default, source.Shape, first, last, source.HasPreviousStage);
        return box;
    }

    private static int Index(Extent shape, int z, int y, int x) => (((z * shape.Y) + y) * shape.X) + x;

    private static void AssertMatrix(Matrix3 m, double[] expected)
    {
        double[] actual = [m.Zz, m.Zy, m.Zx, m.Yz, m.Yy, m.Yx, m.Xz, m.Xy, m.Xx];
        for (var i = 0; i < 9; i++)
        {
            Assert.Equal(expected[i], actual[i], 6);
        }
    }
}
