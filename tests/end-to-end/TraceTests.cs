using SharpSeg.AutoPlanner.Imaging;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>One case, step by step: the page, its volumes, and that nothing else was computed than `predict` does.</summary>
[Collection(TrainedWorkspaceTests.Runs)]
public sealed class TraceTests(TrainedWorkspace trained)
{
    [Fact]
    public void The_segmentation_is_that_of_predict_and_the_volumes_lie_over_the_scan()
    {
        using var folder = new TemporaryFolder();
        var id = Case();
        var before = (FolderSnapshot.Of(trained.Dataset), FolderSnapshot.Of(trained.Work));
        var json = SharpSegProcess.Succeed("trace", trained.Work, id, "-o", folder.At("trace"), "--json").Json();
        before.Item1.AssertUnchanged();
        before.Item2.AssertUnchanged();

        var scan = Path.Combine(trained.Dataset, "imagesTr", $"{id}_0000.nii.gz");
        SharpSegProcess.Succeed("predict", trained.Work, "-i", scan, "-o", folder.At("predicted.nii.gz"));
        Assert.Equal(File.ReadAllBytes(folder.At("predicted.nii.gz")), File.ReadAllBytes((string)json["segmentation"]!));

        // Probabilities: they add up to 1, and the highest is the label.
        var image = ImageFile.Read(scan);
        var maps = Enumerable.Range(0, 3)
            .Select(head => ImageFile.Read(folder.At("trace", $"8_probability_{head}.nii.gz"))).ToArray();
        var labels = ImageFile.ReadLabels((string)json["segmentation"]!);
        Assert.All(maps, map => Assert.Equal(image.Extent, map.Extent));
        for (var v = 0; v < labels.Voxels.Length; v++)
        {
            float[] here = [.. maps.Select(map => map.Channels[0][v])];
            Assert.Equal(1, here.Sum(), 1e-4);
            Assert.True(here[labels.Voxels[v]] >= here.Max() - 1e-4, $"voxel {v}");
        }

        // The corners of the cropped and the resampled volume are those of the scan, whose every voxel is above zero.
        var normalised = ImageFile.Read(folder.At("trace", "3_normalised.nii.gz"));
        Assert.InRange(normalised.Channels[0].Average(), -1e-3, 1e-3);
        foreach (var name in new[] { "1_scan", "2_cropped", "4_resampled", "7_logit_1" })
        {
            Assert.Null(CornerDifference(image.Geometry, ImageFile.ReadGeometry(folder.At("trace", $"{name}.nii.gz"))));
        }

        var page = File.ReadAllText(folder.At("trace", "trace.html"));
        Assert.Equal(9, page.Split("<h2 id=\"step-").Length - 1);
        Assert.Equal(5, page.Split("<b>patch ").Length - 1);
        Assert.Contains("docs/method/inference.md", page, StringComparison.Ordinal);

        // A scan of any origin, by its folder; into the trace's own.
        Directory.CreateDirectory(folder.At("scan"));
        File.Copy(scan, folder.At("scan", Path.GetFileName(scan)));
        SharpSegProcess.Succeed("trace", trained.Work, folder.At("scan"), "-o", folder.At("trace"));
        Assert.Contains(
            "this scan has no reference", File.ReadAllText(folder.At("trace", "trace.html")), StringComparison.Ordinal);

        // A scan that cannot be read leaves the earlier trace alone.
        File.WriteAllBytes(folder.At("damaged.nii.gz"), File.ReadAllBytes(scan)[..^100]);
        var traced = Volumes();
        Assert.Contains("damaged.nii.gz", Fail(trained.Work, folder.At("damaged.nii.gz"), folder.At("trace")), StringComparison.Ordinal);
        Assert.Equal(traced, Volumes());

        (string Name, DateTime Written)[] Volumes() =>
        [
            .. Directory.GetFiles(folder.At("trace")).Where(file => Path.GetFileName(file) is not ("run.json" or "log.txt"))
                .Select(file => (file, File.GetLastWriteTimeUtc(file))).Order(),
        ];
    }

    [Fact]
    public void What_does_not_exist_or_is_in_the_way_is_refused()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.At("mine.txt"), "kept");
        Assert.Contains("no case of", Fail(trained.Work, "nobody", folder.At("trace")), StringComparison.Ordinal);
        Assert.Contains("holds something else", Fail(trained.Work, Case(), folder.At()), StringComparison.Ordinal);
        Assert.Contains(
            "several scans", Fail(trained.Work, Path.Combine(trained.Dataset, "imagesTr"), folder.At("trace")),
            StringComparison.Ordinal);
        Assert.Contains("never written to", Fail(trained.Work, Case(), Path.Combine(trained.Dataset, "t")), StringComparison.Ordinal);
        Assert.Contains("no trained model", Fail(trained.Planned, Case(), folder.At("trace")), StringComparison.Ordinal);
        Assert.Equal([folder.At("mine.txt")], Directory.GetFileSystemEntries(folder.At()));
    }

    [FactWith(Needs.Browser)]
    public async Task In_a_browser_the_page_complains_of_nothing_and_asks_for_nothing()
    {
        using var folder = new TemporaryFolder();
        SharpSegProcess.Succeed("trace", trained.Work, Case(), "-o", folder.At("trace"));
        await using var browser = await Browser.Open(folder.At("trace", "trace.html"));
        Assert.Equal([new Uri(folder.At("trace", "trace.html")).AbsoluteUri], browser.Requests);
        await browser.Resize(400);
        Assert.Equal("true", await browser.Evaluate("String(document.documentElement.scrollWidth <= innerWidth)"));
        Assert.Empty(browser.Complaints);
    }

    private static string Fail(string work, string id, string output)
    {
        var outcome = SharpSegProcess.Run("trace", work, id, "-o", output);
        Assert.Equal(1, outcome.Code);
        return outcome.Errors;
    }

    private string Case()
    {
        var first = Directory.GetFiles(Path.Combine(trained.Dataset, "labelsTr")).Order(StringComparer.Ordinal).First();
        return Path.GetFileName(first).Replace(".nii.gz", "", StringComparison.Ordinal);
    }

    /// <summary>Whether the outer corners of two volumes differ by more than a micrometre; in words, or null.</summary>
    private static string? CornerDifference(ImageGeometry a, ImageGeometry b)
    {
        for (var corner = 0; corner < 8; corner++)
        {
            double[] Point(ImageGeometry g)
            {
                double[] voxel = [.. new[] { g.Extent.X, g.Extent.Y, g.Extent.Z }.Select((n, i) => (corner >> i & 1) * n - 0.5)];
                return [.. Enumerable.Range(0, 3).Select(row =>
                    Enumerable.Range(0, 3).Sum(i => g.Affine[(4 * row) + i] * voxel[i]) + g.Affine[(4 * row) + 3])];
            }

            var (p, q) = (Point(a), Point(b));
            if (p.Zip(q).Any(pair => Math.Abs(pair.First - pair.Second) > 1e-3))
            {
                return $"{string.Join(" ", p)} is not {string.Join(" ", q)}";
            }
        }

        return null;
    }
}
