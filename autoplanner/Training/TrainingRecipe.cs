using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Optimizers;

namespace SharpSeg.AutoPlanner.Training;

/// <summary>
/// How a training learns within its schedule (docs/method/budget.md): optimiser, rate, strength of the augmentation, and
/// whether it begins on smaller patches. A setting that is left out is nnU-Net's. Part of the schedule, and so of checkpoint and
/// log; a resumed run keeps its own. The classic profile's Adam has no momentum to set, and where a recipe lets its rate fall,
/// that comes on top of its plateaus.
/// </summary>
public sealed record TrainingRecipe
{
    private const double LowestRate = 1e-8, HighestRate = 10;

    /// <summary>nnU-Net's momentum.</summary>
    public const double PublishedMomentum = 0.99;

    /// <summary>nnU-Net's recipe.</summary>
    public static TrainingRecipe Published { get; } = new();

    /// <summary>What learns more in some thousand iterations; measured, docs/method/budget.md §3.</summary>
    public static TrainingRecipe SomeIterations { get; } = new() { Momentum = 0.95, InitialRate = 0.02 };

    /// <summary>What learns most in even fewer.</summary>
    public static TrainingRecipe FewIterations { get; } =
        SomeIterations with { InitialRate = 0.04, AugmentationStrength = 0.5, Mirroring = RecipeMirroring.None };

    /// <summary>Momentum of SGD, from 0 to below 1.</summary>
    public double Momentum { get; init; } = PublishedMomentum;

    /// <summary>The highest learning rate.</summary>
    public double InitialRate { get; init; } = PolySchedule.InitialRate;

    /// <summary>Share of the run in which the rate climbs to the highest, linearly.</summary>
    public double WarmUpShare { get; init; }

    /// <summary>
    /// Share of the run after which the rate falls to 0 linearly, from iteration to iteration; null lets it fall from epoch to
    /// epoch as nnU-Net's does (<see cref="PolySchedule"/>).
    /// </summary>
    public double? FlatShare { get; init; }

    /// <summary>Factor on the probabilities of the augmentation, mirroring and a cascade's corruption aside; 0 to 1.</summary>
    public double AugmentationStrength { get; init; } = 1;

    /// <summary>Along which axes patches are mirrored, and so predictions.</summary>
    public RecipeMirroring Mirroring { get; init; }

    /// <summary>Share of the run that learns from smaller patches (docs/method/budget.md §4).</summary>
    public double SmallPatchShare { get; init; }

    /// <summary>The rate falls several times, and the weights at the ends are averaged; null: it falls once.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public RateCycles? Cycles { get; init; }

    /// <summary>The settings that are not nnU-Net's, by the name they have in a file.</summary>
    [JsonIgnore]
    public IReadOnlyList<(string Name, string Value)> Settings => [.. Values.Except(Published.Values)];

    private (string Name, string Value)[] Values =>
    [
        ("momentum", Text(Momentum)), ("initial_rate", Text(InitialRate)), ("warm_up_share", Text(WarmUpShare)),
        ("flat_share", FlatShare is { } flat ? Text(flat) : "none"), ("augmentation_strength", Text(AugmentationStrength)),
        ("mirroring", Text(Mirroring)), ("small_patch_share", Text(SmallPatchShare)), ("cycles", Cycles?.ToString() ?? "none"),
    ];

    /// <summary>Reads a recipe that a user wrote, for experiments.</summary>
    /// <exception cref="SharpSegException">The file is not one: the message names the key.</exception>
    public static TrainingRecipe Read(string path)
    {
        var file = JsonFile.Read(path);
        RequireKnown(file, "a recipe", [.. Published.Values.Select(value => value.Name)]);
        double In(string key, double otherwise, double low, double high) =>
            InRange(file, key, file.Number(key) ?? otherwise, low, high);

        return new TrainingRecipe
        {
            Momentum = In("momentum", PublishedMomentum, 0, 0.9999),
            InitialRate = In("initial_rate", PolySchedule.InitialRate, LowestRate, HighestRate),
            WarmUpShare = In("warm_up_share", 0, 0, 1),
            FlatShare = file.Has("flat_share") ? In("flat_share", 0, 0, 0.9999) : null,
            AugmentationStrength = In("augmentation_strength", 1, 0, 1),
            Mirroring = MirroringOf(file),
            SmallPatchShare = In("small_patch_share", 0, 0, 1),
            Cycles = file.OptionalObject("cycles") is { } cycles ? CyclesOf(cycles) : null,
        };
    }

    /// <summary>The learning rate of an iteration.</summary>
    /// <param name="epoch">Its epoch.</param>
    /// <param name="epochs">Epochs of the run.</param>
    /// <param name="iteration">Iterations of the epoch before it.</param>
    /// <param name="iterations">Iterations of the epoch.</param>
    /// <param name="plateau">The classic profile's: what its plateaus have left of the initial rate; else null.</param>
    internal double Rate(int epoch, int epochs, int iteration, int iterations, double? plateau = null)
    {
        // Before the iteration for what falls, after it for what climbs: neither is ever 0.
        double before = (epoch + ((double)iteration / iterations)) / epochs, after = before + (1.0 / iterations / epochs);
        var highest = plateau ?? InitialRate;
        var falling = before;
        if (Cycles is { } cycles)
        {
            (var cycle, falling) = cycles.At(epoch, epochs, before * epochs);
            highest = cycle == 1 ? highest : cycles.Rate;
        }

        var rate = FlatShare is { } flat ? highest * Math.Min(1, (1 - falling) / (1 - flat))
            : Cycles is not null ? PolySchedule.Rate(falling, highest)
            : plateau ?? PolySchedule.Rate(epoch, epochs, InitialRate);
        return after < WarmUpShare ? rate * after / WarmUpShare : rate;
    }

    /// <summary>Refuses what the classic profile's Adam cannot follow.</summary>
    /// <exception cref="SharpSegException">A momentum, or no rate: nnU-Net's of SGD is not Adam's.</exception>
    private void RequireClassic()
    {
        if (Momentum != PublishedMomentum)
        {
            throw new SharpSegException("--recipe: momentum: profile classic learns with Adam and has none", "leave it out");
        }

        if (InitialRate == PolySchedule.InitialRate)
        {
            throw new SharpSegException(
                "--recipe: for profile classic, which learns with Adam, a recipe must say its initial_rate, another than SGD's",
                FormattableString.Invariant($"the profile's own is {PlateauSchedule.InitialRate}"));
        }
    }

    /// <summary>Refuses a run that has no cycles to average.</summary>
    /// <exception cref="SharpSegException">It is too short, or its network has more than weights.</exception>
    internal void RequireCycles(TrainingJob job, TrainingSchedule schedule)
    {
        if (Cycles is not { } cycles)
        {
            return;
        }

        if (job.Plans.Profile == Profile.Classic || job.Configuration.Architecture.Norm == NormKind.Batch)
        {
            throw new SharpSegException(
                job.Plans.Profile == Profile.Classic
                    ? "--recipe: cycles: profile classic lets its rate fall by plateaus"
                    : "--recipe: cycles: the statistics of batch normalisation are not those of averaged weights",
                "leave them out");
        }

        if (schedule.Epochs < cycles.Count)
        {
            throw new SharpSegException(
                $"--recipe: cycles: {cycles.Count} need as many epochs at least, the run has {schedule.Epochs}",
                "give more epochs of fewer iterations, or more time");
        }
    }

    private static RateCycles CyclesOf(JsonFile file)
    {
        RequireKnown(file, "cycles", ["count", "first_share", "rate"]);
        return new RateCycles
        {
            Count = (int)InRange(file, "count", file.RequiredInt("count"), 2, RateCycles.Most),
            FirstShare = InRange(file, "first_share", file.RequiredNumber("first_share"), 0, 1),
            Rate = InRange(file, "rate", file.RequiredNumber("rate"), LowestRate, HighestRate),
        };
    }

    private static void RequireKnown(JsonFile file, string what, string[] names)
    {
        if (file.Node.Select(pair => pair.Key).FirstOrDefault(key => !names.Contains(key)) is { } unknown)
        {
            throw file.Error(unknown, $"no setting of {what}", $"{what} has {string.Join(", ", names)}");
        }
    }

    private static double InRange(JsonFile file, string key, double value, double low, double high) =>
        value >= low && value <= high ? value : throw file.Error(
            key, string.Create(CultureInfo.InvariantCulture, $"{value} is not from {low} to {high}"));

    private static RecipeMirroring MirroringOf(JsonFile file)
    {
        const string key = "mirroring";
        try
        {
            return file.Has(key) ? file.Node[key].Deserialize(TrainingJson.Default.RecipeMirroring) : RecipeMirroring.All;
        }
        catch (JsonException e)
        {
            throw file.Error(key, e.Message);
        }
    }

    private static string Text(RecipeMirroring value) =>
        value switch { RecipeMirroring.All => "on", RecipeMirroring.None => "off", _ => RecipeMirroringJson.LeftRight };

    private static string Text(double value) => value.ToString("0.#########", CultureInfo.InvariantCulture);

    /// <summary>What is not nnU-Net's, in words.</summary>
    public override string ToString() => Settings.Count == 0
        ? "published"
        : string.Join(", ", Settings.Select(setting => $"{setting.Name.Replace('_', ' ')} {setting.Value}"));

    /// <summary>With which recipe a new run learns, and by which rule.</summary>
    /// <param name="job">The run.</param>
    /// <param name="schedule">Its schedule.</param>
    /// <param name="asked">What was asked for; null lets the rule decide.</param>
    /// <returns>The recipe, null for nnU-Net's, and the reason in words.</returns>
    /// <exception cref="SharpSegException">One was asked for that the profile cannot follow.</exception>
    internal static (TrainingRecipe? Recipe, string Reason) Choose(
        TrainingJob job, TrainingSchedule schedule, TrainingRecipe? asked)
    {
        if (asked is not null)
        {
            if (job.Plans.Profile == Profile.Classic && asked != Published)
            {
                asked.RequireClassic();
            }

            asked.RequireCycles(job, schedule);
            return (asked == Published ? null : asked, "as --recipe says");
        }

        var iterations = (long)schedule.Epochs * schedule.IterationsPerEpoch;
        return schedule.TimeBudget is null ? (null, "without --max-time")
            : job.Plans.Profile == Profile.Classic ? (null, "profile classic has one of its own")
            : job.Variant.Settings.Count > 0 ? (null, "the run departs from its profile already")
            : ByIterations(iterations, job.Plans.MirrorsAll) is not { } recipe
                ? (null, FormattableString.Invariant($"{iterations} iterations are {ManyIterations} or more"))
            : recipe.Mirroring == RecipeMirroring.None
                ? (recipe, FormattableString.Invariant($"{iterations} iterations are fewer than {MirroringPays}"))
            : (recipe, FormattableString.Invariant($"{iterations} iterations are fewer than {ManyIterations}")
                + (iterations < MirroringPays ? "; mirrored, as --mirroring all says" : ""));
    }

    /// <summary>The recipe for so many iterations, null for nnU-Net's: the table of docs/method/budget.md §1.</summary>
    /// <param name="iterations">Iterations of the run.</param>
    /// <param name="mirrorsAll">Mirroring is not to be left out.</param>
    internal static TrainingRecipe? ByIterations(long iterations, bool mirrorsAll) =>
        iterations >= ManyIterations ? null : iterations >= MirroringPays || mirrorsAll ? SomeIterations : FewIterations;

    /// <summary>Whether a run of so many iterations would have this recipe, too: one that a user wrote has no rule.</summary>
    internal bool IsRuleFor(long iterations) =>
        (this != FewIterations && this != SomeIterations)
        || ByIterations(iterations, mirrorsAll: Mirroring == RecipeMirroring.All) == this;

    // From 50 epochs of 250 on a run is nnU-Net's in small; the evidence for a lower momentum ends before (docs/method/budget.md
    // §2). Where mirroring begins to pay is where the two lines of §3 meet.
    private const int ManyIterations = 12_500, MirroringPays = 5_300;
}
