using System.IO.Compression;
using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner.Imaging;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>From a folder of scans to scores and new segmentations, as a user goes.</summary>
[Collection(TrainedWorkspaceTests.Runs)]
public sealed class WholeRunTests(TrainedWorkspace trained)
{
    [Fact]
    public void Auto_makes_a_scored_model_within_its_time()
    {
        using var folder = new TemporaryFolder();
        var before = FolderSnapshot.Of(trained.Dataset);
        var work = folder.At("work");
        var outcome = SharpSegProcess.Succeed("auto", trained.Dataset, "-o", work, "--max-time", "30s", "--json");

        var json = outcome.Json();
        Assert.InRange((double)json["mean_foreground_dice"]!, 0, 1);
        Assert.Equal(["1", "2"], json["per_class"]!.AsObject().Select(pair => pair.Key));
        Assert.Equal(["lower", "upper"], json["per_class"]!.AsObject().Select(pair => (string)pair.Value!["name"]!));
        foreach (var key in new[] { "seconds", "iterations", "seconds_per_iteration", "peak_bytes" })
        {
            Assert.True((double)json[key]! > 0, key);
        }

        string[] expected =
        [
            "dataset.json", "fingerprint.json", "plans.json", "splits.json",
            "runs/3d_fullres/fold_0/checkpoint_final.safetensors",
            "runs/3d_fullres/fold_0/log.jsonl", "runs/3d_fullres/fold_0/progress.png",
            "runs/3d_fullres/fold_0/run.json", "runs/3d_fullres/fold_0/log.txt",
            "runs/3d_fullres/fold_0/validation/summary.json",
        ];
        Assert.All(expected, name => Assert.True(File.Exists(Path.Combine(work, name)), name));
        Assert.Equal(0, WorkspaceFiles.AssertAllWhole(work));
        before.AssertUnchanged();

        // Asked again, it finds everything done, or does what a loaded machine could not do in the time.
        var again =
            SharpSegProcess.Succeed("auto", trained.Dataset, "-o", work, "--max-time", "30s", "--resume", "--json").Json();
        var validation = JsonNode.Parse(File.ReadAllText(Path.Combine(work, "splits.json")))![0]!["val"]!.AsArray();
        Assert.Equal(2, validation.Count);
        Assert.All(validation, id => AssertOnGridOf(
            TinyDataset.Label(trained.Dataset, (string)id!),
            Path.Combine(work, "runs/3d_fullres/fold_0/validation", $"{id}.nii.gz")));
        if (!outcome.Errors.Contains("the time is over", StringComparison.Ordinal))
        {
            Assert.Equal((double)json["mean_foreground_dice"]!, (double)again["mean_foreground_dice"]!);
        }

        Assert.Equal((int)json["iterations"]!, (int)again["iterations"]!);

        // Who asks later how it came about finds both sessions.
        var record = JsonNode.Parse(File.ReadAllText(Path.Combine(work, "runs/3d_fullres/fold_0/run.json")))!;
        var sessions = record["sessions"]!.AsArray();
        Assert.Equal(["done", "done"], sessions.Select(session => (string)session!["state"]!));
        Assert.All(sessions, session => Assert.Contains("auto", (string)session!["command"]!, StringComparison.Ordinal));
        Assert.Contains("CPU", (string)sessions[0]!["device"]!, StringComparison.Ordinal);
        Assert.Equal(64, ((string)record["data_hash"]!).Length);
        Assert.Equal((int)json["iterations"]!, (int)sessions[0]!["iterations"]!);
        Assert.Equal(6, record["training_cases"]!.AsArray().Count + record["validation_cases"]!.AsArray().Count);
        var log = File.ReadAllText(Path.Combine(work, "runs/3d_fullres/fold_0/log.txt"));
        Assert.Contains("== train 3d_fullres, fold 0", log, StringComparison.Ordinal);
        Assert.Contains("schedule: batch", log, StringComparison.Ordinal);
        Assert.Contains($"trained: {(int)json["iterations"]!} iterations", log, StringComparison.Ordinal);
    }

    [Fact]
    public void A_fold_beyond_the_split_is_trained_and_says_what_it_is()
    {
        using var folder = new TemporaryFolder();
        var work = folder.Copy(trained.Planned, "work");
        string[] train = ["train", work, "--epochs", "1", "--iterations", "1", "--batch", "2", "--json"];
        var beyond = SharpSegProcess.Succeed([.. train, "-f", "7"]);
        Assert.Contains("warning: fold 7 is beyond the 5 folds", beyond.Errors, StringComparison.Ordinal);
        Assert.Contains("80:20", beyond.Errors, StringComparison.Ordinal);
        Assert.Equal(2, (int)beyond.Json()["cases"]!); // 4 of 6 cases train
        Assert.DoesNotContain("warning: fold", trained.Training.Errors, StringComparison.Ordinal);
        Assert.Contains(
            "warning: `every-case` is ONE network", SharpSegProcess.Succeed([.. train, "-f", "every-case"]).Errors,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Train_reports_what_it_did()
    {
        var json = trained.Training.Json();
        Assert.Equal(4, (int)json["iterations"]!);
        Assert.Equal(2, (int)json["batch_size"]!);
        Assert.Equal(2, (int)json["epochs"]!);
        Assert.True((double)json["seconds_per_iteration"]! > 0);
        Assert.True((long)json["peak_bytes"]! > 0);
        Assert.NotNull(json["mean_foreground_dice"]);
        var log = File.ReadAllLines(Path.Combine(trained.Run, "log.jsonl")).Select(line => JsonNode.Parse(line)!).ToArray();
        Assert.Equal(3, log.Length); // the run, and two epochs
        Assert.Equal([0, 1], log.Skip(1).Select(epoch => (int)epoch["epoch"]!));
        Assert.Equal(0, WorkspaceFiles.AssertAllWhole(trained.Work));
    }

    [Fact]
    public void Predictions_lie_exactly_on_their_scans()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder.At("in"));
        string[] names = ["far", "near"];
        foreach (var (name, i) in names.Select((name, i) => (name, i)))
        {
            File.Copy(TinyDataset.Image(trained.Dataset, $"case_{i}"), folder.At("in", $"{name}_0000.nii.gz"));
        }

        TinyDataset.Rewrite(folder.At("in", "far_0000.nii.gz"), Elsewhere);
        var json =
            SharpSegProcess.Succeed("predict", trained.Work, "-i", folder.At("in"), "-o", folder.At("out"), "--json").Json();
        Assert.Equal(
            names.Select(name => folder.At("out", $"{name}.nii.gz")),
            json["segmentations"]!.AsArray().Select(path => (string)path!));
        Assert.All(names, name => AssertOnGridOf(folder.At("in", $"{name}_0000.nii.gz"), folder.At("out", $"{name}.nii.gz")));
        Assert.Equal(
            ["dataset.json", "far.nii.gz", "log.txt", "near.nii.gz", "plans.json", "run.json"],
            Directory.GetFiles(folder.At("out")).Select(Path.GetFileName).Order());
        var record = JsonNode.Parse(File.ReadAllText(folder.At("out", "run.json")))!["sessions"]!.AsArray();
        var entry = Assert.Single(record)!;
        Assert.Equal("done", (string?)entry["state"]);
        Assert.Contains("predict", (string?)entry["command"], StringComparison.Ordinal);
        Assert.Equal(trained.Work, (string?)entry["model"]);
        Assert.Equal(64, ((string)entry["plans_sha256"]!).Length);
        Assert.NotNull(entry["device"]);
        Assert.Equal(2, entry["result"]!["segmentations"]!.AsArray().Count);
        Assert.Contains("2 cases", File.ReadAllText(folder.At("out", "log.txt")), StringComparison.Ordinal);

        // One file at a time gives the same labels, and --continue leaves what is there.
        SharpSegProcess.Succeed("predict", trained.Work, "-i", folder.At("in", "near_0000.nii.gz"), "-o", folder.At("single"));
        Assert.Equal(
            ImageFile.ReadLabels(folder.At("out", "near.nii.gz")).Voxels,
            ImageFile.ReadLabels(Directory.GetFiles(folder.At("single"), "*.nii.gz").Single()).Voxels);
        var kept = FolderSnapshot.Of(folder.At("out"), "run.json", "log.txt");
        var rest = SharpSegProcess.Succeed(
            "predict", trained.Work, "-i", folder.At("in"), "-o", folder.At("out"), "--continue", "--json").Json();
        Assert.Empty(rest["segmentations"]!.AsArray());
        kept.AssertUnchanged();
    }

    [Fact]
    public void Evaluate_gives_the_scores_of_the_training_and_1_to_a_perfect_answer()
    {
        using var folder = new TemporaryFolder();
        var labels = Path.Combine(trained.Dataset, "labelsTr");
        var perfect = SharpSegProcess.Succeed("evaluate", labels, labels, "-o", folder.At("summary.json"), "--json").Json();
        Assert.Equal(1, (double)perfect["mean_foreground_dice"]!);
        Assert.Equal(6, (int)perfect["cases"]!);

        var predictions = folder.Copy(Path.Combine(trained.Run, "validation"), "predictions");
        var scored = SharpSegProcess.Succeed("evaluate", predictions, labels, "--json").Json();
        Assert.Equal((double)trained.Training.Json()["mean_foreground_dice"]!, (double)scored["mean_foreground_dice"]!, 1e-12);

        var table = SharpSegProcess.Succeed("evaluate", predictions, labels, "--cases").Output;
        Assert.Contains("case_", table, StringComparison.Ordinal);
        Assert.Contains("mean foreground Dice", table, StringComparison.Ordinal);
    }

    [Fact]
    public void One_scan_becomes_one_file_and_two_files_are_scored()
    {
        using var folder = new TemporaryFolder();
        var (scan, reference) = (folder.At("scan.nii.gz"), folder.At("reference.nii.gz"));
        File.Copy(TinyDataset.Image(trained.Dataset, "case_0"), scan);
        File.Copy(TinyDataset.Label(trained.Dataset, "case_0"), reference);
        SharpSegProcess.Succeed("predict", trained.Work, "-i", scan, "-o", folder.At("folder"));
        var output = folder.At("new", "segmentation.nii.gz");
        var json = SharpSegProcess.Succeed("predict", trained.Work, "-i", scan, "-o", output, "--json").Json();
        Assert.Equal([output], json["segmentations"]!.AsArray().Select(path => (string)path!));
        Assert.Equal([output], Directory.GetFileSystemEntries(folder.At("new")));
        Assert.Equal(File.ReadAllBytes(folder.At("folder", "scan.nii.gz")), File.ReadAllBytes(output));
        AssertOnGridOf(scan, output);
        var kept = SharpSegProcess.Succeed("predict", trained.Work, "-i", scan, "-o", output, "--continue", "--json").Json();
        Assert.Empty(kept["segmentations"]!.AsArray());

        // The folder says which labels there are; two files alone are scored by what is in them.
        var scored =
            SharpSegProcess.Succeed("evaluate", output, reference, "-d", folder.At("folder", "dataset.json"), "--json").Json();
        var alone = SharpSegProcess.Succeed("evaluate", output, reference, "--json").Json();
        Assert.Equal((double)scored["mean_foreground_dice"]!, (double)alone["mean_foreground_dice"]!, 1e-12);
        var perfect =
            SharpSegProcess.Succeed("evaluate", reference, reference, "-o", folder.At("new", "summary.json"), "--json").Json();
        Assert.Equal(1, (double)perfect["mean_foreground_dice"]!);
        Assert.True(File.Exists(folder.At("new", "summary.json")));
        SharpSegProcess.Run("evaluate", output, folder.At("folder")).AssertErrorWithHint(1, "is a file");
    }

    [Fact]
    public void A_file_is_no_output_for_two_scans_nor_in_place_of_one()
    {
        using var folder = new TemporaryFolder();
        string[] scans = [folder.At("a.nii.gz"), folder.At("b.nii.gz")];
        File.Copy(TinyDataset.Image(trained.Dataset, "case_0"), scans[0]);
        File.Copy(TinyDataset.Image(trained.Dataset, "case_1"), scans[1]);
        var before = FolderSnapshot.Of(folder.Path);
        (string Says, string[] Words)[] refused =
        [
            ("2 cases are given", ["-i", folder.Path, "-o", folder.At("s.nii.gz")]),
            ("would replace the image", ["-i", scans[0], "-o", scans[0]]),
            ("--save-probabilities", ["-i", scans[0], "-o", folder.At("s.nii.gz"), "--save-probabilities"]),
            ("cannot hold the labels", ["-i", scans[0], "-o", folder.At("s.png")]),
            ("cannot hold the labels", ["-i", scans[0], "-o", folder.At("s.jpg")]),
            ("never written to", ["-i", scans[0], "-o", Path.Combine(trained.Dataset, "labelsTr", "case_0.nii.gz")]),
            ("own files", ["-i", scans[0], "-o", Path.Combine(trained.Run, "s.nii.gz")]),
        ];
        Assert.All(
            refused, item => SharpSegProcess.Run(["predict", trained.Work, .. item.Words]).AssertErrorWithHint(1, item.Says));
        before.AssertUnchanged();
    }

    /// <summary>Same size, spacing and place in space, down to the header's numbers.</summary>
    private static void AssertOnGridOf(string scan, string segmentation)
    {
        var (expected, actual) = (ImageFile.ReadGeometry(scan), ImageFile.ReadGeometry(segmentation));
        Assert.Equal(expected.Extent, actual.Extent);
        Assert.Equal(expected.Spacing, actual.Spacing);
        Assert.Equal(expected.Affine, actual.Affine);
        Assert.Equal(Header(scan)[76..108], Header(segmentation)[76..108]); // NIfTI-1: voxel sizes
        Assert.Equal(Header(scan)[252..344], Header(segmentation)[252..344]); // qform and sform, codes and numbers
        Assert.All(ImageFile.ReadLabels(segmentation).Voxels, label => Assert.InRange(label, 0, 2));
    }

    private static byte[] Header(string path)
    {
        using var gzip = new GZipStream(File.OpenRead(path), CompressionMode.Decompress);
        var header = new byte[348];
        gzip.ReadExactly(header);
        return header;
    }

    /// <summary>Anisotropic voxels at an odd place: pixdim at byte 76, sform at 280 with its code at 254.</summary>
    private static byte[] Elsewhere(byte[] bytes)
    {
        float[] spacing = [0.9f, 1.1f, 1.3f];
        float[] affine = [-0.9f, 0, 0, 31.5f, 0, -1.1f, 0, 17.25f, 0, 0, 1.3f, -203.125f];
        BitConverter.GetBytes((short)0).CopyTo(bytes, 252);
        BitConverter.GetBytes((short)1).CopyTo(bytes, 254);
        for (var axis = 0; axis < 3; axis++)
        {
            BitConverter.GetBytes(spacing[axis]).CopyTo(bytes, 80 + (4 * axis));
        }

        for (var i = 0; i < affine.Length; i++)
        {
            BitConverter.GetBytes(affine[i]).CopyTo(bytes, 280 + (4 * i));
        }

        return bytes;
    }
}
