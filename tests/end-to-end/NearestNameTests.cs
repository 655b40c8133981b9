using SharpSeg.Cli;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

[Trait("Tier", "quick")]
public sealed class NearestNameTests
{
    private static readonly string[] Verbs = ["auto", "verify", "plan", "preprocess", "train", "predict", "evaluate", "devices"];

    [Theory]
    [InlineData("trian", "train")]
    [InlineData("pln", "plan")]
    [InlineData("preproces", "preprocess")]
    [InlineData("predcit", "predict")]
    [InlineData("evalute", "evaluate")]
    [InlineData("device", "devices")]
    [InlineData("train", "train")]
    [InlineData("segmentation", null)]
    [InlineData("x", null)]
    public void The_name_with_the_fewest_edits_is_found(string typed, string? expected) =>
        Assert.Equal(expected, NearestName.Find(typed, Verbs));

    [Fact]
    public void Of_two_equally_near_names_the_first_is_taken() => Assert.Equal("ab", NearestName.Find("aa", ["ab", "ac"]));
}
