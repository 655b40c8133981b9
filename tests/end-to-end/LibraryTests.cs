using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>The library, called as a program would; the command line says what is right.</summary>
[Collection(TrainedWorkspaceTests.Readers)]
public sealed class LibraryTests(TrainedWorkspace trained)
{
    private static readonly SegmentationModelOptions OnProcessor = new() { Device = "cpu" };

    [Fact]
    public void In_memory_and_from_file_to_file_labels_are_the_command_lines()
    {
        using var folder = new TemporaryFolder();
        string[] scans = ["case_0", "case_1"];
        var images = scans.Select(name => TinyDataset.Image(trained.Dataset, name)).ToArray();
        SharpSegProcess.Succeed(["predict", trained.Work, "-i", .. images, "-o", folder.At("expected"), "--device", "cpu"]);
        var model = folder.At("model.zip");
        SharpSegProcess.Succeed("export", trained.Work, "-o", model);

        Directory.CreateDirectory(folder.At("own"));
        using var fromFile = SegmentationModel.Load(model, OnProcessor);
        using var fromWorkspace = SegmentationModel.Load(trained.Work, OnProcessor);
        Assert.Equal([1, 2], fromFile.Labels.Keys);
        foreach (var (i, name) in scans.Index())
        {
            var expected = LabelImage.Read(folder.At("expected", $"{name}.nii.gz"));
            var scan = MedicalImage.Read(images[i]);
            var before = (float[])scan.Channels[0].Clone();
            var labels = fromFile.Predict(scan);
            Assert.Equal(expected.Voxels, labels.Voxels);
            Assert.Equal(before, scan.Channels[0]);
            Assert.Equal(expected.Voxels, fromWorkspace.Predict(scan).Voxels);
            labels.Write(folder.At("own", $"{name}.nii.gz"));
            Assert.Equal(
                File.ReadAllBytes(folder.At("expected", $"{name}.nii.gz")), File.ReadAllBytes(folder.At("own", $"{name}.nii.gz")));
            Assert.Equal(
                [folder.At("single", $"{name}.nii.gz")], fromFile.Predict(images[i], folder.At("single", $"{name}.nii.gz")));
            Assert.Equal(
                File.ReadAllBytes(folder.At("expected", $"{name}.nii.gz")),
                File.ReadAllBytes(folder.At("single", $"{name}.nii.gz")));
            foreach (var (label, title) in labels.Names)
            {
                Assert.Equal(expected.Voxels.Count(voxel => voxel == label), labels.Count(label));
                var spacing = labels.Spacing;
                Assert.Equal(
                    labels.Count(label) * spacing.Z * spacing.Y * spacing.X / 1000, labels.Millilitres(title), 1e-9);
            }
        }

        Assert.Equal(2, fromFile.Predict(images, folder.At("both")).Count);
        Assert.Equal(
            File.ReadAllBytes(folder.At("expected", "case_1.nii.gz")), File.ReadAllBytes(folder.At("both", "case_1.nii.gz")));
    }

    [Fact]
    public void Progress_rises_to_the_end_and_a_cancelled_model_predicts_again()
    {
        using var model = SegmentationModel.Load(trained.Work, OnProcessor);
        var scan = MedicalImage.Read(TinyDataset.Image(trained.Dataset, "case_2"));
        var seen = new Listener<SegmentationProgress>();
        var labels = model.Predict(scan, seen);
        var fractions = seen.Reports.Select(report => report.Fraction).ToArray();
        Assert.Equal(fractions.Order(), fractions);
        Assert.Equal((0, 1), (fractions[0], fractions[^1]));

        using var source = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(
            () => model.Predict(scan, new Listener<SegmentationProgress>(_ => source.Cancel()), source.Token));
        Assert.Equal(labels.Voxels, model.Predict(scan).Voxels);
        Assert.ThrowsAny<OperationCanceledException>(() => model.Predict(scan, null, new CancellationToken(true)));
    }

    [Fact]
    public void What_cannot_be_done_is_named()
    {
        using var folder = new TemporaryFolder();
        var none = Assert.Throws<SharpSegException>(() => SegmentationModel.Load(folder.At("none.zip")));
        Assert.Contains("none.zip", none.Message, StringComparison.Ordinal);
        File.WriteAllText(folder.At("text.zip"), "no model");
        var text = Assert.Throws<SharpSegException>(() => SegmentationModel.Load(folder.At("text.zip")));
        Assert.Contains("text.zip", text.Message, StringComparison.Ordinal);
        var untrained = Assert.Throws<SharpSegException>(() => SegmentationModel.Load(trained.Planned, OnProcessor));
        Assert.NotNull(untrained.Hint);
        Assert.Contains(
            "tpu", Assert.Throws<SharpSegException>(() => SegmentationModel.Load(trained.Work, new() { Device = "tpu" })).Message,
            StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => SegmentationModel.Load(trained.Work, OnProcessor with { Step = 0 }));

        var model = SegmentationModel.Load(trained.Work, OnProcessor);
        var voxels = new float[4 * 5 * 6];
        var two = MedicalImage.Of(new Extent(4, 5, 6), new Spacing(1, 1, 1), voxels, voxels);
        Assert.Contains(
            "2 channels", Assert.Throws<SharpSegException>(() => model.Predict(two)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => MedicalImage.Of(new Extent(4, 5, 7), new Spacing(1, 1, 1), voxels));
        Assert.Throws<ArgumentException>(() => MedicalImage.Of(new Extent(4, 5, 6), new Spacing(1, 0, 1), voxels));
        var one = model.Predict(MedicalImage.Of(new Extent(4, 5, 6), new Spacing(1, 1, 1), voxels));
        Assert.Throws<SharpSegException>(() => one.Write(folder.At("labels.png"))); // holds one plane only
        Assert.Throws<ArgumentException>(() => one.Millilitres("spleen"));
        one.Write(folder.At("labels.nrrd"));
        Assert.Equal(one.Voxels, LabelImage.Read(folder.At("labels.nrrd")).Voxels);
        model.Dispose();
        model.Dispose();
        Assert.Throws<ObjectDisposedException>(() => model.Predict(two));
        Assert.Equal(["labels.nrrd", "text.zip"], Directory.GetFileSystemEntries(folder.Path).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void A_trainer_is_stopped_and_another_ends_its_work()
    {
        using var folder = new TemporaryFolder();
        var options = new SegmentationTrainerOptions
        {
            Device = "cpu", MaxTime = TimeSpan.FromSeconds(40), SurfaceMetrics = false, Seed = 3,
        };
        using (var source = new CancellationTokenSource())
        using (var first = new SegmentationTrainer(trained.Dataset, folder.At("work"), options))
        {
            var stop = new Listener<SegmentationProgress>(report =>
            {
                if (report.Stage.StartsWith("train", StringComparison.Ordinal) && report.Fraction > 0)
                {
                    source.Cancel();
                }
            });
            Assert.ThrowsAny<OperationCanceledException>(() => first.Train(stop, source.Token));
        }

        using var second = new SegmentationTrainer(
            trained.Dataset, folder.At("work"), options with { Resume = true, MaxTime = TimeSpan.FromSeconds(20) });
        var scores = second.Train();
        Assert.InRange(scores.MeanForegroundDice, 0, 1);
        Assert.True(scores.Cases > 0);
        Assert.NotEmpty(scores.Dice);
        second.Export(folder.At("model.zip"));
        using var model = SegmentationModel.Load(folder.At("model.zip"), OnProcessor);
        Assert.Equal(scores.Dice.Keys.Order(), model.Labels.Values.Order());
        Assert.Throws<SharpSegException>(
            () => new SegmentationTrainer(trained.Dataset, folder.At("work"), options with { Network = "vgg" }));
    }

    /// <summary>Reports at once, on the thread that reports; .NET's own Progress posts them.</summary>
    private sealed class Listener<T>(Action<T>? then = null) : IProgress<T>
    {
        public List<T> Reports { get; } = [];

        public void Report(T value)
        {
            Reports.Add(value);
            then?.Invoke(value);
        }
    }
}
