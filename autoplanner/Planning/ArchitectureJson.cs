using System.Text.Json.Nodes;
using SharpSeg.Engine.Networks;

namespace SharpSeg.AutoPlanner.Planning;

/// <summary>
/// The `architecture` object of plans.json under nnU-Net v2's keys (`network_class_name`, `arch_kwargs`). Plans of nnU-Net v2
/// before 2.4, which spread the same facts over keys such as `UNet_class_name` and `pool_op_kernel_sizes`, are read too.
/// </summary>
internal static class ArchitectureJson
{
    private const double DefaultSlope = 0.01, DefaultEpsilon = 1e-5;       // PyTorch's
    private const string UNetModule = "dynamic_network_architectures.architectures.unet.";

    // Several times what any published network has; a damaged file must not ask for more than can be planned in a moment.
    private const int MostStages = 12, MostFeatures = 8192, MostBlocks = 64;

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
        var axes = configuration.RequiredInts("patch_size").Length;
        var plan = configuration.OptionalObject("architecture") is { } architecture
            ? ReadNested(architecture, axes)
            : ReadOld(configuration);
        Check(configuration, plan);
        return plan;
    }

    /// <summary>The JSON of an architecture, complete enough for nnU-Net v2 to build the same network.</summary>
    public static JsonObject Write(ArchitecturePlan plan)
    {
        var (_, className, blocksKey) = Families.Single(entry => entry.Family == plan.Family);
        var dimensions = plan.Strides[0].Length;
        var arguments = new JsonObject
        {
            ["n_stages"] = plan.StageCount,
            ["features_per_stage"] = PlansJson.List(plan.FeaturesPerStage),
            ["conv_op"] = $"torch.nn.modules.conv.Conv{dimensions}d",
            ["kernel_sizes"] = PlansJson.Rows(plan.KernelSizes),
            ["strides"] = PlansJson.Rows(plan.Strides),
            [blocksKey] = PlansJson.List(plan.EncoderBlocks),
            ["n_conv_per_stage_decoder"] = PlansJson.List(plan.DecoderBlocks),
            ["conv_bias"] = plan.ConvolutionBias,
            ["norm_op"] = plan.Norm == NormKind.Instance
                ? $"torch.nn.modules.instancenorm.InstanceNorm{dimensions}d"
                : $"torch.nn.modules.batchnorm.BatchNorm{dimensions}d",
            ["norm_op_kwargs"] = NormArguments(plan),
        };
        DropoutJson.Write(plan.Dropout, arguments);
        arguments["nonlin"] = plan.LeakySlope == 0 ? "torch.nn.ReLU" : "torch.nn.LeakyReLU";
        arguments["nonlin_kwargs"] = plan.LeakySlope is 0 or DefaultSlope
            ? new JsonObject { ["inplace"] = true }
            : new JsonObject { ["inplace"] = true, ["negative_slope"] = plan.LeakySlope };
        return new JsonObject
        {
            ["network_class_name"] = className,
            ["arch_kwargs"] = arguments,
            ["_kw_requires_import"] = new JsonArray("conv_op", "norm_op", "dropout_op", "nonlin"),
        };
    }

    private static JsonObject NormArguments(ArchitecturePlan plan)
    {
        var arguments = new JsonObject { ["eps"] = plan.NormEpsilon, ["affine"] = plan.NormAffine };
        if (plan.Norm == NormKind.Batch)
        {
            arguments["momentum"] = plan.NormMomentum;
        }

        return arguments;
    }

    private static ArchitecturePlan ReadNested(JsonFile architecture, int axes)
    {
        var (family, _, blocksKey) = FamilyOf(architecture, "network_class_name");
        var arguments = architecture.RequiredObject("arch_kwargs");
        RequireKnown(arguments, family, blocksKey);
        var stages = arguments.Has("n_stages")
            ? arguments.RequiredInt("n_stages")
            : RowsOf(arguments, "strides", axes, null).Length;
        if (stages is < 1 or > MostStages)
        {
            throw arguments.Error("n_stages", $"{stages} is not between 1 and {MostStages}");
        }

        RequireClass(arguments, "conv_op", $"Conv{axes}d");
        var plan = new ArchitecturePlan
        {
            Family = family,
            FeaturesPerStage = ListOf(arguments, "features_per_stage", stages),
            KernelSizes = RowsOf(arguments, "kernel_sizes", axes, stages),
            Strides = RowsOf(arguments, "strides", axes, stages),
            EncoderBlocks = ListOf(arguments, blocksKey, stages),
            DecoderBlocks = ListOf(arguments, "n_conv_per_stage_decoder", stages - 1),
            ConvolutionBias = arguments.Flag("conv_bias") ?? false,
            Dropout = DropoutJson.Read(arguments),
        };
        if (plan.Strides.Count != stages)
        {
            throw arguments.Error("n_stages", $"{stages} stages and {plan.Strides.Count} strides do not describe one network");
        }

        if (arguments.Has("stem_channels") && arguments.RequiredInt("stem_channels") != plan.FeaturesPerStage[0])
        {
            throw arguments.Error(
                "stem_channels", $"a stem of other than the first stage's {plan.FeaturesPerStage[0]} channels is not supported");
        }

        return WithActivation(arguments, WithNorm(arguments, axes, plan));
    }

    /// <summary>Refuses what would change the network, and what is unknown.</summary>
    private static void RequireKnown(JsonFile arguments, NetworkFamily family, string blocksKey)
    {
        string[] read =
        [
            "n_stages", "features_per_stage", "conv_op", "kernel_sizes", "strides", blocksKey, "n_conv_per_stage_decoder",
            "conv_bias", "norm_op", "norm_op_kwargs", "nonlin", "nonlin_kwargs",
            DropoutJson.Class, DropoutJson.Arguments, DropoutJson.StochasticDepth,
        ];
        foreach (var (key, value) in arguments.Node)
        {
            var passes = key switch
            {
                // Which heads are trained; nnU-Net's trainers decide it, whatever stands here, and prediction uses the last.
                "deep_supervision" => value is null || arguments.Flag(key) is not null,
                "nonlin_first" or "squeeze_excitation" => value is null || arguments.Flag(key) == false,
                "bottleneck_channels" => value is null,
                "block" => value is null || LastName(arguments.RequiredText(key)) == "BasicBlockD",
                "pool" or "pool_type" => value is null || arguments.RequiredText(key) == "conv",
                "stem_channels" => family == NetworkFamily.ResidualEncoderUNet || value is null,
                _ => read.Contains(key),
            };
            if (!passes)
            {
                throw arguments.Error(
                    key, $"`{value?.ToJsonString() ?? "null"}` is not supported: it asks for another network than {family}");
            }
        }
    }

    private static ArchitecturePlan WithNorm(JsonFile arguments, int axes, ArchitecturePlan plan)
    {
        var name = arguments.Text("norm_op") is { } full
            ? LastName(full)
            : throw arguments.Error("norm_op", "missing: networks without normalisation are not supported");
        var isBatch = name == $"BatchNorm{axes}d";
        if (!isBatch && name != $"InstanceNorm{axes}d")
        {
            throw arguments.Error(
                "norm_op", $"`{name}` is not supported", $"InstanceNorm{axes}d and BatchNorm{axes}d are");
        }

        plan = plan with
        {
            Norm = isBatch ? NormKind.Batch : NormKind.Instance,
            NormAffine = isBatch,
            NormEpsilon = DefaultEpsilon,
        };
        foreach (var (key, value) in arguments.OptionalObject("norm_op_kwargs") is { } kwargs ? kwargs.Node : [])
        {
            kwargs = arguments.RequiredObject("norm_op_kwargs");
            plan = key switch
            {
                "eps" => plan with
                {
                    NormEpsilon = kwargs.RequiredNumber(key) is > 0 and <= 1 and var e
                        ? e
                        : throw kwargs.Error(key, "must be above 0 and at most 1"),
                },
                "affine" => plan with { NormAffine = kwargs.Flag(key) ?? false },
                "momentum" when isBatch => plan with
                {
                    NormMomentum = kwargs.RequiredNumber(key) is > 0 and <= 1 and var m
                        ? m
                        : throw kwargs.Error(key, "must be above 0 and at most 1"),
                },
                "momentum" => plan, // of statistics that instance normalisation does not keep
                "track_running_stats" when (kwargs.Flag(key) ?? false) == isBatch => plan,
                _ => throw kwargs.Error(key, $"`{value?.ToJsonString() ?? "null"}` is not supported"),
            };
        }

        return plan;
    }

    private static ArchitecturePlan WithActivation(JsonFile arguments, ArchitecturePlan plan)
    {
        var name = arguments.Text("nonlin") is { } full
            ? LastName(full)
            : throw arguments.Error("nonlin", "missing: networks without activation are not supported");
        if (name is not ("LeakyReLU" or "ReLU"))
        {
            throw arguments.Error("nonlin", $"`{name}` is not supported", "LeakyReLU and ReLU are");
        }

        var slope = name == "ReLU" ? 0 : DefaultSlope;
        foreach (var (key, value) in arguments.OptionalObject("nonlin_kwargs") is { } kwargs ? kwargs.Node : [])
        {
            kwargs = arguments.RequiredObject("nonlin_kwargs");
            slope = key switch
            {
                "inplace" => slope,
                "negative_slope" when name == "LeakyReLU" => kwargs.RequiredNumber(key) is >= 0 and < 1 and var s
                    ? s
                    : throw kwargs.Error(key, "must be 0 or more and below 1"),
                _ => throw kwargs.Error(key, $"`{value?.ToJsonString() ?? "null"}` is not supported"),
            };
        }

        return plan with { LeakySlope = slope };
    }

    private static void RequireClass(JsonFile arguments, string key, string expected)
    {
        if (arguments.Text(key) is { } name && LastName(name) != expected)
        {
            throw arguments.Error(key, $"`{LastName(name)}` does not suit the patch, which asks for {expected}");
        }
    }

    /// <summary>One number per stage; a single number holds for all.</summary>
    private static int[] ListOf(JsonFile arguments, string key, int stages) => arguments.Node[key] is JsonValue
        ? [.. Enumerable.Repeat(arguments.RequiredInt(key), stages)]
        : arguments.RequiredInts(key);

    /// <summary>One number per axis and stage; a single number holds for all axes of a stage, or for all stages.</summary>
    private static int[][] RowsOf(JsonFile arguments, string key, int axes, int? stages)
    {
        if (arguments.Node[key] is JsonValue && stages is { } count)
        {
            var one = arguments.RequiredInt(key);
            return [.. Enumerable.Range(0, count).Select(_ => Enumerable.Repeat(one, axes).ToArray())];
        }

        var node = arguments.Node[key]?.DeepClone();
        for (var i = 0; i < (node as JsonArray)?.Count; i++)
        {
            if (node[i] is JsonValue single)
            {
                node[i] = new JsonArray([.. Enumerable.Range(0, axes).Select(_ => single.DeepClone())]);
            }
        }

        return new JsonFile(arguments.Source, arguments.Path, new JsonObject { [key] = node }).RequiredIntRows(key);
    }

    /// <summary>The class in a dotted path, which is all that counts: nnU-Net has moved its modules several times.</summary>
    internal static string LastName(string path) => path[(path.LastIndexOf('.') + 1)..];

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
        var name = LastName(file.RequiredText(key));
        foreach (var entry in Families)
        {
            if (name == LastName(entry.ClassName))
            {
                return entry;
            }
        }

        var kind = name.Contains("Primus", StringComparison.Ordinal) || name.Contains("Swin", StringComparison.Ordinal)
            ? " (a transformer)"
            : "";
        throw file.Error(
            key, $"the network `{name}`{kind} is not supported",
            $"known: {string.Join(", ", Families.Select(entry => LastName(entry.ClassName)))}");
    }

    private static void Check(JsonFile configuration, ArchitecturePlan plan)
    {
        var stages = plan.Strides.Count;
        var axes = configuration.RequiredInts("patch_size").Length;
        if (stages is 0 or > MostStages || plan.FeaturesPerStage.Count != stages || plan.KernelSizes.Count != stages ||
            plan.EncoderBlocks.Count != stages || plan.DecoderBlocks.Count != stages - 1)
        {
            throw configuration.Error(
                "architecture",
                $"{stages} strides (1 to {MostStages}), {plan.FeaturesPerStage.Count} features, {plan.KernelSizes.Count} "
                    + $"kernels, {plan.EncoderBlocks.Count} encoder and {plan.DecoderBlocks.Count} decoder entries do not "
                    + "describe one network");
        }

        if (plan.Strides.Concat(plan.KernelSizes).Any(row => row.Length != axes || row.Any(value => value is < 1 or > 7)) ||
            plan.KernelSizes.Any(row => row.Any(value => value % 2 == 0)))
        {
            throw configuration.Error(
                "architecture", $"kernels (odd) and strides must have {axes} entries of 1 to 7, as the patch has {axes} axes");
        }

        if (plan.FeaturesPerStage.Any(value => value is < 1 or > MostFeatures) ||
            plan.EncoderBlocks.Concat(plan.DecoderBlocks).Any(value => value is < 1 or > MostBlocks))
        {
            throw configuration.Error(
                "architecture", $"features must be 1 to {MostFeatures} and blocks 1 to {MostBlocks} a stage");
        }
    }
}
