using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Training;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Training;

public sealed class PseudoDiceTests
{
    [Fact]
    public void Counts_are_pooled_before_the_ratio()
    {
        var dice = new PseudoDice(new LabelScheme([new("background", [0]), new("a", [1]), new("b", [2])]));
        dice.Count(Voxels((30, 1), (10, 1), (20, 0), (99, 0)), Voxels((30, 1), (10, 0), (20, 1), (99, 0)));
        Assert.Equal(2 * 30 / (60.0 + 30), dice.PerClass()[0]!.Value, 1e-12); // 0.666667, docs/method/training.md §8
        Assert.Null(dice.PerClass()[1]);
        Assert.Equal(dice.PerClass()[0], PseudoDice.Mean(dice.PerClass()));
    }

    [Fact]
    public void A_voxel_of_the_wrong_class_counts_against_both_and_an_ignored_one_against_none()
    {
        var dice = new PseudoDice(new LabelScheme([new("background", [0]), new("a", [1]), new("b", [2]), new("ignore", [3])]));
        dice.Count([1, 1, 2, 2, 1], [1, 2, 2, 3, 3]);
        Assert.Equal([2 / 3.0, 2 / 3.0], dice.PerClass()); // each: one hit, one false positive or one miss
    }

    /// <summary>As the formula has it: of each class, whoever is not labelled for it left out.</summary>
    [Fact]
    public void Many_classes_are_counted_as_one_by_one()
    {
        const int classes = 9, voxels = 4000;
        string Name(int label) => label == 0 ? "background" : $"c{label}";
        var labels = new LabelScheme([.. Enumerable.Range(0, classes + 1).Select(c => new LabelEntry(Name(c), [c]))]);
        float[] Draw() => [.. Enumerable.Range(0, voxels).Select(_ => (float)Random.Shared.Next(classes + 1))];
        var (predicted, reference) = (Draw(), Draw());
        var dice = new PseudoDice(labels);
        dice.Count(predicted, reference);
        for (var c = 1; c <= classes; c++)
        {
            var both = Enumerable.Range(0, voxels).Count(i => predicted[i] == c && reference[i] == c);
            Assert.Equal(
                2.0 * both / (predicted.Count(label => label == c) + reference.Count(label => label == c)),
                dice.PerClass()[c - 1]!.Value, 1e-12);
        }
    }

    [Fact]
    public void Regions_count_their_logits_where_the_ignore_map_is_not_set()
    {
        var labels = new LabelScheme(
            [new("background", [0]), new("whole", [1, 2]), new("core", [2]), new("ignore", [3])], [1, 2]);
        var dice = new PseudoDice(labels);
        dice.Count([0.5f, -1, 2, 3, -1, -1, 4, 4], [1, 0, 0, 1, 0, 0, 1, 1, 0, 1, 0, 1]);

        // Whole: two hits, a miss; core: a false positive, a miss; the last voxel is ignored.
        Assert.Equal([2 * 2 / 5.0, 0.0], dice.PerClass());
    }

    [Fact]
    public void Moving_average_follows_the_specs_sequence()
    {
        double?[] means = [0, 0.2, 0.5, 0.4, 0.6];
        double[] expected = [0, 0.02, 0.068, 0.1012, 0.15108];
        double? average = null;
        for (var e = 0; e < means.Length; e++)
        {
            average = PseudoDice.MovingAverage(average, means[e]);
            Assert.Equal(expected[e], average!.Value, 1e-9);
        }

        Assert.Equal(average, PseudoDice.MovingAverage(average, null)); // an undefined epoch keeps the old value
    }

    private static float[] Voxels(params (int Count, float Label)[] runs) =>
        [.. runs.SelectMany(run => Enumerable.Repeat(run.Label, run.Count))];
}
