using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary><c>--devices</c> of train, auto and predict, with the processor named twice: one thread each.</summary>
public sealed class SeveralDevicesTests
{
    private static readonly string[] One = ["--device", "cpu", "--threads", "1"];
    private static readonly string[] Two = ["--devices", "cpu,cpu", "--threads", "2"];

    [Fact]
    public void Folds_and_scans_on_two_devices_are_those_of_one()
    {
        using var folder = new TemporaryFolder();
        var dataset = TinyDataset.Write(folder.At("dataset"), cases: 3);
        var (work, cohort) = (folder.At("work"), Directory.CreateDirectory(folder.At("cohort")).FullName);
        foreach (var scan in Directory.GetFiles(Path.Combine(dataset, "imagesTr")))
        {
            File.Copy(scan, Path.Combine(cohort, Path.GetFileName(scan)));
        }

        // As much to segment as the three others together.
        var tall = TinyDataset.Size with { Z = 3 * TinyDataset.Size.Z };
        ImageFile.WriteFloats(
            Path.Combine(cohort, "tall_0000.nii.gz"), [.. Enumerable.Range(0, (int)tall.Voxels).Select(i => i % 97f)],
            TinyDataset.Geometry(tall, new Spacing(1, 1, 1)));
        string[] train =
            ["train", work, "-c", "2d", "-f", "0,1", "--epochs", "1", "--iterations", "2", "--batch", "2", "--json"];
        string[] predict = ["predict", work, "-i", cohort, "--no-tta", "--json"];
        SharpSegProcess.Succeed("plan", dataset, "-o", work);
        SharpSegProcess.Succeed("preprocess", work, "-c", "2d");
        SharpSegProcess.Succeed([.. train, .. One]);
        SharpSegProcess.Succeed([.. predict, "-o", folder.At("by one"), .. One]);
        Directory.Move(Path.Combine(work, "runs"), folder.At("runs of one"));

        // A fold that fails is named, and the other one is trained; when it is mended, --resume does what is missing.
        var fault = Directory.CreateDirectory(Path.Combine(work, "runs", "2d", "fold_0", "checkpoint_final.safetensors"));
        var failed = SharpSegProcess.Run([.. train, .. Two]);
        Assert.Equal(1, failed.Code);
        Assert.Contains("error: 2d fold 0 failed: ", failed.Errors, StringComparison.Ordinal);
        Assert.Contains("2d fold 1 is done", failed.Errors, StringComparison.Ordinal);
        fault.Delete();
        var trained = SharpSegProcess.Succeed([.. train, "--resume", .. Two]);
        Assert.Matches(@"cpu \([12]\): train 2d, fold 0", trained.Errors);
        Assert.Equal(["0", "1"], trained.Json()["runs"]!.AsArray().Select(run => (string)run!["fold"]!));
        Assert.All(["fold_0", "fold_1"], fold => WorkspaceFiles.AssertSameCheckpoint(
            folder.At("runs of one", "2d", fold, "checkpoint_final.safetensors"),
            Path.Combine(work, "runs", "2d", fold, "checkpoint_final.safetensors")));

        // A scan that cannot be read is listed, the others are segmented as by one device; one has the tall one alone.
        File.WriteAllText(Path.Combine(cohort, "case_9_0000.nii.gz"), "no image");
        var predicted = SharpSegProcess.Run([.. predict, "-o", folder.At("by two"), .. Two]);
        Assert.Equal(3, predicted.Code); // some, not all
        Assert.Matches(@"cpu \([12]\): .*; 1 case\b", predicted.Errors);
        Assert.Matches(@"cpu \([12]\): .*; 3 cases\b", predicted.Errors);
        Assert.Equal("case_9", (string)predicted.Json()["failed"]!.AsArray().Single()!["case"]!);
        string[] files = [.. Directory.GetFiles(folder.At("by one"), "*.nii.gz").Select(file => Path.GetFileName(file)).Order()];
        Assert.Equal(4, files.Length);
        Assert.Equal(files, Directory.GetFiles(folder.At("by two"), "*.nii.gz").Select(file => Path.GetFileName(file)).Order());
        Assert.All(files, file => Assert.Equal(
            ImageFile.ReadLabels(folder.At("by one", file)).Voxels, ImageFile.ReadLabels(folder.At("by two", file)).Voxels));
    }

    [Theory]
    [InlineData("--devices nowhere:7: no such device", "auto", "dataset", "-o", "out", "--devices", "cpu,nowhere:7")]
    [InlineData("--device cpu and --devices both", "auto", "dataset", "-o", "out", "--devices", "cpu", "--device", "cpu")]
    [InlineData("--watch takes one scan at a", "predict", "work", "-i", "in", "-o", "out", "--devices", "cpu,cpu", "--watch")]
    public void What_cannot_be_divided_is_refused(string says, params string[] words) =>
        SharpSegProcess.Run(words).AssertErrorWithHint(2, says);
}
