using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Training;
using Xunit;
using static SharpSeg.AutoPlanner.Tests.Planning.PlanningFixtures;

namespace SharpSeg.AutoPlanner.Tests.Planning;

/// <summary>Every network that the engine trains can be asked for by name.</summary>
public sealed class NetworkChoiceTests
{
    [Theory]
    [InlineData("unet", NetworkFamily.PlainUNet)]
    [InlineData("resenc", NetworkFamily.ResidualEncoderUNet)]
    [InlineData("resenc_m", NetworkFamily.ResidualEncoderUNet)]
    [InlineData("resenc_l", NetworkFamily.ResidualEncoderUNet)]
    [InlineData("resenc_xl", NetworkFamily.ResidualEncoderUNet)]
    [InlineData("unetpp", NetworkFamily.UNetPlusPlus)]
    [InlineData("stunet_s", NetworkFamily.StuNet)]
    [InlineData("stunet_b", NetworkFamily.StuNet)]
    [InlineData("stunet_l", NetworkFamily.StuNet)]
    [InlineData("stunet_h", NetworkFamily.StuNet)]
    [InlineData("classic", NetworkFamily.ClassicUNet)]
    public void A_name_plans_its_network(string name, NetworkFamily family)
    {
        var network = NetworkChoice.All.Single(choice => choice.Name == name);
        var plans = Plan(Identical(131, [1, 1, 1], [200, 200, 200]), 3, network.Options()).Plans;
        Assert.Equal(network.Profile, plans.Profile);
        Assert.Equal(family, plans.Resolve("3d_fullres").Architecture.Family);
        Assert.Equal(PlansJson.ToJson(plans), PlansJson.ToJson(PlansJson.Parse(PlansJson.ToJson(plans), "plans.json")));
    }

    [Fact]
    public void Plans_of_different_networks_have_different_names()
    {
        string[] names =
            [.. NetworkChoice.All.Select(
                network => Plan(Identical(20, [1, 1, 1], [80, 80, 80]), 3, network.Options()).Plans.PlansName)];
        Assert.Equal(names.Length, names.Distinct().Count());
    }

    /// <summary>Table 1 of arXiv:2304.06716, millions; exact numbers stand in docs/method/networks.md §8.</summary>
    [Theory]
    [InlineData("stunet_s", 14.60)]
    [InlineData("stunet_b", 58.26)]
    [InlineData("stunet_l", 440.30)]
    [InlineData("stunet_h", 1457.33)]
    public void A_planned_STUNet_has_the_published_number_of_parameters(string name, double millions)
    {
        const int publishedClasses = 105;
        var options = NetworkChoice.All.Single(choice => choice.Name == name).Options();
        var configuration = Plan(Identical(131, [1, 1, 1], [300, 300, 300]), publishedClasses, options).Plans.Resolve(
            "3d_fullres");
        var entries = string.Join(
            ", ", Enumerable.Range(1, publishedClasses - 1).Select(label => $"\"structure_{label}\": {label}"));
        var description = DatasetDescription.FromJson(
            $$"""{"channel_names": {"0": "CT"}, "labels": {"background": 0, {{entries}}}, "numTraining": 131, "file_ending": ".nii.gz"}""");
        var size = NetworkSize.Of(configuration.NetworkFor(Profile.Modern, description), configuration.Patch);
        Assert.Equal(millions, Math.Round(size.Parameters / 1e6, 2));

        // Running averages of batch normalisation are no parameters.
        var batch = configuration with { Architecture = configuration.Architecture with { Norm = NormKind.Batch } };
        Assert.Equal(
            size.Parameters, NetworkSize.Of(batch.NetworkFor(Profile.Modern, description), batch.Patch).Parameters);
    }
}
