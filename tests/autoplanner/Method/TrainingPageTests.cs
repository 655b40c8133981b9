using SharpSeg.AutoPlanner.Batches;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.Engine.Tensors;
using SharpSeg.Engine.Training;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Method;

/// <summary>The numbers of docs/method/training.md.</summary>
public sealed class TrainingPageTests
{
    private static readonly MethodPage Page = MethodPage.Open("docs/method/training.md");

    [Fact]
    public void Training_page_fitted_schedule()
    {
        foreach (var row in Page.Table("fitted-schedule"))
        {
            var (plan, is2D) = ((int)row.Whole("plan's batch"), row.Whole("dimensions") == 2);
            var schedule = TrainingSchedule.Fit(
                TimeSpan.FromSeconds(row.Whole("time, s")), row.Number("seconds per probe step").Value, plan, is2D);
            Assert.Equal(row.Whole("batch"), schedule.BatchSize);
            Assert.Equal(row.Whole("epochs"), schedule.Epochs);
            Assert.Equal(row.Whole("iterations per epoch"), schedule.IterationsPerEpoch);
            Assert.Equal(row.Whole("validation iterations"), schedule.ValidationIterations);
        }
    }

    [Fact]
    public void Training_page_forced_samples()
    {
        foreach (var row in Page.Table("forced-samples"))
        {
            var size = (int)row.Whole("B");
            Assert.Equal(row.Whole("modern"), Forced(ForegroundRule.Last));
            Assert.Equal(row.Whole("classic"), Forced(ForegroundRule.MoreThanThird));

            int Forced(ForegroundRule rule) =>
                Enumerable.Range(0, size).Count(j => ForegroundOversampling.IsForced(
                    rule, j, size, ForegroundOversampling.DefaultShare, new CounterRandom(0)));
        }
    }

    [Fact]
    public void Training_page_patch_ranges()
    {
        foreach (var row in Page.Table("patch-ranges"))
        {
            int shape = (int)row.Whole("shape"), initial = (int)row.Whole("init"), final = (int)row.Whole("final");
            Assert.Equal(row.Whole("need"), Math.Max(initial - final, initial - shape));
            for (var axis = 0; axis < 3; axis++)
            {
                var range = PatchRange.For(
                    Extent.One.With(axis, shape), Extent.One.With(axis, initial), Extent.One.With(axis, final));
                Assert.Equal(row.Whole("lowest"), range.Lowest[axis]);
                Assert.Equal(row.Whole("highest"), range.Highest[axis]);
                var voxel = default(Extent).With(axis, (int)row.Whole("forced voxel"));
                Assert.Equal(row.Whole("its start"), range.Around(voxel)[axis]);
            }
        }
    }

    [Fact]
    public void Training_page_initial_patches()
    {
        foreach (var row in Page.Table("initial-patches"))
        {
            foreach (var (profile, column) in new[] { (Profile.Modern, "modern"), (Profile.Classic, "classic") })
            {
                var geometry = PatchGeometry.For(profile, Size(row, "patch"), row.Numbers("patch").Count == 2);
                Assert.Equal(Size(row, column), geometry.Initial);
            }
        }

        static Extent Size(PageRow row, string column)
        {
            var sizes = row.Ints(column);
            return sizes.Length == 2 ? new Extent(1, sizes[0], sizes[1]) : Extent.FromArray(sizes);
        }
    }

    [Fact]
    public void Training_page_pseudo_dice()
    {
        var row = Page.Table("pseudo-dice").Single();
        var dice = new PseudoDice(new LabelScheme([new("background", [0]), new("a", [1])]));
        Count("TP", predicted: true, reference: true);
        Count("FP", predicted: true, reference: false);
        Count("FN", predicted: false, reference: true);
        row.Number("Dice").Agrees(dice.PerClass()[0]!.Value);

        void Count(string column, bool predicted, bool reference)
        {
            var voxels = checked((int)row.Whole(column));
            dice.Count([.. Enumerable.Repeat(predicted ? 1f : 0f, voxels)], [.. Enumerable.Repeat(reference ? 1f : 0f, voxels)]);
        }
    }

    [Fact]
    public void Training_page_moving_average()
    {
        double? average = null;
        foreach (var row in Page.Table("moving-average"))
        {
            average = PseudoDice.MovingAverage(average, row.Number("mean").Value);
            row.Number("average").Agrees(average!.Value);
        }
    }

    [Fact]
    public void Training_page_loss_scale()
    {
        var scale = new LossScale();
        foreach (var row in Page.Table("loss-scale"))
        {
            var (steps, norm) = row["event"] switch
            {
                "start" => (0, 1.0),
                "one gradient overflows" => (1, double.PositiveInfinity),
                "1999 good steps" => (1999, 1.0),
                "one more" => (1, 1.0),
                var other => throw new InvalidOperationException(other),
            };
            for (var i = 0; i < steps; i++)
            {
                scale.Update(norm);
            }

            Assert.Equal(row.Whole("S"), scale.Value);
        }
    }
}
