using System.Text.Json.Nodes;
using SharpSeg.Engine.Networks;

namespace SharpSeg.AutoPlanner.Planning;

/// <summary>
/// The `architecture` object of plans.json under nnU-Net v2's keys (`network_class_name`, `arch_kwargs`). Plans of nnU-Net v2 before
/// 2.4, which spread the same facts over keys such as `UNet_class_name` and `pool_op_kernel_sizes`, are read too.
/// </summary>
internal static class ArchitectureJson
{
    private const string UNetModule = "dynamic_network_architectures.architectures.unet.";

    private static readonly (NetworkFamily Family, string ClassName, string BlocksKey)[] Families =
    [
        (NetworkFamily.PlainUNet, UNetModule + "PlainConvUNet", "n_conv_per_stage"),
        (NetworkFamily.ResidualEncoderUNet, UNetModule + "ResidualEncoderUNet", "n_blocks_per_stage"),
        (NetworkFamily.ClassicUNet, "sharpseg.ClassicUNet", "n_conv_per_stage"),
        (NetworkFamily.UNetPlusPlus, "sharpseg.UNetPlusPlus", "n_conv_per_stage"),
        (NetworkFamily.StuNet, "sharpseg.StuNet", "n_blocks_per_stage"),
    ];

    /// <summary>The architecture of a resolved configuration.</summary>
    /// <exception cref="SharpSegException">Unknown network class, or lists of different lengths.</exception>
    public static ArchitecturePlan Read(JsonFile configuration)
    {
        var plan = configuration.OptionalObject("architecture") is { } architecture ? ReadNested(architecture) : ReadOld(configuration);
        Check(configuration, plan);
        return plan;
    }

    /// <summary>The JSON of an architecture, complete enough for nnU-Net v2 to build the same network.</summary>
    public static JsonObject Write(ArchitecturePlan plan)
    {
        var (_, className, blocksKey) = Families.Single(entry => entry.Family == plan.Family);
        var dimensions = plan.Strides[0].Length;
        return new JsonObject
        {
            ["network_class_name"] = className,
            ["arch_kwargs"] = new JsonObject
            {
                ["n_stages"] = plan.StageCount,
                ["features_per_stage"] = PlansJson.List(plan.FeaturesPerStage),
                ["conv_op"] = $"torch.nn.modules.conv.Conv{dimensions}d",
                ["kernel_sizes"] = PlansJson.Rows(plan.KernelSizes),
                ["strides"] = PlansJson.Rows(plan.Strides),
                [blocksKey] = PlansJson.List(plan.EncoderBlocks),
                ["n_conv_per_stage_decoder"] = PlansJson.List(plan.DecoderBlocks),
                ["conv_bias"] = true,
                ["norm_op"] = $"torch.nn.modules.instancenorm.InstanceNorm{dimensions}d",
                ["norm_op_kwargs"] = new JsonObject { ["eps"] = 1e-5, ["affine"] = true },
                ["dropout_op"] = null,
                ["dropout_op_kwargs"] = null,
                ["nonlin"] = "torch.nn.LeakyReLU",
                ["nonlin_kwargs"] = new JsonObject { ["inplace"] = true },
            },
            ["_kw_requires_import"] = new JsonArray("conv_op", "norm_op", "dropout_op", "nonlin"),
        };
    }

    private static ArchitecturePlan ReadNested(JsonFile architecture)
    {
        var (family, _, blocksKey) = FamilyOf(architecture, "network_class_name");
        var arguments = architecture.RequiredObject("arch_kwargs");
        return new ArchitecturePlan
        {
            Family = family,
            FeaturesPerStage = arguments.RequiredInts("features_per_stage"),
            KernelSizes = arguments.RequiredIntRows("kernel_sizes"),
            Strides = arguments.RequiredIntRows("strides"),
            EncoderBlocks = arguments.RequiredInts(blocksKey),
            DecoderBlocks = arguments.RequiredInts("n_conv_per_stage_decoder"),
        };
    }

    private static ArchitecturePlan ReadOld(JsonFile configuration)
    {
        var (family, _, _) = FamilyOf(configuration, "UNet_class_name");
        var blocks = configuration.RequiredInts("n_conv_per_stage_encoder");
        var first = configuration.RequiredInt("UNet_base_num_features");
        var most = configuration.RequiredInt("unet_max_num_features");
        return new ArchitecturePlan
        {
            Family = family,
            FeaturesPerStage = [.. blocks.Select((_, stage) => (int)Math.Min(most, (long)first << Math.Min(stage, 30)))],
            KernelSizes = configuration.RequiredIntRows("conv_kernel_sizes"),
            Strides = configuration.RequiredIntRows("pool_op_kernel_sizes"),
            EncoderBlocks = blocks,
            DecoderBlocks = configuration.RequiredInts("n_conv_per_stage_decoder"),
        };
    }

    private static (NetworkFamily Family, string ClassName, string BlocksKey) FamilyOf(JsonFile file, string key)
    {
        var name = file.RequiredText(key);
        foreach (var entry in Families)
        {
            if (name == entry.ClassName || name == entry.ClassName[(entry.ClassName.LastIndexOf('.') + 1)..])
            {
                return entry;
            }
        }

        throw file.Error(key, $"unknown network `{name}`", $"known: {string.Join(", ", Families.Select(entry => entry.ClassName))}");
    }

    private static void Check(JsonFile configuration, ArchitecturePlan plan)
    {
        var stages = plan.Strides.Count;
        var axes = configuration.RequiredInts("patch_size").Length;
        if (stages == 0 || plan.FeaturesPerStage.Count != stages || plan.KernelSizes.Count != stages ||
            plan.EncoderBlocks.Count != stages || plan.DecoderBlocks.Count != stages - 1)
        {
            throw configuration.Error(
                "architecture",
                $"{stages} strides, {plan.FeaturesPerStage.Count} features, {plan.KernelSizes.Count} kernels, " +
                $"{plan.EncoderBlocks.Count} encoder and {plan.DecoderBlocks.Count} decoder entries do not describe one network");
        }

        if (plan.Strides.Concat(plan.KernelSizes).Any(row => row.Length != axes || row.Any(value => value is < 1 or > 7)) ||
            plan.KernelSizes.Any(row => row.Any(value => value % 2 == 0)))
        {
            throw configuration.Error("architecture", $"kernels (odd) and strides must have {axes} entries of 1 to 7, as the patch has {axes} axes");
        }

        if (plan.FeaturesPerStage.Concat(plan.EncoderBlocks).Concat(plan.DecoderBlocks).Any(value => value is < 1 or > 65536))
        {
            throw configuration.Error("architecture", "features and block counts must be 1 or more");
        }
    }
}
