using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Preprocessing;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>A dataset with two ignore labels, e.g. "not annotated" and "not sure", from files to scores.</summary>
public sealed class IgnoreLabelsTests
{
    [Fact]
    public void Several_ignore_labels_train_and_are_left_out_of_the_scores()
    {
        using var folder = new TemporaryFolder();
        var dataset = TinyDataset.Write(folder.At("dataset"), cases: 4);
        var json = Path.Combine(dataset, "dataset.json");
        File.WriteAllText(
            json, File.ReadAllText(json).Replace("\"upper\": 2", "\"upper\": 2, \"ignore\": [3, 4]", StringComparison.Ordinal));
        for (var i = 0; i < 4; i++)
        {
            var map = ImageFile.ReadLabels(TinyDataset.Label(dataset, $"case_{i}"));
            for (var v = 0; v < map.Voxels.Length; v++)
            {
                map.Voxels[v] = v % 16 < 2 ? (short)3 : v % 16 > 13 ? (short)4 : map.Voxels[v];
            }

            ImageFile.WriteLabels(TinyDataset.Label(dataset, $"case_{i}"), map.Voxels, map.Geometry, highestLabel: 4);
        }

        SharpSegProcess.Succeed("verify", dataset);
        var work = folder.At("work");
        SharpSegProcess.Succeed("plan", dataset, "-o", work);
        SharpSegProcess.Succeed("preprocess", work, "-c", "3d_fullres");
        using (var stored = StoredCase.Open(Directory.GetDirectories(Path.Combine(work, "preprocessed"))[0], "case_0"))
        {
            var labels = new short[stored.Shape.Voxels];
            stored.ReadLabels(default, stored.Shape, labels);
            Assert.Equal(3, labels.Max()); // one of both
        }

        SharpSegProcess.Succeed("train", work, "--epochs", "1", "--iterations", "2", "--batch", "2");

        // A segmentation that is right where it counts, and wrong where nobody annotated.
        Directory.CreateDirectory(folder.At("segmentations"));
        var reference = ImageFile.ReadLabels(TinyDataset.Label(dataset, "case_1"));
        ImageFile.WriteLabels(
            folder.At("segmentations", "case_1.nii.gz"), [.. reference.Voxels.Select(label => label > 2 ? (short)2 : label)],
            reference.Geometry, highestLabel: 2);
        var scores = SharpSegProcess.Succeed(
            "evaluate", folder.At("segmentations"), Path.Combine(dataset, "labelsTr"), "-d", json, "--json").Json();
        Assert.Equal(1, (double)scores["mean_foreground_dice"]!);

        File.WriteAllText(json, File.ReadAllText(json).Replace("[3, 4]", "3", StringComparison.Ordinal));
        Assert.Equal(1, SharpSegProcess.Run("verify", dataset).Code);
    }
}
