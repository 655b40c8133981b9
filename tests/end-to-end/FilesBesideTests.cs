using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner.Imaging;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// Images that are more than one file, and cases whose files are not named after them: what lies beside a header counts like it,
/// and the order of channels is the dataset's.
/// </summary>
public sealed class FilesBesideTests
{
    private static readonly string[] Short = ["--epochs", "1", "--iterations", "2", "--batch", "2"];

    [Fact]
    public void The_spacing_beside_a_TIFF_goes_with_it_and_its_change_is_a_change_of_the_dataset()
    {
        using var folder = new TemporaryFolder();
        var (dataset, work) = (folder.At("dataset"), folder.At("work"));
        var spacing = new Spacing(2, 1, 1);
        WriteTiff(dataset, cases: 4, spacing);
        SharpSegProcess.Succeed("plan", dataset, "-o", work);
        SharpSegProcess.Succeed("preprocess", work, "-c", "3d_fullres");
        SharpSegProcess.Succeed(["train", work, "-f", "0", .. Short]);
        SharpSegProcess.Succeed("find-best", work, "-f", "0", "--trained-only", "--no-ensemble");
        var crossval = Path.Combine(work, "runs", "3d_fullres", "crossval");
        string[] segmentations = [.. Directory.GetFiles(crossval, "*.tif", SearchOption.AllDirectories)];
        Assert.Equal(2, segmentations.Length); // the validation case as predicted, and postprocessed
        Assert.All(segmentations, file => Assert.Equal(spacing, ImageFile.ReadGeometry(file).Spacing));

        // The spacing of a scan may hold what else its owner knows.
        Directory.CreateDirectory(folder.At("scans"));
        File.Copy(Path.Combine(dataset, "imagesTr", "case_0_0000.tif"), folder.At("scans", "p_0000.tif"));
        File.WriteAllText(folder.At("scans", "p.json"), """{"spacing": [2, 1, 1], "scanner": "X"}""");
        SharpSegProcess.Run("predict", work, "-i", folder.At("scans", "p_0000.tif"), "-o", folder.At("scans"))
            .AssertErrorWithHint(1, "would replace the image's file");
        SharpSegProcess.Run("predict", work, "-i", folder.At("scans", "p_0000.tif"), "-o", folder.At("scans", "p.tif"))
            .AssertErrorWithHint(1, "would replace the image's file");

        File.WriteAllText(Path.Combine(dataset, "imagesTr", "case_2_0000.json"), """{"spacing": [3, 1, 1]}""");
        SharpSegProcess.Run("preprocess", work, "-c", "3d_fullres").AssertErrorWithHint(1, "has changed");
        var fresh = folder.At("fresh");
        SharpSegProcess.Succeed("plan", dataset, "-o", fresh);
        SharpSegProcess.Succeed("preprocess", fresh, "-c", "3d_fullres");
        var stored = Path.Combine(fresh, "preprocessed", "3d_fullres", "case_1.labels");
        var before = File.GetLastWriteTimeUtc(stored);
        File.WriteAllText(Path.Combine(dataset, "labelsTr", "case_1.json"), """{"spacing": [2.0, 1.0, 1.0]}""");
        SharpSegProcess.Succeed("plan", dataset, "-o", fresh);
        SharpSegProcess.Succeed("preprocess", fresh, "-c", "3d_fullres");
        Assert.True(File.GetLastWriteTimeUtc(stored) > before, "the label map whose spacing changed was not read again");
    }

    /// <summary>A list may give the channels in any order of their files' names.</summary>
    [Fact]
    public void A_trace_reads_channels_in_the_order_of_the_dataset()
    {
        using var folder = new TemporaryFolder();
        var (dataset, work) = (TinyDataset.Write(folder.At("dataset"), cases: 2, channels: 2), folder.At("work"));
        var json = Path.Combine(dataset, "dataset.json");
        var description = JsonNode.Parse(File.ReadAllText(json))!;
        description["dataset"] = new JsonObject(Enumerable.Range(0, 2).Select(i => KeyValuePair.Create(
            $"case_{i}", (JsonNode?)new JsonObject
            {
                ["images"] = new JsonArray($"imagesTr/case_{i}_0001.nii.gz", $"imagesTr/case_{i}_0000.nii.gz"),
                ["label"] = $"labelsTr/case_{i}.nii.gz",
            })));
        File.WriteAllText(json, description.ToJsonString());
        SharpSegProcess.Succeed("plan", dataset, "-o", work);
        SharpSegProcess.Succeed("preprocess", work, "-c", "3d_fullres");
        SharpSegProcess.Succeed(["train", work, "-f", "every-case", .. Short]);
        SharpSegProcess.Succeed("trace", work, "case_1", "-o", folder.At("trace"));
        Assert.Equal(
            ImageFile.Read(folder.At("trace", "1_scan_0.nii.gz")).Channels[0],
            ImageFile.Read(TinyDataset.Image(dataset, "case_1", channel: 1)).Channels[0]);
        Assert.Equal(
            ImageFile.ReadLabels(
                Path.Combine(work, "runs", "3d_fullres", "fold_every-case", "validation", "case_1.nii.gz")).Voxels,
            ImageFile.ReadLabels(folder.At("trace", "9_segmentation.nii.gz")).Voxels);
    }

    /// <summary>The tiny dataset as TIFF volumes, with their spacings beside them.</summary>
    private static void WriteTiff(string dataset, int cases, Spacing spacing)
    {
        TinyDataset.Write(dataset, cases);
        foreach (var file in Directory.GetFiles(dataset, "*.nii.gz", SearchOption.AllDirectories))
        {
            var (image, tiff) = (ImageFile.Read(file), file.Replace(".nii.gz", ".tif", StringComparison.Ordinal));
            var geometry = TinyDataset.Geometry(spacing);
            if (Path.GetFileName(Path.GetDirectoryName(file)) == "labelsTr")
            {
                ImageFile.WriteLabels(tiff, ImageFile.ReadLabels(file).Voxels, geometry, highestLabel: 2);
            }
            else
            {
                ImageFile.WriteFloats(tiff, image.Channels[0], geometry);
            }

            File.Delete(file);
        }

        var json = Path.Combine(dataset, "dataset.json");
        File.WriteAllText(json, File.ReadAllText(json).Replace(".nii.gz", ".tif", StringComparison.Ordinal));
    }
}
