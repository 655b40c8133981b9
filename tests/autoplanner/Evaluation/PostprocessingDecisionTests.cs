using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Evaluation;

/// <summary>Vectors of docs/method/evaluation.md §5.</summary>
public sealed class PostprocessingDecisionTests
{
    private static readonly LabelScheme TwoLabels = new([new("background", [0]), new("a", [1]), new("b", [2])]);

    [Fact]
    public void One_component_for_all_must_help_and_harm_nobody()
    {
        Assert.True(PostprocessingDecision.AcceptsAllForeground([.80, .70], [.82, .70]));
        Assert.False(PostprocessingDecision.AcceptsAllForeground([.80, .70], [.84, .69]));
        Assert.False(PostprocessingDecision.AcceptsAllForeground([.80, .70], [.80, .70]));
        Assert.True(PostprocessingDecision.AcceptsAllForeground([.9, double.NaN], [.91, double.NaN]));
    }

    [Fact]
    public void A_false_island_is_removed_with_all_foreground()
    {
        var result = Decide(TwoLabels, ([0, 1, 1, 2, 2, 0, 0, 0], [0, 1, 1, 2, 2, 0, 1, 0]));
        Assert.Equal([[1, 2]], result.Steps.LabelSets);
        Assert.Equal(1, result.DiceAfter, 1e-12);
        Assert.Equal((.8 + 1) / 2, result.DiceBefore, 1e-12);

        short[] labels = [0, 1, 1, 2, 2, 0, 2, 0];
        Assert.Equal(1, result.Steps.Apply(labels, new Extent(1, 1, 8)));
        Assert.Equal([0, 1, 1, 2, 2, 0, 0, 0], labels);
    }

    [Fact]
    public void A_class_with_two_true_parts_is_left_alone_and_the_other_is_not()
    {
        // Label 1 has two true parts, so "all foreground" harms it; label 2 has a false island inside nothing.
        var result = Decide(TwoLabels, ([1, 1, 1, 0, 1, 1, 0, 2, 2, 2, 0, 0], [1, 1, 1, 0, 1, 1, 0, 2, 2, 2, 0, 2]));
        Assert.Equal([[2]], result.Steps.LabelSets);
        Assert.Equal(Connectivity.Full, result.Steps.Connectivity);
        Assert.Equal(1, result.DiceAfter, 1e-12);
    }

    [Fact]
    public void A_single_class_is_decided_once()
    {
        var scheme = new LabelScheme([new("background", [0]), new("a", [1])]);
        var loads = 0;
        var result = PostprocessingDecision.Modern(
            1,
            _ =>
            {
                Interlocked.Increment(ref loads);
                return (Labels([1, 1, 0, 0]), Labels([1, 1, 0, 1]));
            },
            scheme);
        Assert.Equal([[1]], result.Steps.LabelSets);
        Assert.Equal(1, loads);
    }

    /// <summary>One reading of all classes decides as one for each does; regions share labels and go in turn.</summary>
    [Theory]
    [InlineData(false, 2)]
    [InlineData(true, 4)]
    public void Trials_on_one_reading_decide_as_those_one_after_the_other(bool regions, int readings) => Seeded.Run(random =>
    {
        var scheme = new LabelScheme(
        [
            new("background", [0]), new("a", regions ? [1, 2, 3] : [1]), new("b", regions ? [2, 3] : [2]), new("c", [3]),
        ], regions ? [1, 2, 3] : null);
        var decisions = new HashSet<string>();
        for (var round = 0; round < 60; round++)
        {
            var cases = Enumerable.Range(0, 3).Select(_ => Case()).ToArray();
            var loads = 0;
            var result = PostprocessingDecision.Modern(
                cases.Length,
                index =>
                {
                    Interlocked.Increment(ref loads);
                    return (Labels(cases[index].Reference), Labels(cases[index].Prediction));
                },
                scheme);
            Assert.Equal(readings * cases.Length, loads);
            var (sets, after) = InTurn(scheme, cases);
            Assert.Equal(sets, result.Steps.LabelSets);
            Assert.Equal(after, result.DiceAfter, 1e-12);
            decisions.Add(string.Join(';', sets.Select(set => string.Join('+', set))));
        }

        Assert.InRange(decisions.Count, 3, int.MaxValue);

        // Runs of the three labels, of which the prediction has some wrong ones more and misses some.
        (short[] Reference, short[] Prediction) Case()
        {
            var reference = new short[60];
            for (short label = 1; label <= 3; label++)
            {
                var begin = (20 * (label - 1)) + random.Next(4);
                reference.AsSpan(begin, 6).Fill(label);
                if (random.Next(4) == 0)
                {
                    reference.AsSpan(begin + 9, 3).Fill(label);
                }
            }

            short[] prediction = [.. reference];
            for (var i = 0; i < 3; i++)
            {
                prediction.AsSpan(random.Next(57), random.Next(1, 4)).Fill((short)random.Next(4));
            }

            return (reference, prediction);
        }
    });

    /// <summary>The rule as docs/method/evaluation.md §5 has it, step by step.</summary>
    private static (List<IReadOnlyList<int>> Sets, double After) InTurn(
        LabelScheme scheme, (short[] Reference, short[] Prediction)[] cases)
    {
        var classes = EvaluatedClass.Of(scheme);
        EvaluationSummary With(IReadOnlyList<IReadOnlyList<int>> sets) => EvaluationSummary.Of(
            classes,
            cases.Select((item, index) =>
            {
                short[] labels = [.. item.Prediction];
                var extent = new Extent(1, 1, labels.Length);
                new PostprocessingSteps(sets, Connectivity.Full).Apply(labels, extent);
                return new CaseMetrics(
                    $"{index}", "", "", SegmentationMetrics.Compute(item.Reference, labels, extent, new(1, 1, 1), scheme));
            }));

        var current = With([]);
        var all = With([scheme.ForegroundLabels]);
        var sets = new List<IReadOnlyList<int>>();
        if (PostprocessingDecision.AcceptsAllForeground(current.ClassDice, all.ClassDice))
        {
            sets.Add(scheme.ForegroundLabels);
            current = all;
        }

        for (var c = 0; c < classes.Count; c++)
        {
            var trial = With([.. sets, classes[c].Labels]);
            if (trial.ClassDice[c] > current.ClassDice[c])
            {
                sets.Add(classes[c].Labels);
                current = trial;
            }
        }

        return (sets, current.ForegroundDice);
    }

    [Fact]
    public void Good_predictions_need_nothing()
    {
        var result = Decide(TwoLabels, ([0, 1, 1, 0, 2, 2], [0, 1, 1, 0, 2, 0]));
        Assert.Empty(result.Steps.LabelSets);
        Assert.Equal(result.DiceBefore, result.DiceAfter);
    }

    [Fact]
    public void Classic_trusts_the_training_references()
    {
        var result = PostprocessingDecision.Classic(
        [
            new ClassFacts("always one", [1], 100, 5, 1), new ClassFacts("once two", [2], 100, 5, 2),
            new ClassFacts("never there", [3], 0, 0, 0),
            new ClassFacts("sometimes one", [4, 5], 100, 1, 1),
        ]);
        Assert.Equal([[1], [4, 5]], result.Steps.LabelSets);
        Assert.Equal(Connectivity.Face, result.Steps.Connectivity);
    }

    private static PostprocessingDecision.Result Decide(
        LabelScheme scheme, params (short[] Reference, short[] Prediction)[] cases) =>
        PostprocessingDecision.Modern(
            cases.Length, index => (Labels(cases[index].Reference), Labels(cases[index].Prediction)), scheme);

    private static LabelImage Labels(short[] row) =>
        new(new ImageGeometry(new Extent(1, 1, row.Length), new Spacing(1, 1, 1), new double[12], "none", []), row);
}
