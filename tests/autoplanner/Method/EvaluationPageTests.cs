using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Tensors;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Method;

/// <summary>The numbers of docs/method/evaluation.md.</summary>
public sealed class EvaluationPageTests
{
    private static readonly MethodPage Page = MethodPage.Open("docs/method/evaluation.md");
    private static readonly Extent Size = new(10, 12, 14);
    private static readonly LabelScheme OneLabel = new([new("background", [0]), new("organ", [1])]);

    [Fact]
    public void Dice_and_IoU_are_the_pages()
    {
        foreach (var row in Page.Table("dice"))
        {
            var metrics = ClassMetrics.FromCounts(row.Whole("TP"), row.Whole("FP"), row.Whole("FN"), trueNegatives: 9);
            CheckOrNaN(row, "Dice", metrics.Dice);
            CheckOrNaN(row, "IoU", metrics.IoU);
        }
    }

    [Fact]
    public void Class_means_and_the_foreground_mean_are_the_pages()
    {
        var rows = Page.Table("foreground-mean");
        var scheme = new LabelScheme([new("background", [0]), new("a", [1]), new("b", [2])]);
        var cases = rows.SkipLast(1).Select((row, i) => new CaseMetrics(
            $"case {i}", "", "", [.. new[] { "class 1", "class 2" }.Select(column => WithDice(row.RealsOrNaN(column)[0]))]));
        var summary = EvaluationSummary.Of(EvaluatedClass.Of(scheme), cases);
        rows[^1].Number("class 1").Agrees(summary.ClassDice[0]);
        rows[^1].Number("class 2").Agrees(summary.ClassDice[1]);
        Assert.Equal(0.6, summary.ForegroundDice, 1e-12);
    }

    [Fact]
    public void Surface_distances_are_the_pages()
    {
        var reference = Box((2, 6), (3, 8), (4, 9));
        short[] stray = [.. reference];
        stray[^1] = 1;
        short[][] predictions =
        [
            reference, Box((3, 7), (3, 8), (4, 9)), Box((2, 6), (3, 8), (6, 11)), Box((2, 6), (2, 9), (4, 9)), stray,
            Box((0, 6), (3, 8), (4, 9)),
        ];
        var rows = Page.Table("surface");
        Assert.Equal(predictions.Length, rows.Count);
        foreach (var (row, prediction) in rows.Zip(predictions))
        {
            var a = Compute(reference, prediction, new Spacing(1, 1, 1));
            var b = Compute(reference, prediction, new Spacing(3, .5, .5));
            row.Number("Dice").Agrees(a.Dice);
            row.Number("HD95 a").Agrees(a.Hd95!.Value, 1e-12);
            row.Number("HD95 b").Agrees(b.Hd95!.Value, 1e-12);
            row.Number("NSD a").Agrees(a.Nsd!.Value);
            row.Number("NSD b").Agrees(b.Nsd!.Value);
        }
    }

    [Fact]
    public void The_best_score_is_the_pages() => Assert.All(Page.Table("best-score"), row =>
        Assert.Equal(row.Whole("winner, counted from 0"), ModelSelection.Best(row.RealsOrNaN("scores in order"))));

    [Fact]
    public void One_component_for_all_foreground_is_accepted_as_on_the_page() =>
        Assert.All(Page.Table("all-foreground"), row => Assert.Equal(
        row["accepted"] == "yes",
        PostprocessingDecision.AcceptsAllForeground(row.RealsOrNaN("before"), row.RealsOrNaN("after"))));

    [Fact]
    public void Largest_components_are_the_pages()
    {
        var rows = Page.Table("largest-component");
        foreach (var row in rows.Skip(1))
        {
            var labels = Slice(rows[0]);
            new PostprocessingSteps([row.Ints("set")], Connectivity.Full).Apply(labels, new Extent(1, 4, 8));
            Assert.Equal(Slice(row), labels);
        }
    }

    private static short[] Slice(PageRow row) =>
        [.. Enumerable.Range(0, 4).SelectMany(y => row.Ints($"row {y}")).Select(label => (short)label)];

    private static void CheckOrNaN(PageRow row, string column, double actual)
    {
        if (row[column] == "NaN")
        {
            Assert.Equal(double.NaN, actual);
        }
        else
        {
            row.Number(column).Agrees(actual);
        }
    }

    private static ClassMetrics WithDice(double dice) => ClassMetrics.FromCounts(0, 0, 0, 0) with { Dice = dice };

    private static ClassMetrics Compute(short[] reference, short[] prediction, Spacing spacing) =>
        SegmentationMetrics.Compute(reference, prediction, Size, spacing, OneLabel, new EvaluationOptions { Surface = true })[0];

    /// <summary>A box of label 1; both ends of each range are inside.</summary>
    private static short[] Box((int From, int To) z, (int From, int To) y, (int From, int To) x)
    {
        var labels = new short[Size.Voxels];
        for (var i = z.From; i <= z.To; i++)
        {
            for (var j = y.From; j <= y.To; j++)
            {
                labels.AsSpan((((i * Size.Y) + j) * Size.X) + x.From, x.To - x.From + 1).Fill(1);
            }
        }

        return labels;
    }
}
