using SharpSeg.AutoPlanner.Imaging;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>Many scans: one that fails does not stop the others, lists come by a pipe, a folder is watched.</summary>
[Collection(TrainedWorkspaceTests.Runs)]
public sealed class CohortTests(TrainedWorkspace trained)
{
    [Fact]
    public void A_damaged_scan_is_listed_and_the_others_are_segmented()
    {
        using var folder = new TemporaryFolder();
        var scans = Scans(folder, 4);
        File.WriteAllText(scans[1], "");
        TinyDataset.Rewrite(scans[2], bytes => bytes[..^200]); // its header is sound, its voxels are not all there
        ImageFile.WriteFloats(scans[0], new float[TinyDataset.Size.Voxels], TinyDataset.Geometry(new Spacing(1, 1, 1)));
        var outcome = SharpSegProcess.Run("predict", trained.Work, "-i", folder.At("in"), "-o", folder.At("out"), "--json");
        Assert.Equal(3, outcome.Code);
        var json = outcome.Json();
        Assert.Equal(
            [folder.At("out", "scan_0.nii.gz"), folder.At("out", "scan_3.nii.gz")],
            json["segmentations"]!.AsArray().Select(path => (string)path!));
        Assert.Equal(["scan_1", "scan_2"], json["failed"]!.AsArray().Select(item => (string)item!["case"]!));
        Assert.Contains("error: case `scan_1` failed: ", outcome.Errors, StringComparison.Ordinal);
        Assert.Contains(
            "warning: case `scan_0`: channel 0, T1, is constant: every voxel is 0", outcome.Errors, StringComparison.Ordinal);
        Assert.Equal(
            ["dataset.json", "log.txt", "plans.json", "run.json", "scan_0.nii.gz", "scan_3.nii.gz"],
            Directory.GetFiles(folder.At("out")).Select(Path.GetFileName).Order());
        SharpSegProcess.Succeed("predict", trained.Work, "-i", scans[3], "-o", folder.At("alone.nii.gz"));
        Assert.Equal(File.ReadAllBytes(folder.At("alone.nii.gz")), File.ReadAllBytes(folder.At("out", "scan_3.nii.gz")));

        // Alone, or all of them, it is a failure.
        SharpSegProcess.Run("predict", trained.Work, "-i", scans[1], "-o", folder.At("none")).AssertError(1, "scan_1");
        SharpSegProcess.Run("predict", trained.Work, "-i", scans[1], scans[2], "-o", folder.At("none"))
            .AssertError(1, "all 2 cases failed");
        Assert.Empty(Directory.Exists(folder.At("none")) ? Directory.GetFiles(folder.At("none"), "*.nii.gz") : []);
    }

    [Fact]
    public void Damaged_cases_are_left_out_of_scores_and_of_preprocessing_and_named()
    {
        using var folder = new TemporaryFolder();
        var labels = folder.Copy(Path.Combine(trained.Dataset, "labelsTr"), "labels");
        File.WriteAllText(Path.Combine(labels, "case_1.nii.gz"), "");
        var scored = SharpSegProcess.Run("evaluate", labels, Path.Combine(trained.Dataset, "labelsTr"), "--json");
        Assert.Equal(3, scored.Code);
        Assert.Equal(5, (int)scored.Json()["cases"]!);
        Assert.Equal(1, (double)scored.Json()["mean_foreground_dice"]!);
        Assert.Equal("case_1", (string)Assert.Single(scored.Json()["failed"]!.AsArray())!["case"]!);

        var dataset = folder.Copy(trained.Dataset, "dataset");
        SharpSegProcess.Succeed("plan", dataset, "-o", folder.At("work"));
        Damage(TinyDataset.Image(dataset, "case_2"));
        var prepared = SharpSegProcess.Run("preprocess", folder.At("work"), "-c", "3d_fullres", "--json");
        Assert.Equal(3, prepared.Code);
        Assert.Equal("case_2", (string)Assert.Single(prepared.Json()["failed"]!.AsArray())!["case"]!);

        // The others are there, and are not made again once the file is mended.
        var time = File.GetLastWriteTimeUtc(TinyDataset.Image(dataset, "case_2"));
        File.Copy(TinyDataset.Image(trained.Dataset, "case_2"), TinyDataset.Image(dataset, "case_2"), overwrite: true);
        File.SetLastWriteTimeUtc(TinyDataset.Image(dataset, "case_2"), time);
        SharpSegProcess.Succeed("preprocess", folder.At("work"), "-c", "3d_fullres");
        SharpSegProcess.Succeed(
            "train", folder.At("work"), "--epochs", "1", "--iterations", "1", "--batch", "2", "--seed", "7");
    }

    [Fact]
    public void A_list_comes_by_standard_input()
    {
        using var folder = new TemporaryFolder();
        var scans = Scans(folder, 3);
        var outcome = SharpSegProcess.RunWithInput(
            $"{scans[2]}\n\n{scans[0]}\n", "predict", trained.Work, "-i", "-", "-o", folder.At("out"), "--json");
        Assert.True(outcome.Code == 0, outcome.Errors);
        Assert.Equal(
            [folder.At("out", "scan_0.nii.gz"), folder.At("out", "scan_2.nii.gz")],
            outcome.Json()["segmentations"]!.AsArray().Select(path => (string)path!));
        SharpSegProcess.Run("predict", trained.Work, "-i", "-", "-o", folder.At("out")).AssertErrorWithHint(2, "names no scan");
        SharpSegProcess.Run("predict", trained.Work, "-i", "-", "-o", folder.At("out"), "--watch")
            .AssertErrorWithHint(2, "a list ends");
    }

    [FactWith(Needs.Bash)]
    public void A_list_that_cannot_come_is_not_waited_for()
    {
        using var folder = new TemporaryFolder();
        SharpSegProcess.RunWithoutInput("predict", trained.Work, "-i", "-", "-o", folder.At("out"))
            .AssertErrorWithHint(2, "standard input is closed");
    }

    [FactWith(Needs.Signals)]
    public void A_watched_folder_is_segmented_scan_by_scan_until_Ctrl_C()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder.At("in"));
        SharpSegProcess.Run("predict", trained.Work, "-i", folder.At("in"), "-o", folder.At("in"), "--watch")
            .AssertErrorWithHint(1, "in");
        SharpSegProcess.Run("predict", trained.Work, "-i", folder.At("no"), "-o", folder.At("out"), "--watch")
            .AssertErrorWithHint(1, "one folder");
        var ofTheGuide = DocumentedCommand.All().Single(command => command.IsBlock && command.Words.Contains("--watch"));
        using var watching = SharpSegProcess.Start(
        [
            .. ofTheGuide.Words.Select(word => word switch
            {
                "WORK" => trained.Work, "INCOMING" => folder.At("in"), "WORK-watched" => folder.At("out"), _ => word,
            }),
            "--json",
        ]);
        watching.Reach(() => watching.Errors.Contains("watching", StringComparison.Ordinal));
        var scans = Scans(folder, 2);
        watching.Reach(() => Exists("scan_0") && Exists("scan_1"));
        File.WriteAllText(folder.At("in", "scan_2.nii.gz"), "no scan");
        watching.Reach(() => watching.Errors.Contains("case `scan_2` failed", StringComparison.Ordinal));
        File.Copy(scans[0], folder.At("in", "scan_2.nii.gz"), overwrite: true);
        watching.Reach(() => Exists("scan_2"));

        // Of one channel: a scan each, whatever the first one would be called alone.
        File.Copy(scans[0], folder.At("in", "visit_0001.nii.gz"));
        File.Copy(scans[0], folder.At("in", "visit_0000.nii.gz"));
        watching.Reach(() => Exists("visit_0000") && Exists("visit_0001"));
        File.WriteAllText(folder.At("in", "scan_3.nii.gz"), "no scan");
        watching.Reach(() => watching.Errors.Contains("case `scan_3` failed", StringComparison.Ordinal));
        watching.Signal("INT");
        var outcome = watching.WaitForEnd();
        Assert.Equal(3, outcome.Code);
        Assert.Equal(5, outcome.Json()["segmentations"]!.AsArray().Count);
        Assert.Equal(1, outcome.Errors.Split("memory, ").Length - 1); // of the first scan, not of each
        Assert.Equal("scan_3", (string)Assert.Single(outcome.Json()["failed"]!.AsArray())!["case"]!);
        Assert.Equal(
            File.ReadAllBytes(folder.At("out", "scan_0.nii.gz")), File.ReadAllBytes(folder.At("out", "scan_2.nii.gz")));

        bool Exists(string name) => File.Exists(folder.At("out", $"{name}.nii.gz"));
    }

    /// <summary>What a disk does: size and time stay.</summary>
    private static void Damage(string path)
    {
        var (bytes, time) = (File.ReadAllBytes(path), File.GetLastWriteTimeUtc(path));
        Array.Clear(bytes, bytes.Length / 2, bytes.Length - (bytes.Length / 2));
        File.WriteAllBytes(path, bytes);
        File.SetLastWriteTimeUtc(path, time);
    }

    private string[] Scans(TemporaryFolder folder, int count)
    {
        Directory.CreateDirectory(folder.At("in"));
        string[] scans = [.. Enumerable.Range(0, count).Select(i => folder.At("in", $"scan_{i}.nii.gz"))];
        foreach (var (i, scan) in scans.Index())
        {
            File.Copy(TinyDataset.Image(trained.Dataset, $"case_{i}"), scan);
        }

        return scans;
    }
}
