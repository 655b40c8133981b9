using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.Engine.Networks;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Planning;

/// <summary>
/// Every key of plans.json that changes the result is honoured or refused by its name: one row per key, on plans as nnU-Net v2
/// writes them.
/// </summary>
public sealed class StrictPlansTests
{
    private const string Arguments = "configurations.3d.architecture.arch_kwargs";

    private const string Complete = """
        {"dataset_name": "Dataset001_X", "plans_name": "nnUNetPlans", "original_median_spacing_after_transp": [1, 1, 1],
         "original_median_shape_after_transp": [40, 40, 40], "image_reader_writer": "SimpleITKIO", "transpose_forward": [0, 1, 2],
         "transpose_backward": [0, 1, 2], "label_manager": "LabelManager", "experiment_planner_used": "ExperimentPlanner",
         "configurations": {"3d": {
           "data_identifier": "nnUNetPlans_3d", "preprocessor_name": "DefaultPreprocessor", "batch_size": 2, "patch_size": [16, 16, 16],
           "median_image_size_in_voxels": [40, 40, 40], "spacing": [1, 1, 1], "normalization_schemes": ["CTNormalization"],
           "use_mask_for_norm": [false],
           "resampling_fn_data": "resample_data_or_seg_to_shape", "resampling_fn_seg": "resample_data_or_seg_to_shape",
           "resampling_fn_data_kwargs": {"is_seg": false, "order": 3, "order_z": 0, "force_separate_z": null},
           "resampling_fn_seg_kwargs": {"is_seg": true, "order": 1, "order_z": 0, "force_separate_z": null},
           "resampling_fn_probabilities": "resample_data_or_seg_to_shape",
           "resampling_fn_probabilities_kwargs": {"is_seg": false, "order": 1, "order_z": 0, "force_separate_z": null},
           "architecture": {"network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet", "arch_kwargs": {
             "n_stages": 2, "features_per_stage": [4, 8], "conv_op": "torch.nn.modules.conv.Conv3d", "kernel_sizes": [[3, 3, 3], [3, 3, 3]],
             "strides": [[1, 1, 1], [2, 2, 2]], "n_conv_per_stage": [2, 2], "n_conv_per_stage_decoder": [2], "conv_bias": true,
             "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d", "norm_op_kwargs": {"eps": 1e-05, "affine": true},
             "dropout_op": null, "dropout_op_kwargs": null, "nonlin": "torch.nn.LeakyReLU", "nonlin_kwargs": {"inplace": true}},
             "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"]},
           "batch_dice": true}},
         "foreground_intensity_properties_per_channel": {"0": {"max": 9, "mean": 1, "median": 1, "min": -9, "percentile_00_5": -5,
           "percentile_99_5": 5, "std": 2}}}
        """;

    public static TheoryData<string, string?, string> Refusals => new()
    {
        { "label_manager", "\"MyLabelManager\"", "label_manager: `MyLabelManager` is not supported" },
        { "image_reader_writer", "\"SleepIO\"", "image_reader_writer: `SleepIO` is not supported" },
        { "transpose_backward", "[2, 0, 1]", "transpose_backward: does not undo" },
        { "configurations.3d.preprocessor_name", "\"MyPreprocessor\"", "preprocessor_name: `MyPreprocessor` is not supported" },
        { "configurations.3d.normalization_schemes", "[\"MyNormalization\"]", "unknown scheme `MyNormalization`" },
        { "configurations.3d.architecture.network_class_name", "\"dynamic_network_architectures.architectures.primus.Primus\"",
            "`Primus` (a transformer) is not supported" },
        { "configurations.3d.architecture.network_class_name", "\"mine.UMambaBot\"", "`UMambaBot` is not supported" },
        { $"{Arguments}.norm_op", "\"torch.nn.GroupNorm\"", "norm_op: `GroupNorm` is not supported" },
        { $"{Arguments}.norm_op", "\"torch.nn.InstanceNorm2d\"", "norm_op: `InstanceNorm2d` is not supported" },
        { $"{Arguments}.norm_op", null, "norm_op: missing" },
        { $"{Arguments}.norm_op_kwargs.track_running_stats", "true", "track_running_stats: `true` is not supported" },
        { $"{Arguments}.norm_op_kwargs.groups", "4", "groups: `4` is not supported" },
        { $"{Arguments}.norm_op_kwargs.eps", "0", "eps: must be above 0" },
        { $"{Arguments}.nonlin", "\"torch.nn.GELU\"", "nonlin: `GELU` is not supported" },
        { $"{Arguments}.nonlin", null, "nonlin: missing" },
        { $"{Arguments}.nonlin_kwargs.approximate", "\"tanh\"", "approximate: `\"tanh\"` is not supported" },
        { $"{Arguments}.nonlin_kwargs.negative_slope", "-0.5", "negative_slope: must be" },
        { $"{Arguments}.conv_op", "\"torch.nn.Conv2d\"", "conv_op: `Conv2d` does not suit" },
        { $"{Arguments}.nonlin_first", "true", "nonlin_first: `true` is not supported" },
        { $"{Arguments}.block", "\"dynamic_network_architectures.building_blocks.residual.BottleneckD\"", "block: " },
        { $"{Arguments}.bottleneck_channels", "[4, 4]", "bottleneck_channels: `[4,4]` is not supported" },
        { $"{Arguments}.stem_channels", "16", "stem_channels: `16` is not supported" },
        { $"{Arguments}.squeeze_excitation", "true", "squeeze_excitation: `true` is not supported" },
        { $"{Arguments}.pool", "\"max\"", "pool: `\"max\"` is not supported" },
        { $"{Arguments}.dropout_op", "\"mine.DropBlock\"", "dropout_op: `DropBlock` is not supported" },
        { $"{Arguments}.stochastic_depth_p", "1.5", "stochastic_depth_p: must be 0 to 1" },
        { $"{Arguments}.deep_supervision", "\"often\"", "deep_supervision: expected true or false" },
        { $"{Arguments}.my_own", "1", "my_own: `1` is not supported" },
        { $"{Arguments}.n_stages", "3", "do not describe one network" },
        { $"{Arguments}.n_stages", "100000", "n_stages: 100000 is not between" },
        { $"{Arguments}.kernel_sizes", "2", "kernels (odd)" },
        { "configurations.3d.resampling_fn_data", "\"resample_my_way\"",
            "resampling_fn_data: `resample_my_way` is not supported" },
        { "configurations.3d.resampling_fn_data_kwargs.order", "2", "order: order 2 is not supported" },
        { "configurations.3d.resampling_fn_data_kwargs.order_z", "5", "order_z: order 5 is not supported" },
        { "configurations.3d.resampling_fn_data_kwargs.is_seg", "true", "is_seg: true is not supported" },
        { "configurations.3d.resampling_fn_seg_kwargs.is_seg", "false", "is_seg: false is not supported" },
        { "configurations.3d.resampling_fn_data_kwargs.antialias", "true", "antialias: `true` is not supported" },
        { "configurations.3d.resampling_fn_data_kwargs.separate_z_anisotropy_threshold", "0",
            "separate_z_anisotropy_threshold: must be above 0" },
    };

    [Fact]
    public void Plans_of_nnUNet_are_read()
    {
        var plan = PlansJson.Parse(Complete, "plans.json").Resolve("3d");
        Assert.Equal((NetworkFamily.PlainUNet, NormKind.Instance, 0.01, 1e-5, true, true), (
            plan.Architecture.Family, plan.Architecture.Norm, plan.Architecture.LeakySlope, plan.Architecture.NormEpsilon,
            plan.Architecture.NormAffine, plan.Architecture.ConvolutionBias));
    }

    [Theory]
    [MemberData(nameof(Refusals))]
    public void What_would_change_the_result_is_refused_by_name(string path, string? value, string expected)
    {
        var error = Assert.Throws<SharpSegException>(() => PlansJson.Parse(With((path, value)), "plans.json"));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.StartsWith("plans.json: ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Activations_are_honoured()
    {
        Assert.Equal(0, Architecture(($"{Arguments}.nonlin", "\"torch.nn.ReLU\"")).LeakySlope);
        Assert.Equal(
            0, Architecture(
                ($"{Arguments}.nonlin", "\"torch.nn.modules.activation.ReLU\""),
                ($"{Arguments}.nonlin_kwargs", null)).LeakySlope);
        Assert.Equal(0.2, Architecture(($"{Arguments}.nonlin_kwargs.negative_slope", "0.2")).LeakySlope);
        Assert.Equal(0.2f, Network(($"{Arguments}.nonlin_kwargs.negative_slope", "0.2")).LeakySlope);
    }

    [Fact]
    public void Norms_and_biases_are_honoured()
    {
        Assert.Equal(0.001, Architecture(($"{Arguments}.norm_op_kwargs.eps", "0.001")).NormEpsilon);
        Assert.False(Architecture(($"{Arguments}.norm_op_kwargs.affine", "false")).NormAffine);
        Assert.False(Architecture(($"{Arguments}.norm_op_kwargs", null)).NormAffine); // PyTorch's default for instance norm
        Assert.Equal(NormKind.Batch, Architecture(($"{Arguments}.norm_op", "\"torch.nn.BatchNorm3d\"")).Norm);
        Assert.True(
            Architecture(($"{Arguments}.norm_op", "\"torch.nn.BatchNorm3d\""), ($"{Arguments}.norm_op_kwargs", null)).NormAffine);
        Assert.False(Architecture(($"{Arguments}.conv_bias", "false")).ConvolutionBias);
        Assert.False(Architecture(($"{Arguments}.conv_bias", null)).ConvolutionBias); // nnU-Net's default
        var network = Network(
            ($"{Arguments}.conv_bias", "false"), ($"{Arguments}.norm_op_kwargs.eps", "0.001"),
            ($"{Arguments}.norm_op_kwargs.affine", "false"));
        Assert.Equal((false, 0.001f, false), (network.ConvolutionBias, network.NormEpsilon, network.NormAffine));
    }

    [Fact]
    public void One_number_holds_for_all_stages_and_axes()
    {
        var plan = Architecture(
            ($"{Arguments}.features_per_stage", "6"), ($"{Arguments}.kernel_sizes", "3"),
            ($"{Arguments}.strides", "[1, [2, 2, 2]]"),
            ($"{Arguments}.n_conv_per_stage", "3"), ($"{Arguments}.n_conv_per_stage_decoder", "1"));
        Assert.Equal([6, 6], plan.FeaturesPerStage);
        Assert.Equal([[3, 3, 3], [3, 3, 3]], plan.KernelSizes);
        Assert.Equal([[1, 1, 1], [2, 2, 2]], plan.Strides);
        Assert.Equal([3, 3], plan.EncoderBlocks);
        Assert.Equal([1], plan.DecoderBlocks);
    }

    [Theory]
    [InlineData("dropout_op_kwargs", "{\"p\": 0.5}")] // of no class
    [InlineData("deep_supervision", "true")]
    [InlineData("nonlin_first", "false")]
    [InlineData("squeeze_excitation", "false")]
    [InlineData("bottleneck_channels", "null")]
    public void What_leaves_the_result_alone_passes(string key, string value) => Architecture(($"{Arguments}.{key}", value));

    [Theory]
    [InlineData("torch.nn.Dropout3d", null, "dropout (`dropout_op`: Dropout3d of 0.5)")]
    [InlineData("torch.nn.modules.dropout.Dropout", "{\"p\": 0.2, \"inplace\": true}", "dropout (`dropout_op`: Dropout of 0.2)")]
    [InlineData("torch.nn.Dropout2d", "{\"p\": 0}", null)]
    public void Dropout_is_read_with_its_probability(string name, string? kwargs, string? expected)
    {
        (string, string?)[] changes = [($"{Arguments}.dropout_op", $"\"{name}\""), ($"{Arguments}.dropout_op_kwargs", kwargs)];
        var dropout = Architecture(changes).Dropout;
        Assert.Equal(expected, dropout?.ToString());
        Assert.Equal(dropout, PlansJson.Parse(PlansJson.ToJson(Plans(changes)), "plans.json").Resolve("3d").Architecture.Dropout);
    }

    [Theory]
    [InlineData("{\"p\": -0.1}", "p: must be 0 to 1")]
    [InlineData("{\"p\": null}", "p: `null` is no probability")]
    [InlineData("{\"block_size\": 7}", "block_size: `7` is not supported")]
    public void Arguments_of_dropout_are_looked_at(string kwargs, string expected)
    {
        var error = Assert.Throws<SharpSegException>(
            () => Architecture(
                ($"{Arguments}.dropout_op", "\"torch.nn.Dropout3d\""), ($"{Arguments}.dropout_op_kwargs", kwargs)));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Stochastic_depth_is_read()
    {
        Assert.Null(Architecture(($"{Arguments}.stochastic_depth_p", "0.0")).Dropout);
        var plans = Plans(($"{Arguments}.stochastic_depth_p", "0.3"));
        var dropout = plans.Resolve("3d").Architecture.Dropout;
        Assert.Equal("stochastic depth (`stochastic_depth_p`: 0.3)", dropout?.ToString());
        Assert.Equal(dropout, PlansJson.Parse(PlansJson.ToJson(plans), "plans.json").Resolve("3d").Architecture.Dropout);
    }

    [Fact]
    public void Residual_encoders_take_their_own_arguments()
    {
        (string, string?)[] residual =
        [
            ("configurations.3d.architecture.network_class_name",
                "\"dynamic_network_architectures.architectures.residual_unet.ResidualEncoderUNet\""),
            ($"{Arguments}.n_conv_per_stage", null), ($"{Arguments}.n_blocks_per_stage", "[1, 3]"),
            ($"{Arguments}.stem_channels", "4"),
            ($"{Arguments}.block", "\"dynamic_network_architectures.building_blocks.residual.BasicBlockD\""),
        ];
        Assert.Equal(NetworkFamily.ResidualEncoderUNet, Architecture(residual).Family);
        var error = Assert.Throws<SharpSegException>(() => Architecture([.. residual, ($"{Arguments}.stem_channels", "8")]));
        Assert.Contains(
            "stem_channels: a stem of other than the first stage's 4 channels", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Resampling_is_honoured()
    {
        const string data = "configurations.3d.resampling_fn_data";
        var torch = Configuration(
            (data, "\"resample_torch_fornnunet\""),
            ($"{data}_kwargs", "{\"is_seg\": false, \"force_separate_z\": false, \"memefficient_seg_resampling\": false}"));
        Assert.Equal(new ResamplingOrder(1, 0, false, Method: ResamplingMethod.Torch), torch.Resampling.Data);
        var none = Configuration(
            (data, "\"nnunetv2.preprocessing.resampling.no_resampling.no_resampling_hack\""), ($"{data}_kwargs", "{}"));
        Assert.Equal(ResamplingMethod.None, none.Resampling.Data.Method);
        var other = Configuration(
            ($"{data}_kwargs",
                "{\"order\": 1, \"order_z\": 1, \"force_separate_z\": null, \"separate_z_anisotropy_threshold\": 2}"));
        Assert.Equal(new ResamplingOrder(1, 1, null, 2), other.Resampling.Data);
        // the function's own defaults
        Assert.Equal(new ResamplingOrder(3, 0, false), Configuration(($"{data}_kwargs", "{}")).Resampling.Data);
    }

    [Fact]
    public void Readers_are_honoured()
    {
        Assert.False(Plans(("image_reader_writer", "\"NibabelIO\"")).ReorientToRas);
        Assert.True(
            Plans(("image_reader_writer", "\"nnunetv2.imageio.nibabel_reader_writer.NibabelIOWithReorient\"")).ReorientToRas);
        Assert.False(Plans(("image_reader_writer", "\"Tiff3DIO\"")).ReorientToRas);
    }

    [Fact]
    public void Older_and_incomplete_plans_are_accepted()
    {
        var plans = Plans(
            ("configurations.3d.batch_dice", null), ("configurations.3d.median_image_size_in_voxels", null),
            ("label_manager", null),
            ("foreground_intensity_properties_per_channel", null), ("original_median_spacing_after_transp", null),
            ("foreground_intensity_properties_by_modality",
                "{\"0\": {\"max\": 9, \"mean\": 4, \"median\": 1, \"min\": -9, \"percentile_00_5\": -5, \"percentile_99_5\": 5, "
                    + "\"std\": 2}}"));
        Assert.Equal(4, plans.IntensityProperties[0]!.Mean);
    }

    [Fact]
    public void A_configuration_that_is_not_asked_for_may_be_anything()
    {
        var text = With(
            ("configurations.primus",
                "{\"inherits_from\": \"3d\", \"architecture\": {\"network_class_name\": \"x.Primus\", \"arch_kwargs\": {}}}"));
        Assert.Throws<SharpSegException>(() => PlansJson.Parse(text, "plans.json"));
        Assert.Equal(["3d"], PlansJson.Parse(text, "plans.json", ["3d"]).Configurations.Keys);
    }

    [Fact]
    public void What_is_read_is_written_and_read_again()
    {
        const string data = "configurations.3d.resampling_fn_data";
        var plans = Plans(
            ("image_reader_writer", "\"NibabelIOWithReorient\""), ($"{Arguments}.nonlin", "\"torch.nn.ReLU\""),
            ($"{Arguments}.conv_bias", "false"),
            ($"{Arguments}.norm_op", "\"torch.nn.BatchNorm3d\""), ($"{Arguments}.norm_op_kwargs.eps", "0.001"),
            (data, "\"resample_torch_fornnunet\""),
            ($"{data}_kwargs", "{\"is_seg\": false, \"separate_z_anisotropy_threshold\": 2}"));
        var again = PlansJson.Parse(PlansJson.ToJson(plans), "plans.json");
        Assert.Equal(PlansJson.ToJson(plans), PlansJson.ToJson(again));
        Assert.True(again.ReorientToRas);
        Assert.Equal(plans.Resolve("3d").Resampling, again.Resolve("3d").Resampling);
        Assert.Equal((0, NormKind.Batch, 0.001, false), (
            again.Resolve("3d").Architecture.LeakySlope, again.Resolve("3d").Architecture.Norm,
            again.Resolve("3d").Architecture.NormEpsilon,
            again.Resolve("3d").Architecture.ConvolutionBias));
    }

    private static ArchitecturePlan Architecture(params (string Path, string? Value)[] changes) =>
        Configuration(changes).Architecture;

    private static NetworkPlan Network(params (string Path, string? Value)[] changes) =>
        Configuration(changes).ToNetworkPlan(1, 2, deepSupervision: true);

    private static ConfigurationPlan Configuration(params (string Path, string? Value)[] changes) => Plans(changes).Resolve("3d");

    private static Plans Plans(params (string Path, string? Value)[] changes) => PlansJson.Parse(With(changes), "plans.json");

    /// <summary>The complete plans with some keys set to other JSON values, or removed (null).</summary>
    private static string With(params (string Path, string? Value)[] changes)
    {
        var root = JsonNode.Parse(Complete)!.AsObject();
        foreach (var (path, value) in changes)
        {
            var keys = path.Split('.');
            var target = root;
            foreach (var key in keys[..^1])
            {
                target = target[key]!.AsObject();
            }

            target.Remove(keys[^1]);
            if (value is not null)
            {
                target[keys[^1]] = JsonNode.Parse(value);
            }
        }

        return root.ToJsonString();
    }
}
