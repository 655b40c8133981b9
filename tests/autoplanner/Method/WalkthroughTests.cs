using System.IO.Compression;
using System.Runtime.InteropServices;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Tests.Inference;
using SharpSeg.Engine.Tensors;
using SharpSeg.Tests;
using Xunit;
using Folds = SharpSeg.AutoPlanner.Workspaces.Splits;
using static SharpSeg.AutoPlanner.Tests.Planning.PlanningFixtures;

namespace SharpSeg.AutoPlanner.Tests.Method;

/// <summary>
/// The numbers of docs/guide/walkthrough.md: what follows from rules everywhere, what comes out of the scan where it is at hand.
/// </summary>
public sealed class WalkthroughTests
{
    private const string Case = "hippocampus_038";
    private static readonly MethodPage Page = MethodPage.Open("docs/guide/walkthrough.md");
    private static readonly Extent Size = new(35, 51, 37);
    private static readonly Extent Voxel = new(15, 20, 14);
    private static readonly string[] Axes = ["z", "y", "x"];

    [Fact]
    public void The_plan_is_the_pages()
    {
        var plans = Plan(Identical(200, [1, 1, 1], [36, 50, 35]), labelEntries: 3).Plans;
        var full = plans.Resolve("3d_fullres");
        var rows = Page.Table("walkthrough-plan");
        rows[0].Agrees("Hippocampus", full.Spacing);
        Assert.Equal(rows[1].Ints("Hippocampus"), full.PatchSize);
        Assert.Equal(rows[2].Ints("Hippocampus").Select(pools => 1 << pools), full.Architecture.Divisor());
        Assert.Equal(rows[3].Ints("Hippocampus"), full.Architecture.FeaturesPerStage);
        Assert.Equal(rows[4].Whole("Hippocampus"), full.BatchSize);
    }

    [Fact]
    public void The_normalised_value_follows_from_the_numbers_beside_it()
    {
        var numbers = Page.Numbers("walkthrough-normalise");
        var (mean, deviation, value) = (numbers[0].Value, numbers[1].Value, numbers[2].Value);
        Assert.Equal((mean, deviation), (numbers[3].Value, numbers[4].Value));
        numbers[^1].Agrees((value - mean) / deviation);
    }

    [Fact]
    public void The_voxel_lies_in_the_tile_where_the_page_says()
    {
        var patch = new Extent(40, 56, 40);
        var (padded, below) = SlidingWindow.Padding(Size, patch);
        Assert.Single(new Tiling(padded, patch, is2D: false, 0.5).Tiles);
        var rows = Page.Table("walkthrough-tile");
        for (var axis = 0; axis < 3; axis++)
        {
            Assert.Equal(rows[0].Whole(Axes[axis]), below[axis]);
            Assert.Equal(rows[1].Whole(Axes[axis]), below[axis] + Voxel[axis]);
        }

        var weights = GaussianWeights.Create(patch);
        var numbers = Page.Numbers("walkthrough-weight");
        numbers[0].Agrees(weights[(((17 * patch.Y) + 22) * patch.X) + 15]);
        numbers[1].Agrees(weights.Max());
    }

    [Fact]
    public void Two_members_average_to_the_pages_probabilities()
    {
        string[] classes = ["background", "Anterior", "Posterior"];
        var rows = Page.Table("walkthrough-ensemble");
        var members = rows.Take(2).Select(row => new GivenMaps(
            Extent.One, [.. classes.Select(name => new[] { (float)row.Number(name).Value })])).ToArray();
        var mean = new AveragedMaps(members);
        var probability = new float[1];
        for (var head = 0; head < classes.Length; head++)
        {
            mean.Read(head, 0, probability);
            rows[2].Number(classes[head]).Agrees(probability[0], 1e-6);
        }

        var scheme = new LabelScheme([.. classes.Select((name, label) => new LabelEntry(name, [label]))]);
        Assert.Equal(
            ["Posterior", "Anterior"],
            new[] { LabelDecision.Of(mean, scheme)[0], LabelDecision.Of(members[0], scheme)[0] }.Select(i => classes[i]));
    }

    [SharedFact]
    public void The_scan_holds_the_pages_numbers()
    {
        var dataset = Dataset.Open(SharedFolder.At("data", "Task04_Hippocampus"));
        var item = dataset.TrainingCases.Single(one => one.Id == Case);
        var image = dataset.LoadImage(item);
        var labels = dataset.LoadLabels(item);
        Assert.Equal(Size, image.Extent);
        var element = (((Voxel.Z * Size.Y) + Voxel.Y) * Size.X) + Voxel.X;

        var bytes = Unzipped(item.ImageFiles[0]);
        double[] file =
            [bytes.Length, element, 352 + (4 * element), MemoryMarshal.Read<float>(bytes.AsSpan(352 + (4 * element))),
                labels.Voxels[element]];
        Assert.All(Page.Table("walkthrough-file").Zip(file), pair => pair.First.Number("number").Agrees(pair.Second));
        Page.Numbers("walkthrough-labels")
            .Agree([labels.Voxels.Count(label => label == 2), labels.Voxels.Count(label => label == 1)]);

        var plans = Plan(Identical(200, [1, 1, 1], [36, 50, 35]), labelEntries: 3).Plans;
        var prepared = Processor.Preprocess(
            Case, image, labels, PreprocessingRecipe.From(plans, plans.Resolve("3d_fullres")), dataset.Description.Labels);
        Assert.Equal(Size, prepared.Shape);
        var numbers = Page.Numbers("walkthrough-normalise");
        var values = image.Channels[0];
        var mean = values.Average(value => (double)value);
        numbers[0].Agrees(mean);
        numbers[1].Agrees(Math.Sqrt(values.Average(value => (value - mean) * (value - mean))));
        numbers[2].Agrees(values[element]);
        numbers[^1].Agrees(prepared.Image[element], 1e-7);

        var fold = Folds.Create(dataset.TrainingCases.Select(one => one.Id)).ForFold(0);
        Assert.Contains(Case, fold.Val);
        Page.Numbers("walkthrough-fold").Agree([fold.Train.Count, fold.Val.Count]);
    }

    private static byte[] Unzipped(string path)
    {
        using var gzip = new GZipStream(File.OpenRead(path), CompressionMode.Decompress);
        using var memory = new MemoryStream();
        gzip.CopyTo(memory);
        return memory.ToArray();
    }
}
