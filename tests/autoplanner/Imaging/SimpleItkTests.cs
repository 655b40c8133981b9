using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Engine.Tensors;
using SharpSeg.Tests;
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
    }

    [Theory]
    [InlineData(@"1\0\0\0\1\0")]
    [InlineData(@"0\1\0\1\0\0")] // its normal points to the feet
    [InlineData(@"0\1\0\0\0\-1")]
    public void A_series_is_stacked_in_the_order_of_its_places(string orientation)
    {
        using var folder = new TemporaryFolder();
        double[] axes = [.. orientation.Split('\\').Select(double.Parse)];
        double[] normal =
        [
            (axes[1] * axes[5]) - (axes[2] * axes[4]), (axes[2] * axes[3]) - (axes[0] * axes[5]),
            (axes[0] * axes[4]) - (axes[1] * axes[3]),
        ];
        var series = DicomSlice.Write(folder.File("scan"), new[] { 2, 0, 3, 1 }.Select(i => new DicomSlice
        {
            Orientation = orientation, Position = string.Join('\\', normal.Select(part => part * 2.5 * i)),
        }));
        File.WriteAllText(folder.File("scan", "notes.txt"), "of the scan");
        var image = new SimpleItk(typeof(SimpleItkTests).Assembly).Read(series);
        Assert.Equal(new Extent(4, 6, 7), image.Extent);
        Assert.Equal(new Spacing(2.5, 0.75, 0.75), image.Spacing);
        Assert.Equal([0.0, 0, 0], new[] { 3, 7, 11 }.Select(at => image.Geometry.Affine[at] + 0.0));
        Assert.Equal(4 * 6 * 7, Assert.Single(image.Channels).Length);
    }

    [Theory]
    [InlineData("scan", 1, "`IM2` and `IM3` are 5 mm apart, other slices 2.5 mm: a slice is missing")]
    [InlineData("lost", 0, "6 slices, of which SimpleITK makes an image of 5")]
    [InlineData("thick", 0, "SimpleITK puts `IM6` 12.5 mm from where its header has it (0020,0032)")]
    public void A_series_that_is_not_read_as_it_is_is_refused(string name, int missing, string expected)
    {
        using var folder = new TemporaryFolder();
        var series = DicomSlice.Write(
            folder.File(name), Enumerable.Range(0, 6).Select(i => DicomSlice.At(i < 2 ? i : i + missing)));
        var error = Assert.Throws<SharpSegException>(() => new SimpleItk(typeof(SimpleItkTests).Assembly).Read(series));
        Assert.Equal($"`{series}`: {expected}", error.Message);
    }

    [Fact]
    public void A_folder_without_images_is_refused()
    {
        using var folder = new TemporaryFolder();
        var error = Assert.Throws<SharpSegException>(() => new SimpleItk(typeof(SimpleItkTests).Assembly).Read(folder.Path));
        Assert.Contains("no DICOM image in this folder", error.Message, StringComparison.Ordinal);
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
