using System.Text.Json;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Volumes;

/// <summary>Vectors of docs/method/preprocessing.md §2.</summary>
public sealed class NonZeroCropTests
{
    [Fact]
    public void A_gap_that_is_open_to_the_outside_is_marked_and_labels_outside_the_mask_are_kept()
    {
        var extent = new Extent(4, 5, 6);
        var image = new float[extent.Voxels];
        Fill(image, extent, new Extent(1, 1, 2), new Extent(2, 3, 3), 5);
        image[At(extent, 1, 2, 3)] = 0;
        var labels = new short[extent.Voxels];
        labels[At(extent, 2, 2, 3)] = 1;
        labels[At(extent, 0, 0, 0)] = 7;

        var crop = NonZeroCrop.Find([image], extent);
        Assert.Equal(new Extent(1, 1, 2), crop.Origin);
        Assert.Equal(new Extent(2, 3, 3), crop.Size);

        var cropped = NonZeroCrop.CropLabels(labels, extent, crop);
        var expected = new short[18];
        expected[At(crop.Size, 0, 1, 1)] = -1;
        expected[At(crop.Size, 1, 1, 1)] = 1;
        Assert.Equal(expected, cropped);
        Assert.Equal(1, labels[At(extent, 2, 2, 3)]);
    }

    [Fact]
    public void Enclosed_voxels_are_filled_and_channels_to_the_border_are_not()
    {
        var extent = new Extent(5, 5, 5);
        Assert.DoesNotContain(false, MaskWithZeros(extent, [(2, 2, 2)]));
        Assert.Equal(3, MaskWithZeros(extent, [(2, 2, 0), (2, 2, 1), (2, 2, 2)]).Count(inside => !inside));

        var diagonal = MaskWithZeros(extent, [(2, 2, 2), (1, 1, 1), (0, 0, 0)]);
        Assert.Equal(1, diagonal.Count(inside => !inside));
        Assert.False(diagonal[0]);
    }

    [Fact]
    public void The_box_covers_every_channel()
    {
        var extent = new Extent(3, 4, 4);
        var first = new float[extent.Voxels];
        var second = new float[extent.Voxels];
        Fill(first, extent, default, new Extent(3, 2, 4), -1);
        Fill(second, extent, default, new Extent(3, 4, 2), 1);
        Assert.Equal(extent, NonZeroCrop.Find([first, second], extent).Size);
    }

    [Fact]
    public void A_flat_image_never_has_holes()
    {
        var extent = new Extent(1, 5, 5);
        Assert.Equal(1, MaskWithZeros(extent, [(0, 2, 2)]).Count(inside => !inside));
    }

    [Fact]
    public void An_empty_image_keeps_its_size_and_is_all_outside()
    {
        var extent = new Extent(2, 3, 4);
        var crop = NonZeroCrop.Find([new float[24]], extent);
        Assert.Equal(extent, crop.Size);
        Assert.All(NonZeroCrop.CropLabels(null, extent, crop), label => Assert.Equal(-1, label));
    }

    [Fact]
    public void A_winding_passage_is_followed_to_its_end()
    {
        // Walls at even x with openings alternately at the top and the bottom: the flood has to wind through all of them.
        var extent = new Extent(3, 9, 21);
        var image = new float[extent.Voxels];
        Array.Fill(image, 1);
        for (var x = 0; x < extent.X - 1; x++)
        {
            for (var y = 1; y < extent.Y - 1; y++)
            {
                if (x % 2 == 1 || y == (x % 4 == 0 ? 1 : extent.Y - 2))
                {
                    image[At(extent, 1, y, x)] = 0;
                }
            }
        }

        var zeros = image.Count(value => value == 0);
        Assert.Equal(zeros, NonZeroCrop.Find([image], extent).Mask.Count(inside => !inside));
        image[At(extent, 1, 1, 0)] = 1;
        Assert.DoesNotContain(false, NonZeroCrop.Find([image], extent).Mask);
    }

    [Fact]
    public void Golden_crops_are_equal()
    {
        foreach (var item in GoldenJson.Rows("crop_to_nonzero.json", 12, 2))
        {
            var data = item.GetProperty("data");
            var extent = GoldenJson.ExtentOf(data);
            var values = GoldenJson.Floats(data);
            var channels = values.Chunk((int)extent.Voxels).ToList();
            var labels = item.GetProperty("seg").ValueKind == JsonValueKind.Null
                ? null
                : GoldenJson.Labels(item.GetProperty("seg"));

            var crop = NonZeroCrop.Find(channels, extent);
            var bbox = item.GetProperty("bbox").EnumerateArray().ToArray();
            for (var axis = 0; axis < 3; axis++)
            {
                Assert.Equal(bbox[axis][0].GetInt32(), crop.Origin[axis]);
                Assert.Equal(bbox[axis][1].GetInt32(), crop.Origin[axis] + crop.Size[axis]);
            }

            Assert.Equal(GoldenJson.Labels(item.GetProperty("seg_out")), NonZeroCrop.CropLabels(labels, extent, crop));
        }
    }

    /// <summary>The labels' own array holds the box at its front: the same labels as in an array of their own.</summary>
    [Fact]
    public void Cropping_in_place_gives_the_same_labels()
    {
        for (var round = 0; round < 200; round++)
        {
            var extent = new Extent(Random.Shared.Next(1, 7), Random.Shared.Next(1, 7), Random.Shared.Next(1, 7));
            var share = Random.Shared.NextDouble();
            var image = new float[extent.Voxels];
            var labels = new short[extent.Voxels];
            for (var i = 0; i < image.Length; i++)
            {
                image[i] = Random.Shared.NextDouble() < share ? 1 : 0;
                labels[i] = (short)Random.Shared.Next(3);
            }

            var crop = NonZeroCrop.Find([image], extent);
            var expected = NonZeroCrop.CropLabels(labels, extent, crop);
            var own = (short[])labels.Clone();
            Assert.Same(own, NonZeroCrop.CropLabels(own, extent, crop, inPlace: true));
            Assert.Equal(expected, own[..(int)crop.Size.Voxels]);
        }
    }

    private static bool[] MaskWithZeros(Extent extent, (int Z, int Y, int X)[] zeros)
    {
        var image = new float[extent.Voxels];
        Array.Fill(image, 1);
        foreach (var (z, y, x) in zeros)
        {
            image[At(extent, z, y, x)] = 0;
        }

        return NonZeroCrop.Find([image], extent).Mask;
    }

    private static void Fill(float[] image, Extent extent, Extent origin, Extent size, float value)
    {
        for (var z = 0; z < size.Z; z++)
        {
            for (var y = 0; y < size.Y; y++)
            {
                image.AsSpan(At(extent, z + origin.Z, y + origin.Y, origin.X), size.X).Fill(value);
            }
        }
    }

    private static int At(Extent extent, int z, int y, int x) => (z * extent.Y + y) * extent.X + x;
}
