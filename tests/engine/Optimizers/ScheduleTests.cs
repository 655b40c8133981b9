using SharpSeg.AutoPlanner.Tests;
using SharpSeg.Engine.Optimizers;
using Xunit;

namespace SharpSeg.Engine.Tests.Optimizers;

/// <summary>
/// Learning-rate schedules. The tables of docs/method/losses-and-optimisers.md §9 are asserted beside that page.
/// </summary>
public class ScheduleTests
{
    [Fact]
    public void Poly_rate_matches_the_reference_in_every_epoch()
    {
        var compared = 0;
        foreach (var schedule in GoldenJson.Read("functions", "polylr.json").EnumerateObject())
        {
            var epochs = int.Parse(schedule.Name, System.Globalization.CultureInfo.InvariantCulture);
            var rates = schedule.Value.GetProperty("lr_per_epoch").EnumerateArray().Select(v => v.GetDouble()).ToArray();
            for (var e = 0; e < rates.Length; e++)
            {
                Assert.Equal(rates[e], PolySchedule.Rate(e, epochs), 15);
            }

            compared += rates.Length;
        }

        Assert.Equal(SharedFolder.Rows(1050, 50), compared);
    }

    [Fact]
    public void A_slowly_falling_average_requalifies_every_51st_epoch()
    {
        // The average itself is to fall by 1e-4 per epoch (a hair less, so that rounding does not decide whether 50 epochs make
        // 5e-3):
        // invert the moving average to get the raw losses.
        static double Average(int e) => 1.0 - (0.99999e-4 * e);
        var reductions = Reductions(StopRule.RateOnly, e => e == 0 ? 1.0 : (Average(e) - (0.93 * Average(e - 1))) / 0.07);
        Assert.Equal([31, 82, 133, 184], reductions.Take(4));
    }

    [Fact]
    public void A_schedule_continues_from_its_state()
    {
        var whole = new PlateauSchedule(PlateauState.Start(PlateauSchedule.InitialRate));
        var stored = PlateauState.Start(PlateauSchedule.InitialRate);
        for (var e = 0; e < 50; e++)
        {
            var loss = 1.0 / (1 + (e % 7));
            var resumed = new PlateauSchedule(stored);
            Assert.Equal(whole.Finish(e, loss, loss), resumed.Finish(e, loss, loss));
            stored = resumed.State;
        }

        Assert.Equal(whole.State, stored);
    }

    /// <summary>docs/method/losses-and-optimisers.md §9.2: a run of 50 epochs would never see 31 bad ones.</summary>
    [Fact]
    public void A_short_run_that_is_fitted_to_a_time_lowers_its_rate()
    {
        static double Stalling(int e) => e < 20 ? 1 - (0.04 * e) : 0.2;
        Assert.Empty(Reductions(StopRule.RateOnly, Stalling, epochs: 50));
        Assert.Equal([25, 29, 33, 37], Reductions(StopRule.RateOnly, Stalling, epochs: 50, pace: 20));

        // As long as the loss falls, so long the rate stays.
        Assert.Empty(Reductions(StopRule.RateOnly, e => 1 - (0.01 * e), epochs: 50, pace: 20));
    }

    private static List<int> Reductions(StopRule rule, Func<int, double> loss, int epochs = 1000, double pace = 1)
    {
        var schedule = new PlateauSchedule(PlateauState.Start(PlateauSchedule.InitialRate), rule, epochs, pace);
        var reductions = new List<int>();
        for (var e = 0; ; e++)
        {
            var before = schedule.Rate;
            var stop = schedule.Finish(e, loss(e), loss(e));
            if (schedule.Rate < before)
            {
                reductions.Add(e);
            }

            if (stop)
            {
                return reductions;
            }
        }
    }
}
