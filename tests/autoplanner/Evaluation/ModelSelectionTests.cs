using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Planning;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Evaluation;

/// <summary>Vectors of docs/method/evaluation.md §4.</summary>
public sealed class ModelSelectionTests
{
    private static readonly string[] All = ["3d_cascade_fullres", "2d", "3d_lowres", "3d_fullres"];

    [Fact]
    public void Singles_come_before_pairs_in_a_fixed_order()
    {
        Assert.Equal(
            [
                "2d", "3d_fullres", "3d_lowres", "3d_cascade_fullres", "2d+3d_fullres", "2d+3d_lowres", "2d+3d_cascade_fullres",
                "3d_fullres+3d_lowres",
                "3d_fullres+3d_cascade_fullres", "3d_lowres+3d_cascade_fullres",
            ],
            Names(Profile.Modern, All, All));
        Assert.Equal(
            ["2d", "3d_fullres", "3d_cascade_fullres", "2d+3d_fullres", "2d+3d_cascade_fullres", "3d_fullres+3d_cascade_fullres"],
            Names(Profile.Classic, All, All));
        Assert.Equal(["2d", "3d_fullres", "2d+3d_fullres"], Names(Profile.Modern, ["2d", "3d_fullres"], All));
        Assert.Equal(
            ["2d", "3d_fullres"],
            ModelSelection.Candidates(ModelSelection.Singles(Profile.Modern, All), ["2d", "3d_fullres"], false, true)
                .Select(c => c.ToString()));
    }

    [Fact]
    public void Untrained_configurations_are_an_error_unless_left_out()
    {
        var error = Assert.Throws<SharpSegException>(
            () => ModelSelection.Candidates(ModelSelection.Singles(Profile.Modern, All), ["2d"]));
        Assert.Contains("3d_fullres", error.Message, StringComparison.Ordinal);
        Assert.Single(ModelSelection.Candidates(ModelSelection.Singles(Profile.Modern, All), ["2d"], trainedOnly: true));
        Assert.Throws<SharpSegException>(
            () => ModelSelection.Candidates(ModelSelection.Singles(Profile.Modern, All), [], trainedOnly: true));
    }

    [Fact]
    public void The_highest_score_wins_and_the_simpler_one_of_equals()
    {
        Assert.Equal(1, ModelSelection.Best([.80, .85, .85, .85]));
        Assert.Equal(2, ModelSelection.Best([.80, .85, .8501]));
        Assert.Equal(1, ModelSelection.Best([double.NaN, .1]));
        Assert.Equal(0, ModelSelection.Best([.1, double.NaN]));
        Assert.Equal(0, ModelSelection.Best([double.NaN, double.NaN]));
    }

    private static IEnumerable<string> Names(Profile profile, string[] planned, string[] trained) =>
        ModelSelection.Candidates(ModelSelection.Singles(profile, planned), trained).Select(candidate => candidate.ToString());
}
