using SharpSeg.AutoPlanner.Training;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Training;

public sealed class TrainingScheduleTests
{
    [Fact]
    public void Little_time_gives_the_smallest_batch_and_fills_the_time()
    {
        var schedule = TrainingSchedule.Fit(TimeSpan.FromMinutes(25), 0.6, plannedBatch: 9, is2D: false);
        Assert.Equal(2, schedule.BatchSize);
        var seconds = schedule.Epochs * schedule.IterationsPerEpoch * 0.6;
        Assert.InRange(seconds, 25 * 60 * 0.8, 25 * 60);
        Assert.Equal(50, schedule.Epochs);
    }

    [Fact]
    public void More_time_grows_the_batch_to_the_plans_and_stops_at_the_published_length()
    {
        var day = TrainingSchedule.Fit(TimeSpan.FromHours(4), 0.6, 9, false);
        Assert.InRange(day.BatchSize, 3, 9);
        var forever = TrainingSchedule.Fit(TimeSpan.FromDays(1000), 0.6, 9, false);
        Assert.Equal(9, forever.BatchSize);
        Assert.Equal(1000, forever.Epochs);
        Assert.Equal(250, forever.IterationsPerEpoch);
    }

    [Fact]
    public void Absurdly_little_time_still_trains()
    {
        var schedule = TrainingSchedule.Fit(TimeSpan.FromSeconds(1), 5, 2, false);
        Assert.Equal((1, 1), (schedule.Epochs, schedule.IterationsPerEpoch));
    }

    [Fact]
    public void Iterations_shrink_when_the_machine_slows_down()
    {
        var schedule = TrainingSchedule.Fit(TimeSpan.FromMinutes(10), 0.5, 9, false);
        var half = schedule.IterationsFor(TimeSpan.FromMinutes(5), schedule.Epochs / 2, 0.5);
        var slowed = schedule.IterationsFor(TimeSpan.FromMinutes(5), schedule.Epochs / 2, 1.0);
        Assert.Equal(half / 2, slowed, 1.0);
        Assert.Equal(1, schedule.IterationsFor(TimeSpan.FromMinutes(11), schedule.Epochs - 1, 1.0));
    }
}
