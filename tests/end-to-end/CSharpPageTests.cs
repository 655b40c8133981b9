using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>The examples of docs/guide/from-csharp.md, compiled and run; the first one is the stranger's program.</summary>
[Collection(TrainedWorkspaceTests.Readers)]
public sealed class CSharpPageTests(TrainedWorkspace trained)
{
    [Fact]
    [Trait("Tier", "quick")]
    public void Every_example_of_the_page_is_in_a_program_that_runs()
    {
        var root = Checkout.Root;
        var programs = new[] { "tests/stranger/Program.cs", "tests/end-to-end/CSharpPageTests.cs" }
            .Select(file => Flat(File.ReadAllText(Path.Combine(root, file)))).ToArray();
        var page = File.ReadAllText(Path.Combine(root, "docs", "guide", "from-csharp.md"));
        string[] examples =
            [.. page.Split("```csharp").Skip(1).Select(part => part.Split("```")[0]), Indented(File.ReadAllText(
                Path.Combine(root, "library", "PACKAGE.md")).Split("using SharpSeg.AutoPlanner.Imaging;")[1])];
        Assert.True(examples.Length > 3);
        Assert.All(
            examples.Select(Flat),
            example => Assert.Contains(programs, text => text.Contains(example, StringComparison.Ordinal)));
    }

    [Fact]
    public void A_scan_is_segmented()
    {
        using var folder = new TemporaryFolder();
        var (path, scan, segmentation) = (trained.Work, TinyDataset.Image(trained.Dataset, "case_0"), folder.At("out.nii.gz"));

        var options = new SegmentationModelOptions { Device = "cpu", OnWarning = Console.Error.WriteLine };
        using var model = SegmentationModel.Load(path, options);
        var progress = new Progress<SegmentationProgress>(
            report => Console.Error.WriteLine($"{report.Fraction:P0} {report.Detail}"));
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(10));
        model.Predict(scan, segmentation, progress, patience.Token);

        Assert.Equal(MedicalImage.Read(scan).Extent, LabelImage.Read(segmentation).Extent);
    }

    [Fact]
    public void A_model_is_trained_and_exported_and_loaded()
    {
        using var folder = new TemporaryFolder();
        var (dataset, workspace, path, minutes) = (trained.Dataset, folder.At("work"), folder.At("model.zip"), 0.4);
        var (progress, cancellation) = (new Progress<SegmentationProgress>(), CancellationToken.None);

        using var trainer = new SegmentationTrainer(dataset, workspace, new SegmentationTrainerOptions
        {
            MaxTime = TimeSpan.FromMinutes(minutes), Resume = true,
        });
        TrainingScores scores = trainer.Train(progress, cancellation);
        Console.WriteLine($"mean foreground Dice {scores.MeanForegroundDice:0.000} over {scores.Cases} cases");
        trainer.Export(path);

        Assert.InRange(scores.MeanForegroundDice, 0, 1);
        PackagePage(path, TinyDataset.Image(dataset, "case_0"), folder.At("segmentation.nii.gz"));
        Assert.True(File.Exists(folder.At("segmentation.nii.gz")));
    }

    [Fact]
    public void A_tensor_is_computed_with()
    {
        var values = Enumerable.Range(0, 1024).Select(i => (float)i).ToArray();

        using var backend = ComputeDevice.Open("cpu");
        using var pool = new BufferPool(backend);
        var input = pool.Rent(Shape.Activation(1, new Extent(8, 8, 8), 2));
        var output = pool.Rent(input.Shape);
        backend.Upload(values, input);
        backend.Axpby(2, input, 0, output); // output = 2 · input + 0 · output
        backend.Download(output, values);

        Assert.Equal(Enumerable.Range(0, 1024).Select(i => 2f * i), values);
    }

    // What library/PACKAGE.md shows, with its names of files.
    private static void PackagePage(string path, string scan, string segmentation)
    {
        using var model = SegmentationModel.Load(path);
        LabelMap labels = model.Predict(MedicalImage.Read(scan));
        labels.Write(segmentation);
    }

    private static string Indented(string text) => string.Concat(
        text.Split('\n').SkipWhile(string.IsNullOrWhiteSpace)
            .TakeWhile(line => line.StartsWith("    ", StringComparison.Ordinal)))
        .Replace("\"model.zip\"", "path", StringComparison.Ordinal).Replace("\"scan.nii.gz\"", "scan", StringComparison.Ordinal)
        .Replace("\"segmentation.nii.gz\"", "segmentation", StringComparison.Ordinal);

    private static string Flat(string text) => string.Concat(text.Where(c => !char.IsWhiteSpace(c)));
}
