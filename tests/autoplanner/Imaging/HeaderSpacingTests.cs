using System.Text;
using SharpSeg.AutoPlanner.Imaging;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Imaging;

/// <summary>
/// One rule for every format: a spacing of 0 or NaN is read as 1 mm, and the geometry says so (docs/method/datasets.md §6.2).
/// </summary>
public sealed class HeaderSpacingTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public static TheoryData<string, string> Bad => new()
    {
        { "nifti1", "0" }, { "nifti2", "0" }, { "nifti1", "NaN" }, { "nifti2", "NaN" }, { "mha", "0" }, { "mha", "NaN" },
        { "nrrd", "0" }, { "nrrd", "NaN" },
    };

    public void Dispose() => folder.Dispose();

    [Theory]
    [MemberData(nameof(Bad))]
    public void A_spacing_that_is_none_is_one_millimetre_and_told(string format, string y)
    {
        var path = Write(format, [4, 3, 2], $"0.5 {y} 2.5");
        foreach (var geometry in new[] { ImageFile.Read(path).Geometry, ImageFile.ReadGeometry(path),
            ImageFile.ReadLabels(path).Geometry })
        {
            Assert.Equal(new Spacing(2.5, 1, 0.5), geometry.Spacing);
            Assert.Contains(Path.GetFileName(path), geometry.SpacingProblem, StringComparison.Ordinal);
            Assert.Contains($"a spacing of {y} mm along y", geometry.SpacingProblem, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("nifti1")]
    [InlineData("nifti2")]
    [InlineData("mha")]
    [InlineData("nrrd")]
    public void The_absent_axis_of_a_flat_image_may_have_any_spacing(string format)
    {
        var geometry = ImageFile.ReadGeometry(Write(format, [4, 3, 1], "0.5 0.75 0"));
        Assert.Equal(new Spacing(999 * 0.75, 0.75, 0.5), geometry.Spacing);
        Assert.Null(geometry.SpacingProblem);
    }

    [Theory]
    [InlineData("nifti1", "1e30")]
    [InlineData("nifti2", "1e308")]
    [InlineData("mha", "1e308")]
    [InlineData("nrrd", "1e308")]
    [InlineData("nifti1", "1e-30")]
    [InlineData("mha", "1e-300")]
    [InlineData("nrrd", "-2e6")]
    public void A_spacing_that_no_image_has_is_refused(string format, string y)
    {
        var path = Write(format, [4, 3, 2], $"0.5 {y} 2.5");
        Action[] readers = [() => ImageFile.Read(path), () => ImageFile.ReadGeometry(path), () => ImageFile.ReadLabels(path)];
        foreach (var read in readers)
        {
            var error = Assert.Throws<SharpSegException>(read);
            Assert.Contains(path, error.Message, StringComparison.Ordinal);
            Assert.Contains("mm along y", error.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("nifti1")]
    [InlineData("mha")]
    [InlineData("nrrd")]
    public void A_good_spacing_is_no_problem(string format) =>
        Assert.Null(ImageFile.ReadGeometry(Write(format, [4, 3, 2], "0.5 0.75 2.5")).SpacingProblem);

    private string Write(string format, int[] size, string spacing)
    {
        var voxels = size[0] * size[1] * size[2];
        var path = folder.File(format.StartsWith("nifti", StringComparison.Ordinal) ? format + ".nii.gz" : "scan." + format);
        var numbers = spacing.Split(' ').Select(word => double.Parse(word, System.Globalization.CultureInfo.InvariantCulture));
        var text = format == "mha"
            ? $"ObjectType = Image\nNDims = 3\nDimSize = {string.Join(' ', size)}\nElementSpacing = {spacing}\nElementType = "
                + "MET_UCHAR\nElementDataFile = LOCAL\n"
            : $"NRRD0004\ntype: uchar\ndimension: 3\nsizes: {string.Join(' ', size)}\nspacings: {spacing}\nencoding: raw\n\n";
        File.WriteAllBytes(path, format is "mha" or "nrrd"
            ? [.. Encoding.Latin1.GetBytes(text), .. new byte[voxels]]
            : NiftiBytes.Gzip(new NiftiBytes
            {
                Second = format == "nifti2",
                DataType = 2,
                Dim = [3, size[0], size[1], size[2], 1, 1, 1, 1],
                PixDim = [1, .. numbers, 0, 0, 0, 0],
            }.Build(new double[voxels])));
        return path;
    }
}
