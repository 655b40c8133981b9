using SharpSeg.AutoPlanner.Batches;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Batches;

/// <summary>Sampling that shows rare classes as often as the others (docs/method/training.md §13).</summary>
public sealed class BalancedClassesTests
{
    private static readonly Extent Shape = new(8, 8, 8);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_class_of_one_case_in_twenty_is_seen_as_often_as_the_others(bool balanced)
    {
        // Label 1 is in every case, label 2 in the first alone.
        MemoryCase[] cases = [.. Enumerable.Range(0, 20).Select(i => Case($"c{i}", rare: i == 0))];
        using var loader = new BatchLoader(cases, [], new LoaderSettings
        {
            Backend = Processor.Sampling, Profile = Profile.Modern, Channels = 1, BatchSize = 1, Workers = 0,
            Geometry = PatchGeometry.For(Profile.Modern, new(4, 4, 4), is2D: false),
            ForegroundShare = 1, BalancesClasses = balanced, TrainingIterations = 400, ValidationIterations = 0, Seed = 5,
        });
        var rare = 0;
        for (var i = 0; i < 400; i++)
        {
            using var batch = loader.Get(isTraining: true, 0, i);
            var origin = batch.Origins[0];
            Assert.NotNull(origin.Voxel);
            rare += origin.Voxel == new Extent(6, 6, 6) ? 1 : 0;
            Assert.True(origin.Voxel != new Extent(6, 6, 6) || origin.CaseId == "c0");
        }

        // 1/2 of 400, or 1/20 · 1/2 of 400; four standard deviations.
        Assert.InRange(rare, balanced ? 160 : 1, balanced ? 240 : 23);
    }

    [Fact]
    public void Without_foreground_anywhere_cases_are_drawn_as_ever()
    {
        var empty = new MemoryCase("empty", Shape, new float[Shape.Voxels], new short[Shape.Voxels], [1]);
        using var loader = new BatchLoader([empty], [], new LoaderSettings
        {
            Backend = Processor.Sampling, Profile = Profile.Modern, Channels = 1, BatchSize = 1, Workers = 0,
            Geometry = PatchGeometry.For(Profile.Modern, new(4, 4, 4), is2D: false),
            ForegroundShare = 1, BalancesClasses = true, TrainingIterations = 1, ValidationIterations = 0, Seed = 5,
        });
        using var batch = loader.Get(isTraining: true, 0, 0);
        Assert.Null(batch.Origins[0].Voxel);
    }

    private static MemoryCase Case(string id, bool rare)
    {
        var labels = new short[Shape.Voxels];
        labels[(((1 * 8) + 1) * 8) + 1] = 1;
        if (rare)
        {
            labels[(((6 * 8) + 6) * 8) + 6] = 2;
        }

        return new MemoryCase(id, Shape, new float[Shape.Voxels], labels, [1, 2]);
    }
}
