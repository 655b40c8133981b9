using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Workspaces;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// Both stages of a cascade on a tiny dataset, planned for so little memory that a low-resolution stage is needed: out-of-fold
/// segmentations are handed over, the second stage reads them, and prediction runs one after the other.
/// </summary>
public sealed class CascadeTests
{
    private static readonly string[] Schedule = ["--epochs", "1", "--iterations", "4", "--batch", "2"];

    [Theory]
    [InlineData("modern", "0.0015GB")]
    [InlineData("classic", "0.007GB")]
    public void Both_stages_train_and_predict(string profile, string memory)
    {
        using var folder = new TemporaryFolder();
        var dataset = TinyDataset.Write(folder.At("dataset"), cases: 4);
        var work = folder.At("work");
        SharpSegProcess.Succeed("plan", dataset, "-o", work, "--profile", profile, "--memory", memory);
        SharpSegProcess.Succeed("preprocess", work);
        File.WriteAllText(Path.Combine(work, "splits.json"), """
            [{"train": ["case_0", "case_1"], "val": ["case_2", "case_3"]}, {"train": ["case_2", "case_3"], "val": ["case_0", "case_1"]}]
            """);

        // The second stage starts when every case has a segmentation by a fold that did not train on it, and says which folds are
        // missing.
        string[] second = ["train", work, "-c", "3d_cascade_fullres", .. Schedule, "--json"];
        SharpSegProcess.Run(second).AssertErrorWithHint(1, "3d_cascade_fullres", "3d_lowres", "missing from folds 0, 1");
        Train(work, "0");
        SharpSegProcess.Run(second).AssertErrorWithHint(1, "case_0", "missing from fold 1");
        Train(work, "1");

        var handedOver = new Workspace(work).NextStageFolder("3d_lowres", "3d_cascade_fullres");
        var prepared = new Workspace(work).PreprocessedFolder(new Workspace(work).ReadPlans().Resolve("3d_fullres"));
        var contents = new List<string>();
        foreach (var (id, fold) in new[] { ("case_0", 1), ("case_1", 1), ("case_2", 0), ("case_3", 0) })
        {
            using var previous = PreviousStageFile.Open(handedOver, id, "");
            using var stored = StoredCase.Open(prepared, id);
            Assert.Equal(stored.Shape, previous.Shape);

            // The next stage's grid is the scan's own here, so what is handed over is what the fold that did not see the case
            // predicted.
            var predicted = ImageFile.ReadLabels(
                Path.Combine(work, "runs", "3d_lowres", $"fold_{fold}", "validation", $"{id}.nii.gz"));
            Assert.Equal(predicted.Extent, previous.Shape);
            var labels = new short[previous.Shape.Voxels];
            previous.Read(default, previous.Shape, labels);
            Assert.Equal(predicted.Voxels, labels);
            contents.Add(string.Concat(labels));
        }

        Assert.Equal(4, contents.Distinct().Count());       // no two cases are confused

        RequireOwnNetworks(work, second);
        var trained = SharpSegProcess.Succeed(second);
        Assert.Equal(2, (int)trained.Json()["cases"]!);
        Assert.DoesNotContain("warning", trained.Errors, StringComparison.Ordinal);
        var weights = WorkspaceFiles.ReadTensors(
            Path.Combine(work, "runs", "3d_cascade_fullres", "fold_0", "checkpoint_final.safetensors"));
        var alone = WorkspaceFiles.ReadTensors(Path.Combine(work, "runs", "3d_lowres", "fold_0", "checkpoint_final.safetensors"));
        const string first = "encoder.stages.0.0.convs.0.conv.weight";
        Assert.Equal(3 * alone[first].Length, weights[first].Length); // the image, and a mask for each of two labels

        // One command runs both stages; the second really looks at what the first one says.
        string[] predict = ["predict", work, "-i", TinyDataset.Image(dataset, "case_0"), "--no-tta", "-o"];
        SharpSegProcess.Succeed([.. predict, folder.At("low"), "-c", "3d_lowres"]);
        SharpSegProcess.Succeed([.. predict, folder.At("both"), "-c", "3d_cascade_fullres"]);
        var ofTheGuide = DocumentedCommand.All().Single(command => command.IsBlock && command.Words.Contains("--prev-stage"));
        SharpSegProcess.Succeed(
        [
            .. ofTheGuide.Words.Select(word => word switch
            {
                "WORK-large" => work, "WORK-coarse" => folder.At("low"), "WORK-corrected" => folder.At("given"),
                "DATASET/imagesTr" => TinyDataset.Image(dataset, "case_0"), _ => word,
            }),
            "--no-tta",
        ]);
        SharpSegProcess.Succeed(
            [.. predict, folder.At("truth"), "-c", "3d_cascade_fullres", "--prev-stage", Path.Combine(dataset, "labelsTr")]);
        Assert.Equal(Labels("both"), Labels("given"));
        Assert.NotEqual(Labels("both"), Labels("truth"));
        var mirrored = ImageFile.ReadLabels(folder.At("low", "case_0.nii.gz"));
        ImageFile.WriteLabels(
            Path.Combine(Directory.CreateDirectory(folder.At("mirrored")).FullName, "case_0.nii.gz"), mirrored.Voxels,
            TinyDataset.Geometry(new Spacing(1, 1, 1)) with { Affine = [-1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0] }, highestLabel: 2);
        SharpSegProcess.Run([.. predict, folder.At("none"), "-c", "3d_cascade_fullres", "--prev-stage", folder.At("mirrored")])
            .AssertErrorWithHint(1, "case_0", "lies elsewhere in space than the scan");
        SharpSegProcess.Run([.. predict, folder.At("none"), "-c", "3d_lowres", "--prev-stage", folder.At("low")])
            .AssertErrorWithHint(1, "--prev-stage");

        short[] Labels(string name) => ImageFile.ReadLabels(folder.At(name, "case_0.nii.gz")).Voxels;
    }

    /// <summary>
    /// A segmentation whose network is gone, or that older versions left behind without a sign of who wrote it, is refused until
    /// its fold has made it again, for which a finished one is not trained again.
    /// </summary>
    private static void RequireOwnNetworks(string work, string[] second)
    {
        var first = new Workspace(work);
        var (run, elsewhere) = (first.RunFolder("3d_lowres", 1), Path.Combine(work, "fold_1"));
        Directory.Move(run, elsewhere);
        SharpSegProcess.Run(second).AssertErrorWithHint(1, "case_0", "a network that is gone", "made again by fold 1");
        Directory.Move(elsewhere, run);

        var handedOver = first.NextStageFolder("3d_lowres", "3d_cascade_fullres");
        var weights = File.ReadAllBytes(Workspace.FinalCheckpoint(run));
        File.Delete(Path.Combine(handedOver, "case_1.json"));
        File.SetLastWriteTimeUtc(Path.Combine(handedOver, "case_1.labels"), DateTime.UnixEpoch);
        SharpSegProcess.Run(second).AssertErrorWithHint(1, "case_1", "is unknown", "made again by fold 1");
        SharpSegProcess.Succeed("train", work, "-c", "3d_lowres", "-f", "1", "--resume");
        Assert.True(File.Exists(Path.Combine(handedOver, "case_1.json")));
        Assert.Equal(weights, File.ReadAllBytes(Workspace.FinalCheckpoint(run)));
    }

    private static void Train(string work, string fold) =>
        SharpSegProcess.Succeed(["train", work, "-c", "3d_lowres", "-f", fold, .. Schedule]);
}
