using System.Text.RegularExpressions;
using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Steps.Traces;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// One case of every kind of plan and label, traced: all stations are there, and the segmentation is that of `predict`, byte for
/// byte.
/// </summary>
public sealed class TraceKindsTests
{
    private const int StationsOfAConfiguration = 7, StationsOfTheScan = 2;

    [Theory]
    [InlineData("2d", false, false)]
    [InlineData("3d_fullres", false, true)]
    [InlineData("2d", true, false)]
    [InlineData("3d_fullres", true, true)]
    public void Every_kind_of_case_is_traced_to_the_segmentation_of_predict(string configuration, bool classic, bool regions)
    {
        using var folder = new TemporaryFolder();
        var shapes = new ShapeDataset
        {
            Size = new Extent(16, 20, 16), Cases = 3, Radius = 4, Regions = regions, Ignore = regions,
        };
        var network = classic ? NetworkChoice.Classic : NetworkChoice.UNet;
        var page = Trace(folder, shapes, network.Options(), configuration, new TrainingVariant());
        Assert.Equal(StationsOfTheScan + StationsOfAConfiguration, page.Split("<h2 id=\"step-").Length - 1);
        Assert.Equal(5, page.Split("<b>patch ").Length - 1);
        Assert.Contains(regions ? "<b>whole</b> (8_probability_0.nii.gz)" : "<b>rim</b> (8_probability_1.nii.gz)", page,
            StringComparison.Ordinal);
        Assert.Contains("docs/method/inference.md#8-export", page, StringComparison.Ordinal);
        Assert.Equal(classic, page.Contains("profile classic: these are probabilities", StringComparison.Ordinal));
    }

    [Fact]
    public void Both_stages_of_a_cascade_are_traced()
    {
        using var folder = new TemporaryFolder();
        var shapes = new ShapeDataset { Size = new Extent(16, 20, 16), Cases = 2, Radius = 4 };
        var page = Trace(
            folder, shapes, NetworkChoice.UNet.Options() with { MemoryGigabytes = 0.0015 }, "3d_cascade_fullres",
            new TrainingVariant());
        Assert.Equal(StationsOfTheScan + (2 * StationsOfAConfiguration), page.Split("<h2 id=\"step-").Length - 1);
        Assert.Contains("Logits (3d_lowres)", page, StringComparison.Ordinal);
        Assert.Contains("Logits (3d_cascade_fullres)", page, StringComparison.Ordinal);
        Assert.Contains("segmentation of the patch, as further channels", page, StringComparison.Ordinal);
    }

    /// <summary>
    /// Outputs that do not fit wait in a file; all that a trace shows but the weights, which never are in one piece, is the same.
    /// </summary>
    [Theory]
    [InlineData("3d_fullres", false)]
    [InlineData("2d", true)]
    public void With_less_memory_the_volumes_are_the_same(string configuration, bool classic)
    {
        using var folder = new TemporaryFolder();
        var shapes = new ShapeDataset { Size = new Extent(40, 48, 40), Cases = 2, Radius = 4 };
        var network = classic ? NetworkChoice.Classic : NetworkChoice.UNet;
        var (whole, page) = TraceOf(
            folder, shapes, network.Options() with { MemoryGigabytes = 0.002 }, configuration,
            new TrainingVariant { Without = AugmentationParts.Mirroring }); // many tiles: one view of each is enough
        Assert.DoesNotContain("slab by slab", page, StringComparison.Ordinal);

        // The least that is not refused: the refusal says how much that is.
        var refused = Assert.Throws<SharpSegException>(() => Again(MemoryBudget.ProgramBytes));
        Assert.Contains("of memory are needed", refused.Message, StringComparison.Ordinal);
        var least = MemoryBudget.Parse(Regex.Match(refused.Hint!, @"--max-memory (\S+G)").Groups[1].Value)!;
        var cut = Again(least.Bytes);
        page = File.ReadAllText(cut.Page);
        Assert.Contains("they were summed up slab by slab, into a file", page, StringComparison.Ordinal);
        string[] expected = [.. whole.Files.Where(file => !file.StartsWith('6'))];
        Assert.Equal(expected, cut.Files);
        Assert.True(expected.Length >= 19, string.Join(' ', expected));
        Assert.All(expected, file => Assert.Equal(
            File.ReadAllBytes(folder.At("trace", file)), File.ReadAllBytes(folder.At("again", file))));
        Assert.Empty(Directory.GetFiles(folder.At("again"), ".*")); // the file of the outputs is gone

        TraceResult Again(long bytes)
        {
            using var backend = Cpu.Open();
            return TraceRun.Execute(
                new TraceRequest(
                    new Workspace(folder.At("work")), Dataset.Open(folder.At("dataset")).TrainingCases[0].Id,
                    folder.At("again"), configuration, [], 1, new MemoryBudget(bytes, IsGiven: true)),
                backend, Cpu.Open, SilentReporter.Instance, CancellationToken.None);
        }
    }

    [Fact]
    public void Patches_are_those_of_the_run_also_after_an_ablation()
    {
        using var folder = new TemporaryFolder();
        var shapes = new ShapeDataset { Size = new Extent(16, 20, 16), Cases = 2, Radius = 4 };
        var page = Trace(
            folder, shapes, NetworkChoice.UNet.Options(), "3d_fullres", new TrainingVariant { Without = AugmentationParts.All });
        Assert.Equal(5, page.Split("nothing was changed: by chance no step fired").Length - 1);
        Assert.Contains("this run was trained with augmentation none", page, StringComparison.Ordinal);
    }

    /// <summary>Trains a little, predicts and traces the first case, compares, and returns the page.</summary>
    private static string Trace(
        TemporaryFolder folder, ShapeDataset shapes, PlannerOptions options, string configuration, TrainingVariant variant) =>
        TraceOf(folder, shapes, options, configuration, variant).Page;

    /// <summary>The same with the files.</summary>
    private static (TraceResult Result, string Page) TraceOf(
        TemporaryFolder folder, ShapeDataset shapes, PlannerOptions options, string configuration, TrainingVariant variant)
    {
        var (none, silent) = (CancellationToken.None, SilentReporter.Instance);
        var dataset = Dataset.Open(shapes.Write(folder.At("dataset")));
        var work = new Workspace(folder.At("work"));
        var plans = PlanningRun.Execute(dataset, work, options, silent, none).Plans;
        using var backend = Cpu.Open();
        var matrix = TrainingMatrix.Of(work, dataset, [configuration], ["0"], withFirstStages: true);
        foreach (var name in matrix.Configurations)
        {
            PreprocessingRun.Execute(dataset, work, plans, name, Cpu.Open, silent, none);
        }

        var length = TrainingLength.Of(new TrainingSchedule(2, 1, 2, 1));
        MatrixRun.Execute(
            work, dataset, matrix,
            new MatrixRequest(5, (_, _) => length, SkipDone: false, Resume: false, Surface: false, Variant: variant), backend,
            silent, none);

        var item = dataset.TrainingCases[0];
        var predicted = folder.At($"predicted{dataset.Description.FileEnding}");
        PredictionRun.Execute(
            new PredictionRequest(work, configuration, [], "final", item.ImageFiles, predicted, new InferenceOptions()), backend,
            Cpu.Open, silent, none);
        var traced = TraceRun.Execute(
            new TraceRequest(work, item.Id, folder.At("trace"), configuration, [], 1), backend, Cpu.Open, silent, none);
        Assert.Equal(File.ReadAllBytes(predicted), File.ReadAllBytes(traced.Segmentation));
        Assert.All(traced.Files, file => Assert.True(File.Exists(folder.At("trace", file)), file));
        return (traced, File.ReadAllText(traced.Page));
    }
}
