using SharpSeg.AutoPlanner.Datasets;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Datasets;

/// <summary>Pairs of sides among the names of classes (docs/method/planning.md §3.12).</summary>
public sealed class LeftRightPairsTests
{
    [Theory]
    [InlineData("left_kidney right_kidney", "left_kidney/right_kidney")]
    [InlineData("kidney_right kidney_left", "kidney_left/kidney_right")]
    [InlineData("Lung-L Lung-R heart", "Lung-L/Lung-R")]
    [InlineData("hipLeft hipRight", "hipLeft/hipRight")]
    [InlineData("LKidney RKidney", "LKidney/RKidney")]
    [InlineData("Niere.links Niere.rechts", "Niere.links/Niere.rechts")]
    [InlineData("rein_gauche rein_droite rein_droit", "rein_gauche/rein_droite")]
    [InlineData("left right", "left/right")]
    [InlineData("L R", "L/R")]
    [InlineData("left_rib_1 right_rib_1 left_rib_2 right_rib_3", "left_rib_1/right_rib_1")]
    [InlineData("iliac_l iliac_r l_eye r_eye", "iliac_l/iliac_r l_eye/r_eye")]
    [InlineData("anterior posterior", "")]
    [InlineData("liver spleen", "")]
    [InlineData("left_kidney right_lung", "")]
    [InlineData("lung rung", "")]
    [InlineData("cleft bright", "")]
    [InlineData("vertebra_L1 vertebra_R2", "")]
    [InlineData("left_right_shunt shunt", "")]
    public void Pairs_are_noticed_by_their_names(string names, string pairs)
    {
        string[] list = names.Split(' ');
        var labels = new LabelScheme(
            [new("background", [0]), .. list.Select((name, i) => new LabelEntry(name, [i + 1]))]);
        Assert.Equal(
            pairs, string.Join(' ', LeftRightPairs.Of(labels).Select(pair => $"{pair.Left.Name}/{pair.Right.Name}")));
    }

    [Fact]
    public void Regions_have_sides_too()
    {
        var labels = new LabelScheme(
            [new("background", [0]), new("left_lung", [1, 2]), new("right_lung", [3, 4]), new("l_node", [2])], [1, 3, 2]);
        Assert.Equal([1, 2], Assert.Single(LeftRightPairs.Of(labels)).Left.Values);
    }
}
