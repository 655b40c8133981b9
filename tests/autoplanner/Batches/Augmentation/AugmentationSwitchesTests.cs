using SharpSeg.AutoPlanner.Batches;
using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.AutoPlanner.Planning;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Batches.Augmentation;

/// <summary>Recipes without some of their parts.</summary>
public sealed class AugmentationSwitchesTests
{
    [Theory]
    [InlineData(Profile.Modern)]
    [InlineData(Profile.Classic)]
    public void Each_part_switches_off_its_own_probabilities_and_all_of_them_everything(Profile profile)
    {
        var recipe = AugmentationRecipe.For(profile);
        var off = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (name, part) in AugmentationSwitches.Names)
        {
            var (before, after) = (Probabilities(recipe), Probabilities(recipe.Without(part)));
            var changed = before.Keys.Where(key => before[key] != after[key]).ToArray();
            Assert.True(changed.All(key => after[key] == 0), name);
            Assert.True(changed.All(off.Add), $"{name} switches off what another part does, too");
        }

        Assert.Equal(Probabilities(recipe).Where(pair => pair.Value > 0).Select(pair => pair.Key).Order(), off.Order());
        Assert.All(Probabilities(recipe.Without(AugmentationParts.All)).Values, probability => Assert.Equal(0, probability));
        Assert.Equal(
            profile == Profile.Classic,
            AugmentationSwitches.PartsOf(recipe).HasFlag(AugmentationParts.Elastic));
    }

    [Fact]
    public void No_more_than_the_patch_is_read_where_nothing_moves()
    {
        var geometry = PatchGeometry.For(Profile.Modern, new(40, 56, 40), is2D: false);
        Assert.Equal(geometry.Patch, geometry.Without(AugmentationParts.All).Initial);
        Assert.Equal(geometry.Initial, geometry.Without(AugmentationParts.Rotation | AugmentationParts.Scaling).Initial);
    }

    [Fact]
    public void Parts_are_written_as_they_are_typed()
    {
        Assert.Equal("none", AugmentationSwitches.Text(AugmentationParts.All));
        Assert.Equal(
            "no-low-resolution,no-rotation",
            AugmentationSwitches.Text(AugmentationParts.Rotation | AugmentationParts.LowResolution));
    }

    /// <summary>All that decide whether a step happens; those per channel or label only matter once it does.</summary>
    private static Dictionary<string, double> Probabilities(AugmentationRecipe recipe) => typeof(AugmentationRecipe)
        .GetProperties()
        .Where(property => property.PropertyType == typeof(double)
            && !property.Name.EndsWith("PerChannel", StringComparison.Ordinal)
            && !property.Name.EndsWith("PerLabel", StringComparison.Ordinal))
        .ToDictionary(property => property.Name, property => (double)property.GetValue(recipe)!, StringComparer.Ordinal);
}
