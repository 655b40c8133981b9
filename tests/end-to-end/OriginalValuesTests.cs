using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Kernels.Cpu;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// A dataset whose labels have gaps, from `verify --fix` to segmentations with the user's own values. One value, 2, is also a
/// number that another label gets: what is mixed up would show.
/// </summary>
public sealed class OriginalValuesTests
{
    private static readonly short[] Originals = [0, 2, 3];

    [Fact]
    public void A_repaired_dataset_trains_and_its_segmentations_have_the_original_values()
    {
        using var folder = new TemporaryFolder();
        var dataset = TinyDataset.Write(folder.At("dataset"), cases: 4);
        for (var i = 0; i < 4; i++)
        {
            var path = TinyDataset.Label(dataset, $"case_{i}");
            var map = ImageFile.ReadLabels(path);
            ImageFile.WriteLabels(path, Array.ConvertAll(map.Voxels, label => Originals[label]), map.Geometry, 3);
            var scan = TinyDataset.Image(dataset, $"case_{i}");
            File.Move(scan, scan.Replace("_0000", "", StringComparison.Ordinal));
        }

        var json = Path.Combine(dataset, "dataset.json");
        File.WriteAllText(
            json, File.ReadAllText(json)
                .Replace("\"lower\": 1, \"upper\": 2", "\"lower\": 2, \"upper\": 3", StringComparison.Ordinal));
        var before = FolderSnapshot.Of(dataset);
        Assert.Equal(1, SharpSegProcess.Run("verify", dataset).Code);
        var repaired = folder.At("repaired");
        var outcome = SharpSegProcess.Succeed("verify", dataset, "--fix", repaired, "--json");
        Assert.Equal(5, outcome.Json()["repairs"]!.AsArray().Count); // one for the labels, one for each name
        SharpSegProcess.Run("verify", dataset, "--fix", repaired).AssertErrorWithHint(1, "is not empty");
        before.AssertUnchanged();

        var work = new Workspace(folder.At("work"));
        var opened = Dataset.Open(repaired);
        var plans = PlanningRun.Execute(
            opened, work, NetworkChoice.UNet.Options(), SilentReporter.Instance, CancellationToken.None).Plans;
        PreprocessingRun.Execute(opened, work, plans, "3d_fullres", Cpu.Open, SilentReporter.Instance, CancellationToken.None);
        using var backend = Cpu.Open(0);
        var job = TrainingJob.Open(work, "3d_fullres", "0", seed: 5);
        var trained = TrainingRun.Execute(
            job, opened, new TrainingRequest(TrainingLength.Of(new(2, 1, 40, 1)), Resume: false, Surface: false), backend,
            SilentReporter.Instance, CancellationToken.None);

        // Scored against the copy's label maps and against the original ones it is the same.
        var labels = opened.Description.Labels;
        var validation = Workspace.ValidationFolder(job.Folder);
        var against = Evaluator.EvaluateFolder(validation, Path.Combine(dataset, "labelsTr"), labels, ".nii.gz");
        Assert.Equal(trained.Summary.ClassDice, against.ClassDice);
        Assert.All(against.ClassDice, dice => Assert.True(dice > 0, "nothing was segmented: the test would see nothing"));

        var model = folder.At("model.zip");
        SharpSegProcess.Succeed("export", work.Folder, "-o", model);
        var image = TinyDataset.Image(repaired, job.ValidationCases[0]);
        using var loaded = SegmentationModel.Load(model, new() { Device = "cpu" });
        Assert.Equal([2, 3], loaded.Labels.Keys.Order());
        var memory = loaded.Predict(MedicalImage.Read(image));
        Assert.Equal(Originals, memory.Voxels.Distinct().Order());
        loaded.Predict(image, folder.At("segmentations"));
        var written = folder.At("segmentations", job.ValidationCases[0] + ".nii.gz");
        Assert.Equal(memory.Voxels, ImageFile.ReadLabels(written).Voxels);
        Assert.Equal(
            memory.Voxels, ImageFile.ReadLabels(Path.Combine(validation, job.ValidationCases[0] + ".nii.gz")).Voxels);

        // The folder of segmentations says what its values are.
        var scores = SharpSegProcess.Succeed(
            "evaluate", folder.At("segmentations"), Path.Combine(dataset, "labelsTr"), "--json").Json();
        Assert.Equal(trained.Summary.ForegroundDice, (double)scores["mean_foreground_dice"]!, 1e-9);

        // A single file has no description beside it; the first one found, beside the reference, is the one that was repaired.
        File.Copy(written, folder.At("alone.nii.gz"));
        string[] alone =
            ["evaluate", folder.At("alone.nii.gz"), Path.Combine(dataset, "labelsTr", Path.GetFileName(written)), "--json"];
        var refused = SharpSegProcess.Run(alone);
        refused.AssertErrorWithHint(1, "without gaps");
        Assert.Contains("-d WORK/dataset.json", refused.Errors, StringComparison.Ordinal);
        var one = SharpSegProcess.Succeed([.. alone, "-d", Path.Combine(work.Folder, "dataset.json")]).Json();
        Assert.True((double)one["mean_foreground_dice"]! > 0);
    }
}
