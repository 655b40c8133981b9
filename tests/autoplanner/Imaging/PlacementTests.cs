using System.Text;
using SharpSeg.AutoPlanner.Imaging;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Imaging;

/// <summary>
/// Affines that contradict the spacing, or are none, are told, and what is written from them is consistent in itself
/// (docs/method/datasets.md §6.5).
/// </summary>
public sealed class PlacementTests : IDisposable
{
    private const double NaN = double.NaN, Infinity = double.PositiveInfinity;

    private static readonly double[] Plain = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0];

    private readonly TemporaryFolder folder = new();

    [Fact]
    public void An_sform_of_another_scale_gives_directions_and_origin_and_pixdim_the_spacing()
    {
        var scan = Nifti([0, 2, 0, 5, -2, 0, 0, 6, 0, 0, 2, 7]);
        Assert.Equal(new Spacing(1, 1, 1), scan.Spacing);
        Assert.Equal([0, 1, 0, 5, -1, 0, 0, 6, 0, 0, 1, 7], scan.Affine);
        Assert.Equal(
            "`a.nii`: its sform makes voxels of 2×2×2 mm (zyx), its pixdim of 1×1×1 mm, which counts", scan.AffineProblem);
        Consistent(scan);
    }

    public static TheoryData<string, double[]> Unusable => new()
    {
        { "holds NaN or infinity", [NaN, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0] },
        { "holds NaN or infinity", [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, Infinity, 0] },
        { "is singular", new double[12] },
        { "is singular", [1, 0, 0, 3, 0, 1, 1, 0, 0, 0, 0, 0] },
        { "is singular", [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0] },
    };

    [Theory]
    [MemberData(nameof(Unusable))]
    public void An_affine_that_is_none_is_not_used_and_told_once(string fault, double[] srow)
    {
        var scan = Nifti(srow);
        Assert.Equal(Plain, scan.Affine);
        Assert.Equal(
            $"`a.nii`: its sform {fault} and is not used; only the spacing says how the voxels lie", scan.AffineProblem);
        Consistent(scan);

        var turned = Nifti(srow, [0, 0, 1, 10, 20, 30]);
        Assert.Equal([-1, 0, 0, 10, 0, -1, 0, 20, 0, 0, 1, 30], turned.Affine);
        Assert.Equal($"`a.nii`: its sform {fault} and is not used; its quaternion is", turned.AffineProblem);
        Consistent(turned);

        // Text headers have a matrix beside the spacing; it has the axes one after the other.
        string[] axes =
            [.. Enumerable.Range(0, 3).Select(i => $"{Text(srow[i])} {Text(srow[4 + i])} {Text(srow[8 + i])}")];
        var meta = Meta(string.Join(' ', axes));
        Assert.Equal([-1, 0, 0, -5, 0, -1, 0, -6, 0, 0, 1, 7], meta.Affine);
        Assert.Equal(
            $"`a.mha`: its TransformMatrix {fault} and is not used; only the spacing says how the voxels lie",
            meta.AffineProblem);
        Consistent(meta);

        var nrrd = Nrrd(string.Join(' ', axes.Select(axis => $"({axis.Replace(' ', ',')})")));
        Assert.Contains($"its matrix of space directions {fault} and is not used", nrrd.AffineProblem, StringComparison.Ordinal);
        Assert.All(nrrd.Affine, value => Assert.True(double.IsFinite(value)));
        Consistent(nrrd);
    }

    [Fact]
    public void A_MetaImage_matrix_of_another_scale_is_told()
    {
        var scan = Meta("2 0 0 0 2 0 0 0 3");
        Assert.Equal([-1, 0, 0, -5, 0, -1, 0, -6, 0, 0, 1, 7], scan.Affine);
        Assert.Equal(
            "`a.mha`: its TransformMatrix makes voxels of 3×2×2 mm (zyx), its ElementSpacing of 1×1×1 mm, which counts",
            scan.AffineProblem);
        Consistent(scan);
    }

    [Fact]
    public void Axes_that_are_not_at_right_angles_are_kept()
    {
        var h = Math.Sqrt(0.5);
        double[] srow = [1, 0, 0, 0, 0, 1, h, 0, 0, 0, h, 0];
        foreach (var scan in new[] { Nifti(srow), Nrrd($"(-1,0,0) (0,-1,0) (0,{Text(-h)},{Text(h)})", "(0,0,0)") })
        {
            Assert.All(srow.Zip(scan.Affine), pair => Assert.Equal(pair.First, pair.Second, 1e-6));
            Assert.Null(scan.AffineProblem);
            Consistent(scan);
        }
    }

    [Fact]
    public void An_origin_that_is_none_is_0()
    {
        var scan = Nrrd("(1,0,0) (0,1,0) (0,0,1)", "(nan,nan,nan)");
        Assert.Equal([-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1, 0], scan.Affine);
        Assert.Equal("`a.nrrd`: its origin holds NaN or infinity; 0 is assumed there", scan.AffineProblem);
    }

    [Fact]
    public void A_header_that_rounds_is_no_problem()
    {
        Assert.Null(Nifti([0.99995, 0, 0, 5, 0, 1, 0.004, 6, 0, 0, 1.0003, 7]).AffineProblem);
        Assert.Null(Meta("1 0 0 0 0.9999 0.008 0 -0.008 0.9999").AffineProblem);
    }

    public void Dispose() => folder.Dispose();

    private static string Text(double value) => value.ToString("R", System.Globalization.CultureInfo.InvariantCulture);

    private ImageGeometry Nifti(double[] srow, double[]? quaternion = null) => Read("a.nii", new NiftiBytes
    {
        DataType = 2, PixDim = [1, 1, 1, 1, 0, 0, 0, 0], Sform = 1, Srow = srow, Qform = quaternion is null ? 0 : 1,
        Quaternion = quaternion ?? new double[6],
    }.Build(new double[24]));

    private ImageGeometry Meta(string matrix) => Read("a.mha", [.. Encoding.Latin1.GetBytes(
        $"ObjectType = Image\nNDims = 3\nTransformMatrix = {matrix}\nOffset = 5 6 7\nElementSpacing = 1 1 1\n"
            + "DimSize = 4 3 2\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n"), .. new byte[24]]);

    private ImageGeometry Nrrd(string directions, string origin = "(5,6,7)") => Read("a.nrrd", [.. Encoding.Latin1.GetBytes(
        $"NRRD0004\ntype: uchar\ndimension: 3\nsizes: 4 3 2\nspace: LPS\nspace directions: {directions}\n"
            + $"space origin: {origin}\nencoding: raw\n\n"), .. new byte[24]]);

    private ImageGeometry Read(string name, byte[] bytes)
    {
        File.WriteAllBytes(folder.File(name), bytes);
        return ImageFile.ReadGeometry(folder.File(name));
    }

    /// <summary>What is written from it in another format says one thing only, and the same.</summary>
    private void Consistent(ImageGeometry geometry)
    {
        foreach (var name in new[] { "out.nii.gz", "out.mha", "out.nrrd" })
        {
            ImageFile.WriteLabels(folder.File(name), new short[24], geometry with { Format = "", RawHeader = [] }, 1);
            var back = ImageFile.ReadGeometry(folder.File(name));
            Assert.Equal((name, null, null), (name, back.SpacingProblem, back.AffineProblem));
            Assert.All(
                geometry.Spacing.ToArray().Zip(back.Spacing.ToArray()), pair => Assert.Equal(pair.First, pair.Second, 1e-6));
            Assert.All(geometry.Affine.Zip(back.Affine), pair => Assert.Equal(pair.First, pair.Second, 1e-6));
        }
    }
}
