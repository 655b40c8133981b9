using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Volumes;

/// <summary>
/// Vectors of docs/method/preprocessing.md §4, golden arrays, and agreement with the plain double implementation.
/// </summary>
public sealed class ResamplingTests
{
    private static readonly float[] T = [0, 1, 2, 3, 4, 5, 9, 7, 8, 2, 0, 1, 1, 0, 3, 5, 2, 8, 6, 4, 7, 7, 1, 2];
    private static readonly Extent TExtent = new(2, 3, 4);

    [Theory]
    [InlineData(1, 1, 1, 2, 2, 2, -1)]
    [InlineData(3.6, .625, .625, 3.6, .625, .625, 0)]
    [InlineData(3, 1, 1, 3, 1, 1, -1)]
    [InlineData(3.01, 1, 1, 1, 1, 1, 0)]
    [InlineData(1, 1, 1, 5, 1, 1, 0)]
    [InlineData(.24, 1.25, 1.25, 1, 1, 1, -1)]
    [InlineData(4, 1, 4, 5, 1, 1, -1)]
    [InlineData(.3, 1, .9, 1, 1, 1, 1)]
    [InlineData(.7, .7, 3, .7, .7, 2.5, 2)]
    [InlineData(999, 1, 1, 999, 1, 1, 0)]
    public void The_coarse_axis_is_separated(double cz, double cy, double cx, double nz, double ny, double nx, int axis) =>
        Assert.Equal(axis < 0 ? null : axis, Resampling.SeparateAxis(new Spacing(cz, cy, cx), new Spacing(nz, ny, nx)));

    [Fact]
    public void Plans_can_force_the_separation()
    {
        Spacing current = new(2, 1, 1), target = new(5, 1, 1);
        Assert.Equal(0, Resampling.SeparateAxis(current, current, force: true));
        Assert.Null(Resampling.SeparateAxis(target, current, force: false));
        Assert.Null(Resampling.SeparateAxis(new Spacing(1, 1, 1), target, force: true));
    }

    [Theory]
    [InlineData(3, 5, new[] { 0, 0, 1, 2, 2 })]
    [InlineData(5, 3, new[] { 0, 2, 4 })]
    [InlineData(4, 6, new[] { 0, 1, 1, 2, 3, 3 })]
    [InlineData(2, 1, new[] { 1 })]
    [InlineData(4, 2, new[] { 1, 3 })]
    [InlineData(10, 7, new[] { 0, 2, 3, 5, 6, 7, 9 })]
    [InlineData(6, 4, new[] { 0, 2, 3, 5 })]
    public void Nearest_picks_by_half_pixel_centres(int from, int to, int[] expected)
    {
        Assert.Equal(expected, Enumerable.Range(0, to).Select(new AxisResampling(0, 0, from, to).Nearest));
        var ramp = Enumerable.Range(0, from).Select(i => (float)i).ToArray();
        Assert.Equal(expected.Select(i => (float)i), Processor.ResampleImage(ramp, new(1, 1, from), new(1, 1, to), 0));
        Assert.Equal(expected.Select(i => (float)i), Processor.ResampleImage(ramp, new(from, 1, 1), new(to, 1, 1), 0));
    }

    [Theory]
    [InlineData(new float[] { 0, 1, 4, 9 }, 3, new[] { 0, .126686, .623079, 1.476141, 2.920973, 5.34375, 8.068029, 9 })]
    [InlineData(new float[] { 0, 1, 4, 9 }, 1, new[] { 0, .25, .75, 1.75, 3.25, 5.25, 7.75, 9 })]
    [InlineData(new float[] { 0, 1, 4, 9 }, 0, new double[] { 0, 0, 1, 1, 4, 4, 9, 9 })]
    [InlineData(new float[] { 0, 0, 10, 0, 0 }, 3, new double[] { 0, 10, 0 })]
    [InlineData(new float[] { 0, 0, 10, 0, 0 }, 3, new[] { .283094, 0, .553871, 8.220357, 8.220357, .553871, 0, .283094 })]
    [InlineData(new float[] { 1, 3, 2, 5, 4, 6, 8, 7 }, 3, new[] { 2.191158, 3.483639, 4.579782, 7.633305 })]
    [InlineData(new float[] { 1, 3, 2, 5, 4, 6, 8, 7 }, 1, new[] { 2, 3.5, 5, 7.5 })]
    public void Lines_equal_the_worked_examples_along_every_axis(float[] line, int order, double[] expected)
    {
        for (var axis = 0; axis < 3; axis++)
        {
            var result = Processor.ResampleImage(
                line, Extent.One.With(axis, line.Length), Extent.One.With(axis, expected.Length), order, threads: 1);
            AssertClose(expected, result, 2e-6);
        }
    }

    [Fact]
    public void Planes_equal_the_worked_examples()
    {
        float[] small = [1, 2, 3, 4], large = [1, 2, 4, 3, 8, 5, 7, 6, 9];
        AssertClose(
            [1, 1.345382, 1.922691, 1.922691, 2.5, 3.077309, 3.077309, 3.654618, 4],
            Processor.ResampleImage(small, new(1, 2, 2), new(1, 3, 3), 3), 2e-6);
        AssertClose(
            [
                1, 1, 1.588266, 3.135654, 4.198729, 1.451633, 3.640693, 6.094276, 5.294988, 3.954365,
                4.310334, 6.016565, 7.939679, 7.34658, 6.322472, 7.42371, 6.370002, 5.77273, 7.787651, 9,
            ],
            Processor.ResampleImage(large, new(1, 3, 3), new(1, 4, 5), 3), 2e-6);
        AssertClose(
            [1, 1.4, 2, 3.2, 4, 2.25, 3.65, 5.75, 5.075, 4.625, 4.5, 5.6, 7.25, 6.8, 6.5, 7, 6.6, 6, 7.8, 9],
            Processor.ResampleImage(large, new(1, 3, 3), new(1, 4, 5), 1), 2e-6);
    }

    [Fact]
    public void Volumes_equal_the_worked_examples()
    {
        var to = new Extent(3, 4, 6);
        var cubic = Processor.ResampleImage(T, TExtent, to, 3);
        Assert.Equal(266.613890, cubic.Sum(v => (double)v), 1e-4);
        Assert.Equal(1449.792312, cubic.Sum(v => (double)v * v), 1e-3);
        AssertClose([0, .236495, .902663, 1.18415, 1.90664, 2.547328], Row(cubic, to, 0, 0), 2e-6);
        AssertClose([4.727568, 5.70261, 6.490721, 5.83638, 4.775304, 4.172599], Row(cubic, to, 1, 2), 2e-6);
        AssertClose([3.244484, 6.683928, 8.68273, 5.26967, 3.127769, 3.034319], Row(cubic, to, 2, 2), 2e-6);

        var linear = Processor.ResampleImage(T, TExtent, to, 1);
        Assert.Equal(259.59375, linear.Sum(v => (double)v), 1e-4);
        AssertClose([.5, .5, .833333, 2.166667, 3.25, 4], Row(linear, to, 1, 0), 2e-6);

        var separate = Processor.ResampleImage(T, TExtent, to, 3, separateAxis: 0);
        Assert.Equal(269.665176, separate.Sum(v => (double)v), 1e-4);
        Assert.Equal(separate[24..48], separate[48..]);
        AssertClose([0, .218517, .817223, 1.247322, 2.074497, 2.732765], Row(separate, to, 0, 0), 2e-6);
        AssertClose([3.443088, 6.552517, 8, 5.34556, 3.348395, 3.186749], Row(separate, to, 1, 2), 2e-6);
    }

    [Fact]
    public void Label_lines_and_planes_equal_the_worked_examples()
    {
        Assert.Equal([0, 1, 1], Labels([0, 1], new(1, 1, 2), new(1, 1, 3)));
        Assert.Equal([1, 1, 0], Labels([1, 0], new(1, 1, 2), new(1, 1, 3)));
        Assert.Equal([1, 2, 2, 3, 0, 4, 3, 4, 4], Labels([1, 2, 3, 4], new(1, 2, 2), new(1, 3, 3)));
        Assert.Equal([0], Labels([1, 2, 3, 4], new(1, 2, 2), Extent.One));
        Assert.Equal([-1, 0, 0, 0, 0, 1, 0, 1, 1], Labels([-1, 0, 0, 1], new(1, 2, 2), new(1, 3, 3)));
        Assert.Equal(
            [0, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 2, 1, 1, 2, 2, 2, 1, 1, 2, 2, 2, 1, 1],
            Labels([0, 0, 1, 0, 2, 1, 2, 2, 1], new(1, 3, 3), new(1, 5, 5)));
        Assert.Equal([1, 1, 2], Labels([0, 1, 1, 0, 2, 2], new(1, 1, 6), new(1, 1, 3)));
        Assert.Equal([0, 1, 0, 2], Labels([0, 1, 1, 0, 2, 2], new(1, 1, 6), new(1, 1, 4)));
        Assert.Equal([0, 0, 1, 1], Labels([0, 1, 0, 1, 0, 1], new(1, 1, 6), new(1, 1, 4)));
        Assert.Equal([0, 1, 1], Processor.ResampleLabels([0, 1], new(1, 1, 2), new(1, 1, 3), 0));
    }

    [Fact]
    public void Label_volumes_equal_the_worked_examples()
    {
        short[] volume = [0, 0, 1, 0, 2, 1, 2, 2, 1, 0, 0, 0];
        Extent from = new(2, 2, 3), to = new(3, 3, 5);
        short[] first = [0, 0, 0, 1, 1, 0, 0, 2, 1, 1, 0, 0, 2, 1, 1];
        short[] last = [2, 2, 2, 1, 1, 2, 2, 2, 0, 1, 0, 0, 0, 0, 0];
        Assert.Equal(
            [.. first, 2, 2, 2, 1, 1, 0, 0, 2, 0, 1, 0, 0, 2, 0, 1, .. last], Processor.ResampleLabels(volume, from, to, 1));
        Assert.Equal([.. first, .. last, .. last], Processor.ResampleLabels(volume, from, to, 1, separateAxis: 0));
    }

    [Fact]
    public void Equal_sizes_return_the_input_itself()
    {
        Assert.Same(T, Processor.ResampleImage(T, TExtent, TExtent, 3));
        short[] labels = [1, 2];
        Assert.Same(labels, Processor.ResampleLabels(labels, new(1, 1, 2), new(1, 1, 2), 1));
    }

    [Fact]
    public void Random_volumes_equal_the_double_reference() => Seeded.Run(random =>
    {
        foreach (var threads in new[] { 1, 2 })
        {
            for (var round = 0; round < 40; round++)
            {
                Extent from = Size(random, 24), to = Size(random, 24);
                var order = new[] { 0, 1, 3 }[round % 3];
                int? axis = random.Next(2) == 0 ? null : random.Next(3);
                var voxels = new float[from.Voxels];
                var labels = new short[from.Voxels];
                for (var i = 0; i < voxels.Length; i++)
                {
                    voxels[i] = random.NextSingle() * 2 - 1;
                    labels[i] = (short)random.Next(-1, 4);
                }

                float[] untouched = [.. voxels];
                var expected = ReferenceResampling.Image([.. voxels.Select(v => (double)v)], from, to, order, axis);
                AssertClose(expected, Processor.ResampleImage(voxels, from, to, order, axis, threads: threads), 2e-6);
                Assert.Equal(untouched, voxels);
                Assert.Equal(
                    ReferenceResampling.Labels(labels, from, to, Math.Min(order, 1), axis),
                    Processor.ResampleLabels(labels, from, to, Math.Min(order, 1), axis, threads: threads));
            }
        }
    });

    [Fact]
    public void Wide_volumes_equal_the_double_reference()
    {
        // Wider than one block of lines, and no multiple of a vector.
        Extent from = new(5, 7, 301), to = new(8, 4, 290);
        var random = new Random(5);
        var voxels = Enumerable.Range(0, (int)from.Voxels).Select(_ => random.NextSingle() * 2000 - 1000).ToArray();
        var expected = ReferenceResampling.Image([.. voxels.Select(v => (double)v)], from, to, 3, null);
        AssertClose(expected, Processor.ResampleImage(voxels, from, to, 3), 2e-3);
        var separate = ReferenceResampling.Image([.. voxels.Select(v => (double)v)], from, to, 3, 2);
        AssertClose(separate, Processor.ResampleImage(voxels, from, to, 3, separateAxis: 2), 2e-3);
    }

    [Fact]
    public void Impossible_requests_are_refused()
    {
        Assert.Throws<ArgumentException>(() => Processor.ResampleImage(T, new(2, 3, 5), TExtent, 3));
        Assert.Throws<ArgumentException>(() => Processor.ResampleImage(T, TExtent, new(0, 3, 4), 3));
        Assert.Throws<ArgumentException>(() => Processor.ResampleImage(T, TExtent, new(3, 3, 4), 2));
        Assert.Throws<ArgumentException>(() => Processor.ResampleLabels(new short[24], TExtent, new(3, 3, 4), 3));
        Assert.Throws<ArgumentException>(() => Processor.ResampleImage(T, TExtent, new(40000, 40000, 4), 0));
    }

    [Fact]
    public void Golden_arrays_are_equal()
    {
        var compared = 0;
        long voxels = 0, differing = 0;
        foreach (var item in GoldenJson.Rows("resample_data_or_seg.json", 194, 26))
        {
            var input = item.GetProperty("input");
            var output = item.GetProperty("output");
            var from = GoldenJson.ExtentOf(input);
            var to = GoldenJson.ExtentOf(output);
            var order = item.GetProperty("order").GetInt32();
            var orderZ = item.GetProperty("order_z").GetInt32();
            int? axis = item.GetProperty("do_separate_z").GetBoolean() ? item.GetProperty("axis").GetInt32() : null;
            if (item.GetProperty("is_seg").GetBoolean() && orderZ != 0)
            {
                continue; // label maps have order 0 along the coarse axis, always (docs/method/preprocessing.md §4.1)
            }

            compared++;
            var name = $"{from} to {to}, order {order}/{orderZ}, axis {axis}";
            if (item.GetProperty("is_seg").GetBoolean())
            {
                var channels = GoldenJson.Labels(input)
                    .Chunk((int)from.Voxels).Zip(GoldenJson.Labels(output).Chunk((int)to.Voxels));
                foreach (var (labels, expected) in channels)
                {
                    var result = Processor.ResampleLabels(labels, from, to, order, axis);
                    voxels += result.Length;
                    differing += result.Zip(expected).Count(pair => pair.First != pair.Second);
                }
            }
            else
            {
                var channels = GoldenJson.ShapeOf(input)[0];
                var expected = GoldenJson.Floats(output);
                var values = GoldenJson.Floats(input);
                for (var c = 0; c < channels; c++)
                {
                    var result = Processor.ResampleImage(
                        values[(int)(c * from.Voxels)..(int)((c + 1) * from.Voxels)], from, to, order, axis, orderZ);
                    var range = values.Max() - values.Min();
                    AssertClose(
                        [.. expected[(int)(c * to.Voxels)..(int)((c + 1) * to.Voxels)].Select(v => (double)v)], result,
                        1e-5 * range, name);
                }
            }
        }

        // Exact ties of one half are decided by rounding in the reference and by the larger label here
        // (docs/method/preprocessing.md §4.7).
        Assert.InRange(differing, 0, voxels / 1000);
        Assert.Equal(SharedFolder.Rows(172, 23), compared);
    }

    [Fact]
    public void Golden_decisions_are_equal()
    {
        foreach (var item in GoldenJson.Rows("resample_decisions.json", 67, 67))
        {
            Spacing current = SpacingOf(item, "current_spacing"), target = SpacingOf(item, "new_spacing");
            var shape = Extent.FromArray([.. item.GetProperty("old_shape").EnumerateArray().Select(v => v.GetInt32())]);

            // The reference can round an axis down to nothing; here one voxel stays.
            var expected = Extent.FromArray(
                [.. item.GetProperty("compute_new_shape").EnumerateArray().Select(v => Math.Max(1, v.GetInt32()))]);
            Assert.Equal(expected, ResampledShape.Of(shape, current, target));
            int? axis = item.GetProperty("do_separate_z").GetBoolean() ? item.GetProperty("axis").GetInt32() : null;
            Assert.Equal(axis, Resampling.SeparateAxis(current, target));
        }
    }

    private static Spacing SpacingOf(System.Text.Json.JsonElement item, string key) =>
        Spacing.FromArray([.. item.GetProperty(key).EnumerateArray().Select(v => v.GetDouble())]);

    private static short[] Labels(short[] labels, Extent from, Extent to) => Processor.ResampleLabels(labels, from, to, 1);

    private static Extent Size(Random random, int most) => new(random.Next(1, most), random.Next(1, most), random.Next(1, most));

    private static float[] Row(float[] volume, Extent extent, int z, int y) =>
        volume.AsSpan((z * extent.Y + y) * extent.X, extent.X).ToArray();

    private static void AssertClose(double[] expected, float[] actual, double tolerance, string name = "")
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.True(Math.Abs(expected[i] - actual[i]) <= tolerance, $"{name}[{i}]: expected {expected[i]}, got {actual[i]}");
        }
    }
}
