using SharpSeg.AutoPlanner.Inference;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Inference;

public sealed class CascadeInputTests
{
    [Fact]
    public void Each_label_is_one_more_channel_and_the_rest_has_none()
    {
        float[] image = [10, 11, 20, 21, 30, 31, 40, 41]; // four voxels, two channels
        var input = CascadeInput.Of(new ImageInMemory(image, new Extent(1, 2, 2), 2), [0, 2, -1, 1], [1, 2]);
        Assert.Equal(4, input.Channels);
        var joined = new float[16];
        input.Read(default, new Extent(1, 2, 2), joined);
        Assert.Equal([10, 11, 0, 0, 20, 21, 0, 1, 30, 31, 0, 0, 40, 41, 1, 0], joined);
        input.Read(new Extent(0, 1, 1), Extent.One, joined.AsSpan(0, 4));
        Assert.Equal([40, 41, 1, 0], joined[..4]);
    }

    [Fact]
    public void A_segmentation_on_another_grid_is_refused() =>
        Assert.Throws<ShapeException>(
            () => CascadeInput.Of(new ImageInMemory(new float[8], new Extent(1, 2, 2), 2), new short[5], [1]));
}
