using System.Globalization;
using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Cli.Options;
using SharpSeg.Engine.Backends;
using SharpSeg.Kernels.Gpu;

namespace SharpSeg.Cli.Commands;

/// <summary>Parses option values that name one of a few things; a wrong one is answered with the list.</summary>
internal static class Choices
{
    private const string SecondPaper = "classic-2019";

    /// <summary>A network by its name, within the profile if one is named, with its activation and normalisation.</summary>
    public static NetworkChoice Network(string? name, string? profile, string? activation, string? norm)
    {
        Profile? asked = profile is null
            ? null
            : Of(
                profile, "--profile", ("modern", Profile.Modern), ("classic", Profile.Classic), (SecondPaper, Profile.Classic));
        var network = name is null
            ? asked == Profile.Classic ? NetworkChoice.Classic : NetworkChoice.UNet
            : Of(name, "--network", [.. NetworkChoice.All.Select(choice => (choice.Name, choice))]);
        network = network with
        {
            SecondPaper = SecondPaper.Equals(profile, StringComparison.OrdinalIgnoreCase),
            PlainRelu = activation is not null && Of(activation, "--activation", ("leaky", false), ("relu", true)),
            BatchNorm = norm is not null && Of(norm, "--norm", ("instance", false), ("batch", true)),
        };
        return asked is null || asked == network.Profile ? network : throw new UsageException(
            $"--network {network.Name} is of profile {network.Profile.ToString().ToLowerInvariant()}, not {profile}",
            "leave out --profile");
    }

    /// <summary>Which axes may be mirrored.</summary>
    public static MirroringRule Mirroring(string name) => Of(
        name, "--mirroring", ("auto", MirroringRule.Auto), ("all", MirroringRule.All),
        ("not-left-right", MirroringRule.NotLeftRight));

    /// <summary>A precision by its name; null stays null.</summary>
    public static GpuPrecision? Precision(string? name) => name is null ? null : Of<GpuPrecision?>(
        name, "--precision", ("fp32", GpuPrecision.Fp32), ("tf32", GpuPrecision.Tf32), ("bf16", GpuPrecision.Bf16),
        ("fp16", GpuPrecision.Fp16), ("bf16-activations", GpuPrecision.Bf16Activations),
        ("fp16-activations", GpuPrecision.Fp16Activations));

    /// <summary>In what a training is to depart from its profile.</summary>
    public static TrainingVariant Variant(VariantOptions options)
    {
        if (options.ForegroundShare is { } share && share is not (>= 0 and <= 1))
        {
            throw new UsageException($"--foreground-share {share}: must be from 0 to 1", "0.33 is a third");
        }

        string[] augmentation = [.. options.Augmentation];
        return new TrainingVariant
        {
            Loss = options.Loss is { } loss
                ? Of(loss, "--loss", [.. Enum.GetValues<LossTerms>().Select(terms => (TrainingVariant.NameOf(terms), terms))])
                : null,
            Without = augmentation switch
            {
                [] => null,
                ["none"] => AugmentationParts.All,
                _ => augmentation.Aggregate(AugmentationParts.None, (parts, word) => parts | Of(
                    word, "--augmentation",
                    [.. TrainingVariant.AugmentationNames.Select(part => ($"no-{part.Key}", part.Value))])),
            },
            DeepSupervision = options.NoDeepSupervision ? false : null,
            ForegroundShare = options.ForegroundShare,
            BalanceClasses = options.BalanceClasses ? true : null,
        };
    }

    /// <summary>How a training is to learn; null lets the rule decide.</summary>
    public static TrainingRecipe? Recipe(VariantOptions options)
    {
        var recipe = options.Recipe switch
        {
            null => null,
            "published" => TrainingRecipe.Published,
            var path when File.Exists(path) => TrainingRecipe.Read(path),
            var path => throw new UsageException(
                $"--recipe {path}: neither `published` nor a file", "docs/method/budget.md says what a recipe holds"),
        };
        return options.Augmentation.SequenceEqual(["none"]) && recipe is { AugmentationStrength: > 0 and < 1 and var strength }
            ? throw new UsageException(
                FormattableString.Invariant(
                    $"--augmentation none: the recipe's `augmentation_strength` {strength:0.###} is a part of nothing"),
                "leave out one of them")
            : recipe;
    }

    /// <summary>A checkpoint by its name.</summary>
    public static string Checkpoint(string name) =>
        Of(name, "--checkpoint", ("final", "final"), ("best", "best"), ("latest", "latest"));

    /// <summary>A list of folds as runs are named; an empty option gives an empty list.</summary>
    /// <param name="folds">What was typed: numbers, or `every-case` for the network that trains on all cases.</param>
    public static IReadOnlyList<string> Folds(IEnumerable<string> folds)
    {
        string[] list =
            [.. folds.Select(fold => fold == EveryCase ? Splits.AllCases : fold == Splits.AllCases ? throw AllIsNoFold() : fold)];
        return list.FirstOrDefault(fold => !Splits.IsFold(fold)) is { } wrong
            ? throw new UsageException(
                $"--folds {wrong}: neither `{EveryCase}` nor a number from 0", "write them like --folds 0,1,2")
            : list;
    }

    private static string EveryCase => TrainingMatrix.Name(Splits.AllCases);

    private static UsageException AllIsNoFold() => new(
        "--folds all: `all` might mean every fold, or all cases",
        $"--folds {EveryCase} is the one network that trains on all cases; `train --all` trains every fold");

    /// <summary>Gigabytes of "8GB", "8G" or "8".</summary>
    public static double Gigabytes(string text)
    {
        var number = text.TrimEnd('B', 'b').TrimEnd('G', 'g');
        return double.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) && value > 0
            ? value
            : throw new UsageException($"--memory {text}: not a size", "write it like 8GB");
    }

    private static T Of<T>(string name, string option, params ReadOnlySpan<(string Name, T Value)> choices)
    {
        var names = new List<string>();
        foreach (var choice in choices)
        {
            if (string.Equals(choice.Name, name, StringComparison.OrdinalIgnoreCase))
            {
                return choice.Value;
            }

            names.Add(choice.Name);
        }

        var near = NearestName.Find(name, names) is { } nearest ? $", did you mean `{nearest}`?" : "";
        throw new UsageException($"{option} {name}: unknown{near}", $"one of {string.Join(", ", names)}");
    }
}
