using SharpSeg.AutoPlanner.Batches;
using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Batches.Augmentation;

public sealed class AugmentationRecordTests
{
    [Fact]
    public void It_says_what_was_done_and_changes_nothing()
    {
        var geometry = PatchGeometry.For(Profile.Modern, new Extent(12, 14, 10), is2D: false);
        var always = AugmentationRecipe.For(Profile.Modern) with
        {
            Rotation = 1,
            Scaling = 1,
            Noise = 1,
            Blur = 1,
            BlurPerChannel = 1,
            Brightness = 1,
            Contrast = 1,
            LowResolution = 1,
            LowResolutionPerChannel = 1,
            InvertedGamma = 1,
            Gamma = 1,
            MirrorPerAxis = 1,
        };
        var source = MemoryCase.Blob("c", new Extent(16, 18, 14), 1, 5);
        var record = new AugmentationRecord();
        var (watched, alone) = (new PatchSample(geometry.Patch, 1, false), new PatchSample(geometry.Patch, 1, false));
        new AugmentationPipeline(always, Profile.Modern, geometry, [], Processor.Sampling, record)
            .Augment(source, default, CounterRandom.Derive(1, RandomPurpose.Training, 0, 0, 0), watched);
        new AugmentationPipeline(always, Profile.Modern, geometry, [], Processor.Sampling)
            .Augment(source, default, CounterRandom.Derive(1, RandomPurpose.Training, 0, 0, 0), alone);
        Assert.Equal(alone.Image, watched.Image);
        Assert.Equal(alone.Labels, watched.Labels);

        string[] expected =
        [
            "rotated by", "by a factor of", "noise", "blurred along z", "blurred along y", "blurred along x", "brightness",
            "contrast", "reduced to", "inverted gamma", ": gamma", "mirrored along z", "mirrored along y", "mirrored along x",
        ];
        Assert.Equal(expected.Length, record.Steps.Count);
        Assert.All(expected.Zip(record.Steps), pair => Assert.Contains(pair.First, pair.Second, StringComparison.Ordinal));
        Assert.Equal([0, 1, 2], record.MirroredAxes);
    }

    [Fact]
    public void The_words_have_the_numbers_that_were_drawn()
    {
        var record = new AugmentationRecord();
        record.Begin(new SpatialTransform(Matrix3.Identity, 0, 0, IsIdentity: false)
        {
            AnglesRadians = new Vector3D(Math.PI / 6, 0, 0), Scale = 0.8,
        });
        Assert.Equal(["rotated in its plane by 30.0°", "enlarged by a factor of 1.25"], record.Steps);
        record.Begin(new SpatialTransform(Matrix3.Identity, 0, 0, IsIdentity: true));
        Assert.Empty(record.Steps);
    }
}
