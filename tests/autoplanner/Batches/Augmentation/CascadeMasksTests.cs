using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Batches.Augmentation;

public sealed class CascadeMasksTests
{
    private static readonly Extent Size = new(8, 20, 70);

    [Theory]
    [InlineData(Profile.Modern)]
    [InlineData(Profile.Classic)]
    public void At_most_one_mask_is_set_at_every_voxel(Profile profile)
    {
        var recipe = AugmentationRecipe.For(profile) with { CascadeMorphology = 1, CascadeRemoval = 1 };
        var masks = new CascadeMasks(recipe, [1, 2, 5], Size, planar: false);
        var labels = Labels();
        var changed = 0;
        for (var i = 0; i < 40; i++)
        {
            masks.Fill(labels);
            var before = masks.Masks.Sum(m => m.Count());
            masks.Corrupt(new CounterRandom(2, i));
            changed += masks.Masks.Sum(m => m.Count()) != before ? 1 : 0;
            for (var word = 0; word < masks.Masks[0].Words.Length; word++)
            {
                ulong a = masks.Masks[0].Words[word], b = masks.Masks[1].Words[word], c = masks.Masks[2].Words[word];
                Assert.Equal(0UL, (a & b) | (a & c) | (b & c));
            }
        }

        Assert.InRange(changed, 20, 40);
    }

    [Fact]
    public void Masks_become_the_last_channels_in_the_order_of_labels()
    {
        var masks = new CascadeMasks(AugmentationRecipe.For(Profile.Modern), [1, 2, 5], Size, planar: false);
        var labels = Labels();
        masks.Fill(labels);
        var image = Enumerable.Repeat(9f, labels.Length * 5).ToArray();
        masks.Write(image, firstChannel: 2);
        for (var v = 0; v < labels.Length; v++)
        {
            Assert.Equal(
                [9, 9, labels[v] == 1 ? 1 : 0, labels[v] == 2 ? 1 : 0, labels[v] == 5 ? 1 : 0], image[(5 * v)..((5 * v) + 5)]);
        }
    }

    // docs/method/augmentation.md §1, rows 15 and 16: modern 0.4·0.5 and 0.2·0.5 for a single label, classic 0.4 and 0.2.
    [Theory]
    [InlineData(Profile.Modern, 0.2, 0.1)]
    [InlineData(Profile.Classic, 0.4, 0.2)]
    public void Corruptions_are_as_frequent_as_specified(Profile profile, double morphology, double removal)
    {
        // One lonely voxel: erosion and opening remove it, dilation adds voxels, closing keeps it; removal always takes it.
        const int Draws = 4000;
        var size = new Extent(1, 20, 20);
        var labels = new short[400];
        labels[210] = 1;
        foreach (var (recipe, expected) in new[]
        {
            (AugmentationRecipe.For(profile) with { CascadeRemoval = 0 }, morphology * 0.75),
            (AugmentationRecipe.For(profile) with { CascadeMorphology = 0 }, removal),
        })
        {
            var masks = new CascadeMasks(recipe, [1], size, planar: true);
            var changed = 0;
            for (var i = 0; i < Draws; i++)
            {
                masks.Fill(labels);
                masks.Corrupt(new CounterRandom(3, i));
                changed += masks.Masks[0].Count() != 1 ? 1 : 0;
            }

            var error = 4 * Math.Sqrt(expected * (1 - expected) / Draws);
            Assert.InRange(changed / (double)Draws, expected - error, expected + error);
        }
    }

    private static short[] Labels()
    {
        var labels = new short[Size.Voxels];
        for (var v = 0; v < labels.Length; v++)
        {
            int z = v / 1400, y = v / 70 % 20, x = v % 70;
            labels[v] = (short)(
                z is > 1 and < 6 && y is > 4 and < 15 ? x is > 8 and < 30
                    ? 1 : x is >= 30 and < 45 ? 2 : 0 : x == 60 && y == 2 ? 5 : 0);
        }

        return labels;
    }
}
