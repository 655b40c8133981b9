using System.IO.Compression;
using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Engine.Tensors;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>From a folder that nnU-Net left to a segmentation, as a user does it: import, inspect, predict.</summary>
public sealed class ImportTests
{
    [Fact]
    public void A_model_of_nnUNet_is_imported_inspected_and_predicts()
    {
        using var folder = new TemporaryFolder();
        var source = new NnUNetModelWriter()
            .Write(folder.At("Dataset001_Tiny", "nnUNetTrainer__nnUNetPlans__3d_fullres"), folds: ["0", "1"]);
        var model = folder.At("model.zip");
        var import = SharpSegProcess.Succeed("import", source, "-o", model);
        Assert.Contains(
            "read: 3d_fullres: nnUNetTrainer, checkpoint_final.pth of folds 0, 1", import.Output, StringComparison.Ordinal);
        Assert.Contains("left: of every checkpoint: the optimiser's state", import.Output, StringComparison.Ordinal);

        var scan = folder.At("scan.nii.gz");
        WriteScan(scan);
        var inspection = SharpSegProcess.Succeed("inspect", model, "--scan", scan, "--json").Json();
        var configuration = inspection["configurations"]!["3d_fullres"]!;
        Assert.Equal(["0", "1"], configuration["folds"]!.AsArray().Select(fold => (string)fold!));
        Assert.InRange((long)configuration["peak_bytes"]!, 126_000_000, 400_000_000); // the program, 120 MiB, included
        Assert.Contains("1 a, 2 b", SharpSegProcess.Succeed("inspect", model).Output, StringComparison.Ordinal);

        SharpSegProcess.Succeed("predict", model, "-i", scan, "-o", folder.At("out"), "--device", "cpu");
        Assert.Equal(new Extent(10, 12, 14), ImageFile.ReadLabels(folder.At("out", "scan.nii.gz")).Extent);

        // The same as a workspace.
        SharpSegProcess.Succeed("import", source, "-o", folder.At("work"), "-f", "1");
        Assert.All(new[] { folder.At("model.run.json"), folder.At("work", "run.json") }, path =>
        {
            var session = Assert.Single(JsonNode.Parse(File.ReadAllText(path))!["sessions"]!.AsArray())!;
            Assert.Equal("done", (string?)session["state"]);
            Assert.Equal(source, (string?)session["models"]![0]);
            Assert.NotEmpty(session["result"]!["read"]!.AsArray());
        });
        SharpSegProcess.Succeed("predict", folder.At("work"), "-i", scan, "-o", folder.At("out2"), "--device", "cpu");
    }

    [Fact]
    public void Parts_predict_in_one_call()
    {
        using var folder = new TemporaryFolder();
        new NnUNetModelWriter().Write(folder.At("one"));
        new NnUNetModelWriter { Dataset = """{"channel_names": {"0": "MR"}, "labels": {"background": 0, "c": 1, "d": 2}, "file_ending": ".nii.gz"}""" }.Write(folder.At("two"));
        var model = folder.At("parts.zip");
        SharpSegProcess.Succeed("import", folder.At("one"), folder.At("two"), "-o", model);
        Assert.Contains("4 d", SharpSegProcess.Succeed("inspect", model).Output, StringComparison.Ordinal);
        WriteScan(folder.At("scan.nii.gz"));
        var outcome = SharpSegProcess.Succeed(
            "predict", model, "-i", folder.At("scan.nii.gz"), "-o", folder.At("out"), "--device", "cpu");
        Assert.Contains("part 2/2", outcome.Errors, StringComparison.Ordinal);
        var labels = ImageFile.ReadLabels(folder.At("out", "scan.nii.gz")).Voxels;
        Assert.Contains(labels, label => label > 2); // the second part's
        SharpSegProcess.Run("predict", model, "-i", folder.At("scan.nii.gz"), "-o", folder.At("out2"), "--save-probabilities")
            .AssertErrorWithHint(1, "--save-probabilities is not offered for a model of several parts");
    }

    /// <summary>Of datasets that `verify --fix` repaired: their dataset.json has the key `original_values`.</summary>
    [Fact]
    public void Parts_write_the_values_of_their_users()
    {
        using var folder = new TemporaryFolder();
        foreach (var (name, labels, values) in new[]
        {
            ("one", "\"a\": 1, \"b\": 2", "\"1\": 255, \"2\": 10"), ("two", "\"c\": 1, \"b\": 2", "\"1\": 7, \"2\": 10"),
        })
        {
            new NnUNetModelWriter
            {
                Dataset = $$$"""{"channel_names": {"0": "MR"}, "labels": {"background": 0, {{{labels}}}}, "file_ending": ".nii.gz", "original_values": {"0": 0, {{{values}}}}}""",
            }.Write(folder.At(name));
        }

        var model = folder.At("parts.zip");
        SharpSegProcess.Succeed("import", folder.At("one"), folder.At("two"), "-o", model);
        WriteScan(folder.At("scan.nii.gz"));
        SharpSegProcess.Succeed("predict", model, "-i", folder.At("scan.nii.gz"), "-o", folder.At("out"), "--device", "cpu");
        var voxels = ImageFile.ReadLabels(folder.At("out", "scan.nii.gz")).Voxels;
        Assert.Empty(voxels.Distinct().Except<short>([0, 255, 10, 7]));
        Assert.Contains((short)7, voxels); // the second part's own
        using var loaded = SegmentationModel.Load(model, new() { Device = "cpu" });
        Assert.Equal([7, 10, 255], loaded.Labels.Keys.Order());
        Assert.Equal(voxels, loaded.Predict(MedicalImage.Read(folder.At("scan.nii.gz"))).Voxels);
    }

    [Fact]
    public void What_cannot_be_imported_is_one_line()
    {
        using var folder = new TemporaryFolder();
        SharpSegProcess.Run("import", folder.At("nowhere"), "-o", folder.At("m.zip"))
            .AssertErrorWithHint(1, "no such folder or file");
        Directory.CreateDirectory(folder.At("empty"));
        SharpSegProcess.Run("import", folder.At("empty"), "-o", folder.At("m.zip"))
            .AssertErrorWithHint(1, "no model of nnU-Net v2 in it");
        SharpSegProcess.Run("import", folder.At("empty"), "-o", folder.At("m.zip"), "--orientation", "LPS")
            .AssertErrorWithHint(2, "--orientation LPS");
        SharpSegProcess.Run("import", folder.At("empty"), "-o", folder.At("m.zip"), "--checkpoint", "first")
            .AssertErrorWithHint(2, "--checkpoint first");
        var writer = new NnUNetModelWriter();
        var source = writer.Write(folder.At("model"));
        writer.Arguments()["nonlin"] = "torch.nn.SiLU";
        File.WriteAllText(Path.Combine(source, "plans.json"), writer.Plans.ToJsonString());
        SharpSegProcess.Run("import", source, "-o", folder.At("m.zip"))
            .AssertErrorWithHint(1, "plans.json", "nonlin: `SiLU` is not supported");
        ZipFile.CreateFromDirectory(source, folder.At("zipped.zip"), CompressionLevel.Fastest, includeBaseDirectory: true);
        SharpSegProcess.Run("import", folder.At("zipped.zip"), "-o", folder.At("m.zip"))
            .AssertErrorWithHint(
                1, $"{folder.At("zipped.zip")}: model{Path.DirectorySeparatorChar}plans.json: ",
                "nonlin: `SiLU` is not supported");
        Assert.False(File.Exists(folder.At("m.zip")));
        SharpSegProcess.Run("inspect", folder.At("m.zip")).AssertErrorWithHint(1, "no such file");
    }

    private static void WriteScan(string path)
    {
        var random = new Random(3);
        var extent = new Extent(10, 12, 14);
        float[] voxels = [.. Enumerable.Range(0, (int)extent.Voxels).Select(i => (i % 14 * 3) + (10 * random.NextSingle()))];
        ImageFile.WriteFloats(
            path, voxels, new ImageGeometry(extent, new Spacing(1, 1, 1), [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0], "test", []));
    }
}
