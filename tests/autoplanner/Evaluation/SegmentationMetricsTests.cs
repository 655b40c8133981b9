using System.Text.Json;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Evaluation;

/// <summary>Vectors of docs/method/evaluation.md §1 and §3.</summary>
public sealed class SegmentationMetricsTests
{
    private static readonly Extent Size = new(10, 12, 14);
    private static readonly LabelScheme OneLabel = new([new("background", [0]), new("organ", [1])]);

    [Theory]
    [InlineData(180, 0, 0, 1, 1)]
    [InlineData(144, 36, 36, 0.8, 0.666667)]
    [InlineData(180, 60, 0, 0.857143, 0.75)]
    [InlineData(0, 5, 0, 0, 0)]
    [InlineData(0, 0, 7, 0, 0)]
    [InlineData(0, 0, 0, double.NaN, double.NaN)]
    public void Overlap_follows_from_counts(long truePositives, long falsePositives, long falseNegatives, double dice, double iou)
    {
        var metrics = ClassMetrics.FromCounts(truePositives, falsePositives, falseNegatives, 9);
        Assert.Equal(dice, metrics.Dice, 1e-6);
        Assert.Equal(iou, metrics.IoU, 1e-6);
        Assert.Equal(truePositives + falsePositives, metrics["n_pred"]);
        Assert.Equal(truePositives + falseNegatives, metrics["n_ref"]);
    }

    [Theory]
    [InlineData(0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 1)]
    [InlineData(1, 1, 0, 0, 0, 0, .8, 1, 3, 1, .727273)]
    [InlineData(0, 0, 0, 0, 2, 2, .666667, 2, 1, .757576, 1)]
    [InlineData(0, 0, -1, 1, 0, 0, .857143, 1, .5, 1, 1)]
    [InlineData(-2, 0, 0, 0, 0, 0, .833333, 2, 6, .868421, .815789)]
    public void Surfaces_of_boxes_equal_the_worked_examples(
        int z0, int z1, int y0, int y1, int x0, int x1, double dice, double hausdorffA, double hausdorffB, double nsdA,
        double nsdB)
    {
        var reference = Box((2, 6), (3, 8), (4, 9));
        var prediction = Box((2 + z0, 6 + z1), (3 + y0, 8 + y1), (4 + x0, 9 + x1));
        Check(reference, prediction, dice, hausdorffA, hausdorffB, nsdA, nsdB);
    }

    [Fact]
    public void A_far_voxel_counts_once()
    {
        var reference = Box((2, 6), (3, 8), (4, 9));
        short[] prediction = [.. reference];
        prediction[^1] = 1;
        Check(reference, prediction, .997230, 0, 0, .996226, .996226);
    }

    [Fact]
    public void An_empty_side_has_no_distance_and_no_agreement()
    {
        var box = Box((2, 6), (3, 8), (4, 9));
        var empty = new short[box.Length];
        var missed = Compute(box, empty, new Spacing(1, 1, 1));
        Assert.Equal((double.NaN, 0.0), (missed.Hd95!.Value, missed.Nsd!.Value));
        var both = Compute(empty, empty, new Spacing(1, 1, 1));
        Assert.Equal((double.NaN, double.NaN), (both.Hd95!.Value, both.Nsd!.Value));
    }

    [Fact]
    public void Flat_images_are_measured_in_their_plane()
    {
        var extent = new Extent(1, 5, 6);
        short[] reference = new short[30], prediction = new short[30];
        for (var y = 1; y < 4; y++)
        {
            reference.AsSpan(y * 6 + 1, 3).Fill(1);
            prediction.AsSpan(y * 6 + 2, 3).Fill(1);
        }

        var metrics = SegmentationMetrics.Compute(
            reference, prediction, extent, new Spacing(999, 1, 2), OneLabel,
            new EvaluationOptions { Surface = true, ToleranceMm = 1.5 })[0];

        // Of the 8 surface voxels each, the 5 in the two shared columns lie 0, 0, 0, 1 or 1 mm away; the outer column 2 mm.
        Assert.Equal(2, metrics.Hd95!.Value, 1e-12);
        Assert.Equal(10.0 / 16, metrics.Nsd!.Value, 1e-12);
    }

    [Fact]
    public void Distances_equal_brute_force_on_random_masks() => Seeded.Run(random =>
    {
        foreach (var (
            extent, spacing) in new[] { (new Extent(7, 6, 9), new Spacing(3, .5, .7)),
            (new Extent(1, 9, 8), new Spacing(1, 2, .3)), (new Extent(2, 3, 150), new Spacing(1, .5, .2)) })
        {
            for (var round = 0; round < 10; round++)
            {
                var seeds = new bool[extent.Voxels];
                for (var i = 0; i < seeds.Length; i++)
                {
                    seeds[i] = random.NextDouble() < 0.03 * (round + 1);
                }

                var distance = Distances(seeds, extent, spacing, columns: random.Next(1, extent.X + 1));
                for (var i = 0; i < seeds.Length; i++)
                {
                    var expected = double.PositiveInfinity;
                    for (var j = 0; j < seeds.Length; j++)
                    {
                        if (seeds[j])
                        {
                            double dx = (i % extent.X - j % extent.X) * spacing.X,
                            dy = (i / extent.X % extent.Y - j / extent.X % extent.Y) * spacing.Y;
                            var dz = (i / extent.X / extent.Y - j / extent.X / extent.Y) * spacing.Z;
                            expected = Math.Min(expected, dx * dx + dy * dy + dz * dz);
                        }
                    }

                    Assert.Equal(expected, distance[i], 1e-9);
                }
            }
        }
    });

    /// <summary>Squared distances of a volume, slab by slab of columns.</summary>
    private static double[] Distances(bool[] seeds, Extent extent, Spacing spacing, int columns)
    {
        var bits = new BitVolume(extent);
        for (var i = 0; i < seeds.Length; i++)
        {
            bits[i / extent.X / extent.Y, i / extent.X % extent.Y, i % extent.X] = seeds[i];
        }

        var all = new double[seeds.Length];
        for (var first = 0; first < extent.X; first += columns)
        {
            var width = Math.Min(columns, extent.X - first);
            var slab = new double[extent.Z * extent.Y * width];
            DistanceTransform.Squared(bits, spacing, first, width, slab);
            for (var i = 0; i < slab.Length; i++)
            {
                all[(i / width * extent.X) + first + (i % width)] = slab[i];
            }
        }

        return all;
    }

    [Fact]
    public void Golden_metrics_are_equal()
    {
        var three = new LabelScheme([new("background", [0]), new("a", [1]), new("b", [2]), new("c", [3])]);
        var regions = new LabelScheme(
            [new("background", [0]), new("abc", [1, 2, 3]), new("bc", [2, 3]), new("c", [3])], [1, 2, 3]);
        var ignore = new LabelScheme([new("background", [0]), new("a", [1]), new("b", [2]), new("ignore", [3])]);
        var root = GoldenJson.Read("functions", "metrics.json");
        foreach (var (
            key, scheme) in new[] { ("labels[1,2,3]", three), ("regions[(1,2,3),(2,3),3]", regions),
            ("labels[1,2]_ignore3", ignore) })
        {
            var cases = new List<CaseMetrics>();
            foreach (var item in GoldenJson.Rows(root.GetProperty("cases"), 8, 8))
            {
                var reference = GoldenJson.Labels(item.GetProperty("ref_zyx"));
                var prediction = GoldenJson.Labels(item.GetProperty("pred_zyx"));
                var extent = GoldenJson.ExtentOf(item.GetProperty("ref_zyx"));
                var metrics = SegmentationMetrics.Compute(reference, prediction, extent, new Spacing(1, 1, 1), scheme);
                cases.Add(new CaseMetrics($"{cases.Count}", "", "", metrics));
                var classes = EvaluatedClass.Of(scheme);
                for (var c = 0; c < classes.Count; c++)
                {
                    foreach (var metric in item.GetProperty(key).GetProperty(classes[c].Key).EnumerateObject())
                    {
                        Assert.Equal(GoldenJson.Number(metric.Value), metrics[c][metric.Name]!.Value, 1e-12);
                    }
                }
            }

            var summary = EvaluationSummary.Of(EvaluatedClass.Of(scheme), cases);
            var mean = root.GetProperty("folder_summary_over_all_cases").GetProperty(key).GetProperty("mean");
            foreach (var (item, means) in summary.Classes.Zip(summary.ClassMeans))
            {
                foreach (var metric in mean.GetProperty(item.Key).EnumerateObject())
                {
                    Assert.Equal(GoldenJson.Number(metric.Value), means[metric.Name], 1e-9);
                }
            }
        }
    }

    private static void Check(
        short[] reference, short[] prediction, double dice, double hausdorffA, double hausdorffB, double nsdA, double nsdB)
    {
        var a = Compute(reference, prediction, new Spacing(1, 1, 1));
        var b = Compute(reference, prediction, new Spacing(3, .5, .5));
        Assert.Equal(dice, a.Dice, 1e-6);
        Assert.Equal(hausdorffA, a.Hd95!.Value, 1e-6);
        Assert.Equal(hausdorffB, b.Hd95!.Value, 1e-6);
        Assert.Equal(nsdA, a.Nsd!.Value, 1e-6);
        Assert.Equal(nsdB, b.Nsd!.Value, 1e-6);
    }

    private static ClassMetrics Compute(short[] reference, short[] prediction, Spacing spacing) =>
        SegmentationMetrics.Compute(reference, prediction, Size, spacing, OneLabel, new EvaluationOptions { Surface = true })[0];

    private static short[] Box((int Low, int High) z, (int Low, int High) y, (int Low, int High) x)
    {
        var labels = new short[Size.Voxels];
        for (var i = 0; i < labels.Length; i++)
        {
            int px = i % Size.X, py = i / Size.X % Size.Y, pz = i / Size.X / Size.Y;
            var inside = pz >= z.Low && pz <= z.High && py >= y.Low && py <= y.High && px >= x.Low && px <= x.High;
            labels[i] = inside ? (short)1 : (short)0;
        }

        return labels;
    }
}
