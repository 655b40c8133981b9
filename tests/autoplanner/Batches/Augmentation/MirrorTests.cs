using SharpSeg.AutoPlanner.Batches;
using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Batches.Augmentation;

public sealed class MirrorTests
{
    [Theory]
    [InlineData(4, 3, 5)]
    [InlineData(3, 4, 2)]
    [InlineData(1, 1, 1)]
    [InlineData(5, 4, 19)] // rows longer than a vector, and a rest
    public void Every_axis_is_turned_around(int sz, int sy, int sx)
    {
        var size = new Extent(sz, sy, sx);
        for (var axis = 0; axis < 3; axis++)
        {
            var values = Enumerable.Range(0, (int)size.Voxels).ToArray();
            Mirror.Apply(values.AsSpan(), size, axis);
            for (var i = 0; i < values.Length; i++)
            {
                int z = i / (sx * sy), y = i / sx % sy, x = i % sx;
                var from = axis == 0 ? ((((sz - 1 - z) * sy) + y) * sx) + x
                    : axis == 1 ? (((z * sy) + sy - 1 - y) * sx) + x : (((z * sy) + y) * sx) + sx - 1 - x;
                Assert.Equal(from, values[i]);
            }
        }
    }

    [Fact]
    public void Image_and_labels_stay_aligned_through_every_step()
    {
        // The image is the label plus 10 in channel 1, untouched by intensities; previous stage = label.
        var shape = new Extent(20, 24, 22);
        var blob = MemoryCase.Blob("blob", shape, 1, 3);
        var labels = new short[shape.Voxels];
        blob.ReadLabels(default, shape, labels);
        var image = new float[2 * shape.Voxels];
        for (var v = 0; v < labels.Length; v++)
        {
            image[2 * v] = labels[v];
            image[(2 * v) + 1] = labels[v] + 10;
        }

        var source = new MemoryCase("aligned", shape, image, labels, [1, 2], null, labels);
        foreach (var profile in new[] { Profile.Modern, Profile.Classic })
        {
            var geometry = PatchGeometry.For(profile, new(12, 12, 12), is2D: false);
            var recipe = new AugmentationRecipe { Rotation = 0, Scaling = 0, Gamma = 0, MirrorPerAxis = 0.5 };
            var pipeline = new AugmentationPipeline(recipe, profile, geometry, [true, false], Processor.Sampling);
            var sample = new PatchSample(geometry.Patch, 2, withPrevious: true);
            var seen = new HashSet<short>();
            for (var i = 0; i < 16; i++)
            {
                // Spatial transforms off: the crop is exact, and mirroring must keep it so.
                pipeline.Augment(source, new(-4, -3, -2), new CounterRandom(1, i), sample);
                seen.Add(sample.Labels[0]);
                for (var v = 0; v < sample.Voxels; v++)
                {
                    // Channel 0 is 0 outside the mask, where the label was −1.
                    Assert.Equal(sample.Labels[v], sample.Image[v]);
                    var second = sample.Channel(1)[v];
                    Assert.True(second == sample.Labels[v] + 10 || (sample.Labels[v] == 0 && second is 0 or 9));
                    Assert.Equal(sample.Labels[v], sample.Previous![v]);
                }
            }
        }
    }

    [Theory]
    [InlineData(false, new[] { 2 }, new[] { 0, 1 })]
    [InlineData(false, new[] { 0, 1 }, new[] { 2 })]
    [InlineData(true, new[] { 2 }, new[] { 1 })]
    [InlineData(true, new[] { 0 }, new[] { 1, 2 })]
    public void Axes_of_left_and_right_are_never_turned(bool is2D, int[] unmirrored, int[] mirrored)
    {
        var size = new Extent(is2D ? 1 : 2, 3, 4);
        var geometry =
            PatchGeometry.For(Profile.Modern, size, is2D) with { Initial = size, UnmirroredAxes = unmirrored };
        Assert.Equal(mirrored, geometry.MirrorAxes);
        var labels = Enumerable.Range(0, (int)size.Voxels).Select(i => (short)i).ToArray();
        var source = new MemoryCase("order", size, new float[labels.Length], labels, [1]);
        var pipeline = new AugmentationPipeline(
            new AugmentationRecipe { Rotation = 0, Scaling = 0, Gamma = 0, MirrorPerAxis = 1 }, Profile.Modern, geometry, [],
            Processor.Sampling);
        var sample = new PatchSample(size, 1, withPrevious: false);
        pipeline.Augment(source, default, new CounterRandom(1), sample);
        int[] extent = [size.Z, size.Y, size.X];
        var expected = labels.Select((_, i) =>
        {
            int[] at = [i / (size.Y * size.X), i / size.X % size.Y, i % size.X];
            foreach (var axis in mirrored)
            {
                at[axis] = extent[axis] - 1 - at[axis];
            }

            return (short)((((at[0] * size.Y) + at[1]) * size.X) + at[2]);
        });
        Assert.Equal(expected, sample.Labels);
    }

    [Fact]
    public void Mask_zeroes_flagged_channels_only_where_the_label_was_negative()
    {
        short[] labels = [-1, 0, 1, -1];
        var source = new MemoryCase("mask", new(1, 1, 4), [5, 5, 6, 6, 7, 7, 8, 8], labels, [1]);
        var geometry = PatchGeometry.For(Profile.Modern, new(1, 1, 4), is2D: false) with { Initial = new(1, 1, 4) };
        var recipe = new AugmentationRecipe { Rotation = 0, Scaling = 0, Gamma = 0, MirrorPerAxis = 0 };
        var sample = new PatchSample(geometry.Patch, 2, withPrevious: false);
        new AugmentationPipeline(recipe, Profile.Modern, geometry, [false, true], Processor.Sampling)
            .Augment(source, default, new CounterRandom(1), sample);
        Assert.Equal([5, 6, 7, 8, 0, 6, 7, 0], sample.Image);
        Assert.Equal([0, 0, 1, 0], sample.Labels);

        // Validation only cleans the label.
        new AugmentationPipeline(recipe, Profile.Modern, geometry, [false, true], Processor.Sampling)
            .Load(source, default, sample);
        Assert.Equal([5, 6, 7, 8, 5, 6, 7, 8], sample.Image);
        Assert.Equal([0, 0, 1, 0], sample.Labels);
    }
}
