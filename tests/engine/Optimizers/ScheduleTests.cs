using SharpSeg.AutoPlanner.Tests;
using SharpSeg.Engine.Optimizers;
using Xunit;

namespace SharpSeg.Engine.Tests.Optimizers;

/// <summary>docs/method/losses-and-optimisers.md §9.</summary>
public class ScheduleTests
{
    [Theory]
    [InlineData(0, 1.000000e-2)]
    [InlineData(1, 9.991000e-3)]
    [InlineData(10, 9.909955e-3)]
    [InlineData(100, 9.095326e-3)]
    [InlineData(500, 5.358867e-3)]
    [InlineData(900, 1.258925e-3)]
    [InlineData(990, 1.584893e-4)]
    [InlineData(999, 1.995262e-5)]
    public void Poly_rate_matches_the_table(int epoch, double rate) => Assert.Equal(1.0, PolySchedule.Rate(epoch, 1000) / rate, 6);

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

    [Theory]
    [InlineData(StopRule.Either, 60, new[] { 31 }, 6e-5)]
    [InlineData(StopRule.Both, 124, new[] { 31, 62, 93, 124 }, 4.8e-7)]
    [InlineData(StopRule.RateOnly, 124, new[] { 31, 62, 93, 124 }, 4.8e-7)]
    public void Constant_losses_reduce_the_rate_and_stop(StopRule rule, int lastEpoch, int[] reductions, double finalRate)
    {
        var run = Run(rule, _ => 1.0);
        Assert.Equal(lastEpoch, run.LastEpoch);
        Assert.Equal(reductions, run.Reductions);
        Assert.Equal(finalRate, run.Schedule.Rate, 12);
    }

    [Fact]
    public void A_slowly_falling_average_requalifies_every_51st_epoch()
    {
        // The average itself is to fall by 1e-4 per epoch (a hair less, so that rounding does not decide whether 50 epochs make 5e-3):
        // invert the moving average to get the raw losses.
        static double Average(int e) => 1.0 - (0.99999e-4 * e);
        var run = Run(StopRule.RateOnly, e => e == 0 ? 1.0 : (Average(e) - (0.93 * Average(e - 1))) / 0.07);
        Assert.Equal([31, 82, 133, 184], run.Reductions.Take(4));
    }

    [Fact]
    public void An_exponential_loss_matches_the_worked_example()
    {
        var averages = new Dictionary<int, (double Training, double Validation)>();
        var run = Run(StopRule.Either, e => Math.Pow(0.98, e), (e, s) => averages[e] = (s.TrainingAverage!.Value, s.ValidationAverage!.Value));
        Assert.Equal((0.998600, 0.998000), Rounded(averages[1]));
        Assert.Equal((0.995926, 0.994240), Rounded(averages[2]));
        Assert.Equal((0.940982, 0.922462), Rounded(averages[10]));
        Assert.Equal(301, run.Reductions[0]);
        Assert.Equal(329, run.LastEpoch);
        Assert.Equal(269, run.Schedule.State.BestEpoch);

        static (double Training, double Validation) Rounded((double Training, double Validation) v) =>
            (Math.Round(v.Training, 6), Math.Round(v.Validation, 6));
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

    private static (int LastEpoch, List<int> Reductions, PlateauSchedule Schedule) Run(
        StopRule rule, Func<int, double> loss, Action<int, PlateauState>? watch = null)
    {
        var schedule = new PlateauSchedule(PlateauState.Start(PlateauSchedule.InitialRate), rule);
        var reductions = new List<int>();
        for (var e = 0; ; e++)
        {
            var before = schedule.Rate;
            var stop = schedule.Finish(e, loss(e), loss(e));
            watch?.Invoke(e, schedule.State);
            if (schedule.Rate < before)
            {
                reductions.Add(e);
            }

            if (stop)
            {
                return (e, reductions, schedule);
            }
        }
    }
}
