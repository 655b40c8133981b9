using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Imaging;

/// <summary>The bridge against stand-ins with SimpleITK's names and signatures (SimpleItkStandIn.cs).</summary>
public sealed class SimpleItkTests
{
    [Fact]
    public void Files_and_series_are_read_through_the_foreign_classes()
    {
        var bridge = new SimpleItk(typeof(SimpleItkTests).Assembly);
        var image = bridge.Read("a.vtk");
        Assert.Equal(new Extent(2, 3, 4), image.Extent);
        Assert.Equal(new Spacing(2.5, 0.75, 0.5), image.Spacing);
        Assert.Equal([0, 0.75, 0, -10, 0.5, 0, 0, -20, 0, 0, 2.5, 30], image.Geometry.Affine.Select(value => value + 0.0));
        Assert.Equal(2, image.Channels.Count);
        Assert.Equal(Enumerable.Range(0, 24).Select(i => (2f * i) + 1), image.Channels[1]);
        using var folder = new TemporaryFolder();
        Assert.Contains(
            "no DICOM series", Assert.Throws<SharpSegException>(() => bridge.Read(folder.Path)).Message,
            StringComparison.Ordinal);
        File.WriteAllText(folder.File("a1.dcm"), @"10\20\30");
        Assert.Equal(new Extent(2, 3, 4), bridge.Read(folder.Path).Extent);
    }

    [Theory]
    [InlineData(@"10\20\32.5", null)]
    [InlineData(@"10\20\32.49 ", null)] // rounded by the scanner, and padded to an even length
    [InlineData(@"10\20\35", "slice 2 of 2 is not where evenly stacked slices would have it")]     // one is missing
    [InlineData(@"10\20.3\32.5", "slice 2 of 2 is not where evenly stacked slices would have it")] // a tilted gantry
    [InlineData(@"10\20", "slice 2 of 2 is not where evenly stacked slices would have it")]
    public void Slices_that_are_not_evenly_stacked_are_refused(string position, string? expected)
    {
        using var folder = new TemporaryFolder();
        var bridge = new SimpleItk(typeof(SimpleItkTests).Assembly);
        File.WriteAllText(folder.File("a1.dcm"), @"10\20\30");
        File.WriteAllText(folder.File("a2.dcm"), position);
        var error = Record.Exception(() => bridge.Read(folder.Path));
        Assert.Equal(expected is null ? null : $"`{folder.Path}`: {expected}", error?.Message);
    }

    [Fact]
    public void Several_series_in_a_folder_are_refused()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("a1.dcm"), "");
        File.WriteAllText(folder.File("b1.dcm"), "");
        var error = Assert.Throws<SharpSegException>(() => new SimpleItk(typeof(SimpleItkTests).Assembly).Read(folder.Path));
        Assert.Contains("2 DICOM series in this folder (a, b)", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Its_refusal_becomes_one_line() => Assert.Contains(
        "bad.vtk`: SimpleITK cannot read it: line 1 line 2",
        Assert.Throws<SharpSegException>(() => new SimpleItk(typeof(SimpleItkTests).Assembly).Read("bad.vtk")).Message,
        StringComparison.Ordinal);

    [Fact]
    public void Its_absence_is_explained_in_one_line()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("1.dcm"), "x"); // an empty file is none
        var missing = SimpleItk.Missing(folder.Path);
        Assert.Contains(
            "a folder (DICOM series), which is read through dcm2niix or SimpleITK, and neither is installed", missing.Message,
            StringComparison.Ordinal);
        Assert.Contains("install dcm2niix", missing.Hint!, StringComparison.Ordinal);
        var description = new DatasetDescription("d", ["CT"], new([new("background", [0]), new("a", [1])]), ".nii.gz", null);
        if (SimpleItk.Installed is null && Dcm2Niix.Program is null)
        {
            Assert.Equal(
                missing.Message,
                Assert.Throws<SharpSegException>(() => PredictionInputs.Find([folder.Path], description)).Message);
            Assert.Equal(missing.Message, Assert.Throws<SharpSegException>(() => ImageFile.Read(folder.Path)).Message);
        }
        else
        {
            Assert.Equal(Path.GetFileName(folder.Path), Assert.Single(PredictionInputs.Find([folder.Path], description)).Id);
        }
    }
}
