using SharpSeg.AutoPlanner.Planning;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;
using Xunit;
using static SharpSeg.AutoPlanner.Tests.Planning.PlanningFixtures;

namespace SharpSeg.AutoPlanner.Tests.Planning;

/// <summary>plans.json: nnU-Net v2's own files, round trips, inheritance (docs/method/planning.md §5), and bad files.</summary>
public sealed class PlansJsonTests
{
    private static readonly PlanResult Cascade = Plan(Identical(131, [1, .767578, .767578], [482, 512, 512]), 3);

    [Theory]
    [InlineData(Profile.Modern, PresetName.Default)]
    [InlineData(Profile.Modern, PresetName.ResEncL)]
    [InlineData(Profile.Classic, PresetName.Default)]
    public void What_is_written_is_read_back(Profile profile, PresetName preset)
    {
        var plans = Plan(
            Identical(131, [1, .767578, .767578], [482, 512, 512]), 3,
            new PlannerOptions { Profile = profile, Preset = preset }).Plans;
        var text = PlansJson.ToJson(plans);
        var again = PlansJson.Parse(text, "plans.json");
        Assert.Equal(text, PlansJson.ToJson(again));
        Assert.Equal((profile, plans.Preset), (again.Profile, again.Preset));
        Assert.Equal(plans.Configurations.Keys, again.Configurations.Keys);
        Assert.Equal(plans.Resolve("3d_lowres").Spacing, again.Resolve("3d_lowres").Spacing);
    }

    [Fact]
    public void The_cascade_writes_only_what_differs_from_its_parent()
    {
        var root = JsonFile.Parse(PlansJson.ToJson(Cascade.Plans), "plans.json");
        var cascade = root.RequiredObject("configurations").RequiredObject("3d_cascade_fullres").Node;
        Assert.Equal(["inherits_from", "previous_stage"], cascade.Select(pair => pair.Key));
    }

    [Fact]
    public void Children_are_laid_over_their_parents_key_by_key()
    {
        var plans = PlansJson.Parse(WithConfigurations("""
            , "small": {"inherits_from": "3d_fullres", "batch_size": 1},
              "smaller": {"inherits_from": "small", "patch_size": [64, 64, 64]}
            """), "plans.json");
        var full = plans.Resolve("3d_fullres");
        var smaller = plans.Resolve("smaller");
        Assert.Equal((1, full.DataIdentifier), (smaller.BatchSize, smaller.DataIdentifier));
        Assert.Equal([64, 64, 64], smaller.PatchSize);
        Assert.Equal("small", smaller.InheritsFrom);
        Assert.Equal("3d_fullres", plans.Resolve("small").InheritsFrom);
        Assert.Equal(PlansJson.ToJson(plans), PlansJson.ToJson(PlansJson.Parse(PlansJson.ToJson(plans), "again")));
    }

    [Fact]
    public void A_circle_is_refused_with_its_chain()
    {
        var text = WithConfigurations(""", "a": {"inherits_from": "b"}, "b": {"inherits_from": "c"}, "c": {"inherits_from": "a"}""");
        var error = Assert.Throws<SharpSegException>(() => PlansJson.Parse(text, "plans.json"));
        Assert.Contains("a → b → c → a", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_parent_is_refused_with_the_names_there_are()
    {
        var error = Assert.Throws<SharpSegException>(
            () => PlansJson.Parse(WithConfigurations(""", "a": {"inherits_from": "3d_fulres"}"""), "plans.json"));
        Assert.Contains("3d_fulres", error.Message, StringComparison.Ordinal);
        Assert.Contains("3d_fullres", error.Hint!, StringComparison.Ordinal);
    }

    [Fact]
    public void Planning_again_keeps_what_a_user_added()
    {
        var mine = PlansJson.Parse(WithConfigurations(""", "mine": {"inherits_from": "3d_fullres", "batch_size": 5}"""), "plans.json");
        var kept = Plan(Identical(50, [1, 1, 1], [36, 50, 35]), 3).Plans.KeepingConfigurationsOf(mine);
        Assert.Equal(["2d", "3d_fullres", "mine"], kept.Configurations.Keys.Order());
        Assert.Equal(5, kept.Resolve("mine").BatchSize);
        Assert.Equal([40, 56, 40], kept.Resolve("3d_fullres").PatchSize);
    }

    [Theory]
    [InlineData("\"batch_size\": 2", "\"batch_size\": 0", "batch_size")]
    [InlineData("\"batch_size\": 2", "\"batch_size\": \"two\"", "a finite number, found \"two\"")]
    [InlineData("\"transpose_backward\"", "\"transpose_backwards\"", "")]
    [InlineData("ZScoreNormalization", "ZScore", "unknown scheme `ZScore`")]
    [InlineData("PlainConvUNet", "FancyNet", "is not supported")]
    [InlineData("\"n_stages\"", "\"n_stage\"", "n_stage: ")]
    [InlineData("\"order\": 3", "\"order\": 2", "0, 1 and 3 are")]
    public void Bad_values_are_refused_in_one_line(string good, string bad, string expected)
    {
        var text = PlansJson.ToJson(Cascade.Plans);
        Assert.Contains(good, text, StringComparison.Ordinal);
        text = text.Replace(good, bad, StringComparison.Ordinal);
        if (expected.Length == 0)
        {
            PlansJson.Parse(text, "plans.json");        // derived values are not read
            return;
        }

        var error = Assert.Throws<SharpSegException>(() => PlansJson.Parse(text, "plans.json"));
        Assert.StartsWith("plans.json: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_patch_that_the_strides_do_not_divide_is_refused()
    {
        var text = WithConfigurations(""", "odd": {"inherits_from": "3d_fullres", "patch_size": [128, 128, 100]}""");
        var error = Assert.Throws<SharpSegException>(() => PlansJson.Parse(text, "plans.json"));
        Assert.Contains("100 is not a multiple of 32", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_configuration_is_answered_with_those_there_are()
    {
        var error = Assert.Throws<SharpSegException>(() => Cascade.Plans.Resolve("3d"));
        Assert.Contains("3d_fullres", error.Hint!, StringComparison.Ordinal);
    }

    [Fact]
    public void The_network_plan_has_three_axes_also_in_2d()
    {
        var plan = Cascade.Plans.Resolve("2d").ToNetworkPlan(inputChannels: 1, outputChannels: 3, deepSupervision: true);
        Assert.Equal((1, 3, true), (plan.InputChannels, plan.OutputChannels, plan.DeepSupervision));
        Assert.All(plan.Kernels, kernel => Assert.Equal(new Extent(1, 3, 3), kernel));
        Assert.Equal(Extent.One, plan.Strides[0]);
        Assert.All(plan.Strides.Skip(1), stride => Assert.Equal(new Extent(1, 2, 2), stride));
        Assert.Equal(new Extent(1, 512, 512), Cascade.Plans.Resolve("2d").Patch);
        plan.Check();
        plan.CheckPatch(Cascade.Plans.Resolve("2d").Patch);
    }

    [Fact]
    public void Plans_of_nnunet_before_2_4_are_read()
    {
        var plans = PlansJson.Parse("""
            {"dataset_name": "D", "plans_name": "nnUNetPlans", "original_median_spacing_after_transp": [1, 1, 1],
             "original_median_shape_after_transp": [36, 50, 35], "transpose_forward": [0, 1, 2], "transpose_backward": [0, 1, 2],
             "configurations": {"2d": {"data_identifier": "nnUNetPlans_2d", "batch_size": 366, "patch_size": [56, 40],
               "median_image_size_in_voxels": [50.0, 35.0], "spacing": [1.0, 1.0], "normalization_schemes": ["ZScoreNormalization"],
               "use_mask_for_norm": [false], "UNet_class_name": "PlainConvUNet", "UNet_base_num_features": 32,
               "n_conv_per_stage_encoder": [2, 2, 2, 2], "n_conv_per_stage_decoder": [2, 2, 2], "num_pool_per_axis": [3, 3],
               "pool_op_kernel_sizes": [[1, 1], [2, 2], [2, 2], [2, 2]], "conv_kernel_sizes": [[3, 3], [3, 3], [3, 3], [3, 3]],
               "unet_max_num_features": 100, "batch_dice": true}}}
            """, "plans.json");
        var network = plans.Resolve("2d").Architecture;
        Assert.Equal(NetworkFamily.PlainUNet, network.Family);
        Assert.Equal([32, 64, 100, 100], network.FeaturesPerStage);
        Assert.Equal((Profile.Modern, "default"), (plans.Profile, plans.Preset));
    }

    [Fact]
    public void The_reference_plans_are_read_as_they_are()
    {
        var files = Directory.GetFiles(SharedFolder.At("golden"), "*lans.json", SearchOption.AllDirectories);
        Assert.Equal(SharedFolder.Rows(14, 9), files.Length);
        foreach (var path in files)
        {
            var plans = PlansJson.Read(path);
            foreach (var configuration in plans.Configurations.Values)
            {
                var network = configuration.ToNetworkPlan(1, 2, deepSupervision: true);
                network.Check();
                network.CheckPatch(configuration.Patch);
            }

            Assert.NotEmpty(plans.Configurations);
        }
    }

    private static string WithConfigurations(string added)
    {
        var text = PlansJson.ToJson(Cascade.Plans);
        var at = text.IndexOf("\"experiment_planner_used\"", StringComparison.Ordinal);
        var close = text.LastIndexOf('}', at);
        return text[..close] + added + text[close..];
    }
}
