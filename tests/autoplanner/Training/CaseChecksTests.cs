using System.Text.Json;
using SharpSeg.AutoPlanner.Training;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Training;

public sealed class CaseChecksTests
{
    [Theory]
    [InlineData(50, 16, 15)]
    [InlineData(50, 8, 7)]
    [InlineData(191, 16, 15)]
    [InlineData(5, 16, 4)]       // no more often than epochs end, and never after the last
    [InlineData(1, 16, 0)]
    public void Cases_are_scored_after_every_part_but_the_last(int epochs, int parts, int times)
    {
        var checks = new CaseChecks(["a"], parts, 1);
        int[] due = [.. Enumerable.Range(0, epochs).Where(epoch => checks.IsDue(epoch, epochs))];
        Assert.Equal(times, due.Length);
        Assert.DoesNotContain(epochs - 1, due);
        for (var epoch = 0; epoch <= epochs; epoch++)
        {
            Assert.Equal(due.Count(at => at >= epoch), checks.Left(epoch, epochs));
        }

        // Part by part, each at the first epoch that ends it.
        Assert.Equal(
            Enumerable.Range(1, parts - 1).Select(part => (int)Math.Ceiling((double)part * epochs / parts) - 1)
                .Where(epoch => epoch < epochs - 1).Distinct(),
            due);
    }

    [Fact]
    public void Cases_are_spread_over_the_list()
    {
        string[] names = [.. Enumerable.Range(0, 40).Select(i => $"{i}")];
        Assert.Equal(["2", "7", "12", "17", "22", "27", "32", "37"], CaseChecks.Spread(names, 8));
        Assert.Equal(names, CaseChecks.Spread(names, 40));
        Assert.Equal(["20"], CaseChecks.Spread(names, 1));
    }

    [Fact]
    public void They_come_back_from_a_checkpoint_as_they_were()
    {
        var schedule = new TrainingSchedule(2, 50, 34, 3, TimeSpan.FromMinutes(9)) { Checks = new(["a", "b"], 16, 1.0 / 3) };
        var text = JsonSerializer.Serialize(schedule, TrainingJson.Default.TrainingSchedule);
        Assert.Equal(schedule, JsonSerializer.Deserialize(text, TrainingJson.Default.TrainingSchedule));
        Assert.NotEqual(schedule, schedule with { Checks = new(["a", "c"], 16, 1.0 / 3) });
    }

    [Fact]
    public void Time_is_kept_for_those_that_are_to_come()
    {
        var timed = new TrainingSchedule(2, 10, 40, 4, TimeSpan.FromSeconds(400)) { Checks = new(["a"], 5, 10) };
        Assert.Equal(36, timed.IterationsFor(TimeSpan.Zero, 0, secondsPerIteration: 1, secondsPerCheck: 10));  // four to come
        Assert.Equal(40, timed.IterationsFor(TimeSpan.FromSeconds(360), 9, secondsPerIteration: 1, secondsPerCheck: 10));
        Assert.Equal(
            TrainingSchedule.Fit(TimeSpan.FromSeconds(90), 0.1, 2, is2D: false) with { TimeBudget = TimeSpan.FromSeconds(100) },
            TrainingSchedule.Fit(TimeSpan.FromSeconds(100), 0.1, 2, is2D: false, secondsOfChecks: 10));
    }
}
