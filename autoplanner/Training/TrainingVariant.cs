using System.Text.Json.Serialization;
using SharpSeg.AutoPlanner.Batches;
using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.Engine.Backends;

namespace SharpSeg.AutoPlanner.Training;

/// <summary>
/// In what a training departs from its profile (docs/method/training.md §13): the ablations of the papers. What is null is as the
/// profile has it. Recorded in the run's state; what changes the network itself is part of the plan instead.
/// </summary>
public sealed record TrainingVariant
{
    /// <summary>The loss.</summary>
    [JsonConverter(typeof(JsonStringEnumConverter<LossTerms>))]
    public LossTerms? Loss { get; init; }

    /// <summary>Steps of the augmentation that are left out.</summary>
    [JsonConverter(typeof(JsonStringEnumConverter<AugmentationParts>))]
    public AugmentationParts? Without { get; init; }

    /// <summary>False looks at the full resolution alone.</summary>
    public bool? DeepSupervision { get; init; }

    /// <summary>
    /// Share of every batch that must contain foreground, from 0 to 1; the last samples, rounded as in nnU-Net v2.
    /// </summary>
    public double? ForegroundShare { get; init; }

    /// <summary>True draws the class of a patch that must hold foreground before its case: rare ones are seen.</summary>
    public bool? BalanceClasses { get; init; }

    /// <summary>The names of all settings.</summary>
    public static IReadOnlyList<string> OptionNames { get; } =
        ["loss", "augmentation", "deep-supervision", "foreground-share", "balance-classes"];

    /// <summary>The settings that depart from the profile, as options and values; none for an ordinary training.</summary>
    [JsonIgnore]
    public IReadOnlyList<(string Option, string Value)> Settings
    {
        get
        {
            var settings = new List<(string, string)>();
            if (Loss is { } loss)
            {
                settings.Add(("loss", NameOf(loss)));
            }

            if (Without is { } parts)
            {
                settings.Add(("augmentation", AugmentationSwitches.Text(parts)));
            }

            if (DeepSupervision is { } deep)
            {
                settings.Add(("deep-supervision", deep ? "on" : "off"));
            }

            if (ForegroundShare is { } share)
            {
                settings.Add(("foreground-share", FormattableString.Invariant($"{share:0.###}")));
            }

            if (BalanceClasses is { } balance)
            {
                settings.Add(("balance-classes", balance ? "on" : "off"));
            }

            return settings;
        }
    }

    /// <summary>The steps of the augmentation by name.</summary>
    public static IReadOnlyDictionary<string, AugmentationParts> AugmentationNames => AugmentationSwitches.Names;

    /// <summary>The name of a loss on the command line.</summary>
    public static string NameOf(LossTerms loss) => loss switch
    {
        LossTerms.Dice => "dice",
        LossTerms.CrossEntropy => "ce",
        _ => "dice_ce",
    };

    /// <summary>All settings in a line.</summary>
    public override string ToString() => string.Join(", ", Settings.Select(setting => $"{setting.Option} {setting.Value}"));

    /// <summary>Refuses to leave out what the profile does not have.</summary>
    /// <exception cref="SharpSegException">It has not.</exception>
    internal void RequireSense(Profile profile)
    {
        var name = profile.ToString().ToLowerInvariant();
        if (DeepSupervision == false && profile == Profile.Classic)
        {
            throw new SharpSegException(
                "--no-deep-supervision: profile classic supervises the full resolution alone already", "leave it out");
        }

        var has = AugmentationSwitches.PartsOf(AugmentationRecipe.For(profile));
        if (Without is { } parts && parts != AugmentationParts.All && (parts & ~has) is not 0 and var missing)
        {
            var own = AugmentationSwitches.Names.Where(part => has.HasFlag(part.Value)).Select(part => part.Key);
            throw new SharpSegException(
                $"--augmentation {AugmentationSwitches.Text(missing)}: profile {name} has none of it",
                $"it has {string.Join(", ", own)}");
        }
    }

    /// <summary>
    /// What departs in a run of this profile: a setting that names what the run does anyway is left out, so that it learns,
    /// and is recorded, as one that does not name it.
    /// </summary>
    /// <param name="profile">The run's profile.</param>
    /// <param name="isCascade">It is the second stage of a cascade; else there are no masks to corrupt.</param>
    internal TrainingVariant Departing(Profile profile, bool isCascade) => this with
    {
        Loss = Loss == LossTerms.DiceAndCrossEntropy ? null : Loss,
        Without = PartsIn(isCascade) is var parts and not AugmentationParts.None ? parts : null,
        DeepSupervision = DeepSupervision == true ? null : DeepSupervision,
        ForegroundShare = ForegroundShare == ShareOf(profile) ? null : ForegroundShare,
        BalanceClasses = BalanceClasses == true ? true : null,
    };

    /// <summary>With what a run that was begun continues: as it began.</summary>
    /// <param name="recorded">With what it began; null as the profile has it.</param>
    /// <param name="profile">Its profile.</param>
    /// <param name="isCascade">It is the second stage of a cascade.</param>
    /// <param name="folder">The run, for the message.</param>
    /// <exception cref="SharpSegException">Something else is asked for now.</exception>
    internal TrainingVariant Continue(TrainingVariant? recorded, Profile profile, bool isCascade, string folder)
    {
        var begun = recorded ?? new TrainingVariant();
        var same = (Loss is null || Loss == (begun.Loss ?? LossTerms.DiceAndCrossEntropy))
            && (Without is null || PartsIn(isCascade) == (begun.Without ?? AugmentationParts.None))
            && (DeepSupervision is null || DeepSupervision == (begun.DeepSupervision ?? true))
            && (ForegroundShare is null || ForegroundShare == (begun.ForegroundShare ?? ShareOf(profile)))
            && (BalanceClasses is null || BalanceClasses == (begun.BalanceClasses ?? false));
        return same
            ? begun
            : throw new SharpSegException(
                $"`{folder}` was begun with {(begun.Settings.Count == 0 ? "its profile's settings" : begun)}, not with {this}",
                "leave these options out, or train another plan beside it with `plan --plan NAME`");
    }

    /// <summary>What is left out of a run: its masks only where it has some.</summary>
    private AugmentationParts PartsIn(bool isCascade)
    {
        var parts = Without ?? AugmentationParts.None;
        return isCascade || parts == AugmentationParts.All ? parts : parts & ~AugmentationParts.Cascade;
    }

    /// <summary>The profile's share, counted as this option counts; null for the classic one, which rounds otherwise.</summary>
    private static double? ShareOf(Profile profile) =>
        profile == Profile.Classic ? null : ForegroundOversampling.DefaultShare;
}
