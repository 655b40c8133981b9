using SharpSeg.AutoPlanner.Training;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Training;

/// <summary>When a run is told that it finds nothing (docs/method/training.md §8).</summary>
public sealed class CollapseNoticeTests
{
    [Theory]
    [InlineData(1000, 20)]
    [InlineData(50, 10)]
    [InlineData(12, 3)]
    [InlineData(3, 3)]
    public void It_is_told_once_after_a_part_of_the_schedule(int epochs, int due)
    {
        var records = new List<EpochRecord>();
        for (var epoch = 0; epoch < Math.Min(epochs, 100); epoch++)
        {
            records.Add(Record(epoch, 0));
            var notice = CollapseNotice.After(records, epochs);
            Assert.Equal(records.Count == due, notice is not null);
            if (notice is not null)
            {
                Assert.Contains($"after {due} epochs", notice, StringComparison.Ordinal);
                Assert.Contains("--balance-classes", notice, StringComparison.Ordinal);
            }
        }
    }

    /// <summary>Noise at the start hits something; then nothing more is found. Told once each time that it happens.</summary>
    [Fact]
    public void Noise_at_the_start_does_not_hide_a_collapse()
    {
        double?[] means = [0.02, 0, 0, 0, 0, 0.1, 0, null, 0, 0];
        var records = new List<EpochRecord>();
        var told = new List<int>();
        foreach (var mean in means)
        {
            records.Add(Record(records.Count, mean));
            if (CollapseNotice.After(records, epochs: 10) is { } notice)
            {
                told.Add(records.Count);
                Assert.Contains("for 3 epochs the network finds no foreground", notice, StringComparison.Ordinal);
            }
        }

        Assert.Equal([4, 9], told);
    }

    [Fact]
    public void Whoever_has_found_a_voxel_or_cannot_know_is_not_told()
    {
        Assert.Null(CollapseNotice.After([Record(0, 0), Record(1, 1e-3), Record(2, 0)], 10));
        Assert.Null(CollapseNotice.After([Record(0, null), Record(1, null), Record(2, null)], 10));
        Assert.NotNull(CollapseNotice.After([Record(0, null), Record(1, 0), Record(2, null)], 10));
        Assert.Null(CollapseNotice.After([Record(0, 0)], 1)); // too short to judge
    }

    [Fact]
    public void A_loss_that_is_no_number_is_another_matter()
    {
        var notice = CollapseNotice.After([Record(0, 0), Record(1, 0), Record(2, 0) with { TrainLoss = double.NaN }], 10);
        Assert.Contains("--seed", notice, StringComparison.Ordinal);
    }

    private static EpochRecord Record(int epoch, double? dice) =>
        new(epoch, 10, 0.01, -0.1, -0.1, [dice], dice, dice, 1, 0);
}
