using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Training;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Steps;

/// <summary>
/// A forecast comes from a clear rise of whole cases, with its basis, and from nothing else (docs/method/budget.md §6).
/// </summary>
public sealed class ForecastTests
{
    private const int Epochs = 50;

    private static readonly TrainingSchedule Schedule = new(2, Epochs, 20, 2, TimeSpan.FromMinutes(10))
    {
        Recipe = TrainingRecipe.FewIterations, Checks = new(["a", "b", "c", "d", "e"], 16, 1),
    };

    /// <summary>Where every doubling gives half of the one before, the forecast is what comes next.</summary>
    [Fact]
    public void A_curve_that_halves_its_gains_is_continued()
    {
        // 0.9 − 0.1/n at part n of 16: the second eighth has parts 3 and 4, the second quarter 5 to 8.
        double At(int part) => 0.9 - (0.1 / part);
        var rise = new[] { 5, 6, 7, 8 }.Average(At) - new[] { 3, 4 }.Average(At);
        var forecast = Of(Curve((part, _) => At(part)), dice: 0.88);
        Assert.Equal(rise / 2, forecast.Gain!.Value, 1e-9);
        Assert.Contains(
            FormattableString.Invariant($"about {0.88 + (rise / 2):0.000}, between 0.880 and {0.88 + rise:0.000}"), forecast.Text,
            StringComparison.Ordinal);
        Assert.Contains("5 whole cases", forecast.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void No_more_than_everything_is_promised() => Assert.InRange(
        Of(Curve((part, _) => part / 20.0), dice: 0.99).Gain!.Value, 0, 0.0051);

    [Theory]
    [InlineData("flat", "no clear rise")]
    [InlineData("falls", "no clear rise")]
    [InlineData("cases disagree", "no clear rise")]
    [InlineData("ended early", "before the learning rate had fallen")]
    [InlineData("few cases", "4 are needed")]
    [InlineData("none scored", "4 are needed")]
    [InlineData("other recipe", "another recipe")]
    [InlineData("more than foreseen", "another recipe")]
    public void What_the_curve_does_not_allow_is_refused(string kind, string says)
    {
        var curve = kind switch
        {
            "flat" => Curve((_, _) => 0.8),
            "falls" => Curve((part, _) => 0.8 - (part / 100.0)),
            "cases disagree" => Curve((part, at) => at % 2 == 0 ? 0.8 + (part / 100.0) : 0.8 - (part / 100.0)),
            "few cases" => Curve((part, _) => 0.9 - (0.1 / part), cases: 3),
            "none scored" => Curve((_, _) => 0.8, cases: 0),
            "other recipe" => Curve((part, _) => 0.9 - (0.1 / part), iterations: 60),
            "more than foreseen" => Curve((part, _) => 0.9 - (0.1 / part), iterations: 110), // 5,500 of them, unmirrored
            _ => Curve((part, _) => 0.9 - (0.1 / part)),
        };
        var forecast = Of(kind == "ended early" ? curve[..^1] : curve, dice: 0.88);
        Assert.Null(forecast.Gain);
        Assert.StartsWith("none: ", forecast.Text, StringComparison.Ordinal);
        Assert.Contains(says, forecast.Text, StringComparison.Ordinal);
    }

    /// <summary>With --mirroring all 3,000 iterations and 6,000 follow the same row of the rule.</summary>
    [Fact]
    public void A_mirrored_run_has_the_same_recipe_after_twice_the_time()
    {
        var mirrored = Schedule with { Recipe = TrainingRecipe.SomeIterations };
        var curve = Curve((part, _) => 0.9 - (0.1 / part), iterations: 60);
        Assert.NotNull(Assert.IsType<Forecast>(Forecast.Of(mirrored, curve, 0.88)).Gain);
    }

    [Fact]
    public void A_recipe_that_a_user_wrote_stays_for_twice_the_time()
    {
        var own = Schedule with { Recipe = TrainingRecipe.FewIterations with { Momentum = 0.9 } };
        var curve = Curve((part, _) => 0.9 - (0.1 / part), iterations: 60);
        Assert.NotNull(Assert.IsType<Forecast>(Forecast.Of(own, curve, 0.88)).Gain);
    }

    [Fact]
    public void A_run_without_whole_cases_has_no_forecast()
    {
        Assert.Null(Forecast.Of(Schedule with { Checks = null }, Curve((_, _) => 0.8), 0.88));
        Assert.Null(Forecast.Of(Schedule, Curve((_, _) => 0.8), double.NaN));
    }

    private static Forecast Of(IReadOnlyList<EpochRecord> curve, double dice) =>
        Assert.IsType<Forecast>(Forecast.Of(Schedule, curve, dice));

    private static EpochRecord[] Curve(Func<int, int, double> dice, int cases = 5, int iterations = 20)
    {
        var checks = Schedule.Checks!;
        return [.. Enumerable.Range(0, Epochs).Select(epoch => new EpochRecord(epoch, iterations, 0.01, 0, 0, [], 0.5, 0.5, 1, 0)
        {
            WholeCaseDice = checks.IsDue(epoch, Epochs)
                ? checks.Cases.Take(cases).Index().ToDictionary(
                    item => item.Item, item => dice((int)checks.PartsDone(epoch, Epochs), item.Index))
                : null,
        })];
    }
}
