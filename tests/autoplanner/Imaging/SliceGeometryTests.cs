using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Imaging;

/// <summary>
/// Single slices keep their place, directions and thickness from format to format; images without a thickness stay without one
/// (docs/method/datasets.md §6.7).
/// </summary>
public sealed class SliceGeometryTests : IDisposable
{
    private static readonly string[] Formats = [".nii", ".nii.gz", ".mha", ".mhd", ".nrrd"];

    // Rows of x, y and z of the array in the patient: right, anterior, superior.
    private static readonly double[][] Axial = [[1, 0, 0], [0, 1, 0], [0, 0, 1]];
    private static readonly double[][] Coronal = [[1, 0, 0], [0, 0, 1], [0, -1, 0]];
    private static readonly double[][] Sagittal = [[0, 1, 0], [0, 0, 1], [1, 0, 0]];

    private readonly TemporaryFolder folder = new();

    [Theory]
    [InlineData("axial", true)]
    [InlineData("coronal", true)]
    [InlineData("sagittal", true)]
    [InlineData("oblique", true)]
    [InlineData("axial", false)]
    [InlineData("coronal", false)]
    [InlineData("sagittal", false)]
    [InlineData("oblique", false)]
    public void A_slice_keeps_its_geometry_through_every_pair_of_formats(string plane, bool isThick) => Seeded.Run(random =>
    {
        for (var round = 0; round < 4; round++)
        {
            var original = Random(random, plane, isThick);
            foreach (var (first, second) in from first in Formats from second in Formats select (first, second))
            {
                var once = Written(original, "once" + first);
                var twice = Written(once, "twice" + second);
                foreach (var (name, back) in new[] { (first, once), ($"{first} to {second}", twice) })
                {
                    Assert.Equal((name, null, null), (name, Difference(original, back, isThick), back.AffineProblem));
                    Assert.Equal(!isThick, ImageFormat.IsWithoutThickness(back.Extent, back.Spacing));
                }

                Assert.Equal((second, 3), (second, Axes(folder.File("twice" + second))));
            }
        }
    });

    [Fact]
    public void A_slice_of_a_NIfTI_stays_a_volume_of_one_slice_in_every_format()
    {
        foreach (var srow in new double[][] { [1, 0, 0, -3, 0, 1, 0, 7, 0, 0, 5, 50], [0, 0, 5, 50, 1, 0, 0, 7, 0, 1, 0, -3] })
        {
            var path = folder.File("scan.nii");
            File.WriteAllBytes(path, new NiftiBytes
            {
                Dim = [3, 4, 3, 1, 1, 1, 1, 1], PixDim = [1, 1, 1, 5, 0, 0, 0, 0], DataType = 2, Sform = 1, Srow = srow,
            }.Build(new double[12]));
            var scan = ImageFile.ReadGeometry(path);
            foreach (var format in Formats)
            {
                var back = Written(scan, "slice" + format);
                Assert.Equal(new Spacing(5, 1, 1), back.Spacing);
                Assert.Equal(srow, back.Affine);
                Assert.Equal(3, Axes(folder.File("slice" + format)));
                var again = Written(back, "again.nii");
                Assert.Equal(srow, again.Affine);
                Assert.Equal(3, Axes(folder.File("again.nii")));
            }
        }
    }

    [Fact]
    public void A_picture_stays_an_image_of_two_axes()
    {
        var path = folder.File("picture.png");
        ImageFile.WriteLabels(path, new short[12], new(new(1, 3, 4), new(999, 1, 1), new double[12], "", []), 1);
        var picture = ImageFile.ReadGeometry(path);
        foreach (var (first, second) in from first in Formats from second in Formats select (first, second))
        {
            var twice = Written(Written(picture, "once" + first), "twice" + second);
            Assert.Equal((second, null), (second, Difference(picture, twice, isThick: false)));
            Assert.Equal((2, 2), (Axes(folder.File("once" + first)), Axes(folder.File("twice" + second))));
        }
    }

    public void Dispose() => folder.Dispose();

    private ImageGeometry Written(ImageGeometry geometry, string name)
    {
        ImageFile.WriteLabels(folder.File(name), new short[geometry.Extent.Voxels], geometry, 1);
        return ImageFile.ReadGeometry(folder.File(name));
    }

    private static ImageGeometry Random(Random random, string plane, bool isThick)
    {
        var extent = new Extent(1, random.Next(1, 9), random.Next(1, 9));
        double Millimetres() => 0.3 + (4 * random.NextDouble());
        var (y, x) = (Millimetres(), Millimetres());
        var spacing = isThick ? new Spacing(Millimetres(), y, x) : ImageFormat.SliceSpacing(y, x);
        var directions = plane switch { "axial" => Axial, "coronal" => Coronal, "sagittal" => Sagittal, _ => Rotation(random) };
        var affine = new double[12];
        for (var axis = 0; axis < 3; axis++)
        {
            var sign = random.Next(2) == 0 ? 1 : -1;
            for (var row = 0; row < 3; row++)
            {
                affine[(4 * row) + axis] = sign * directions[axis][row] * spacing[2 - axis];
            }
        }

        for (var row = 0; row < 3; row++)
        {
            affine[(4 * row) + 3] = (400 * random.NextDouble()) - 200;
        }

        return new(extent, spacing, affine, "", []);
    }

    // Gram and Schmidt, and the cross product.
    private static double[][] Rotation(Random random)
    {
        double[] Vector() => [.. Enumerable.Range(0, 3).Select(_ => (2 * random.NextDouble()) - 1)];
        static double Dot(double[] a, double[] b) => a.Zip(b).Sum(pair => pair.First * pair.Second);
        static double[] Unit(double[] a) => [.. a.Select(value => value / Math.Sqrt(Dot(a, a)))];
        var first = Unit(Vector());
        var other = Vector();
        var second = Unit([.. other.Select((value, i) => value - (Dot(first, other) * first[i]))]);
        return [first, second, [.. Enumerable.Range(0, 3).Select(i =>
            (first[(i + 1) % 3] * second[(i + 2) % 3]) - (first[(i + 2) % 3] * second[(i + 1) % 3]))]];
    }

    // NIfTI stores float32: 24 bits of a spacing up to 5 mm, or 999 times that, and of an origin of up to 200 mm.
    private static string? Difference(ImageGeometry expected, ImageGeometry actual, bool isThick)
    {
        if (expected.Extent != actual.Extent)
        {
            return $"extent {actual.Extent} instead of {expected.Extent}";
        }

        if (Enumerable.Range(0, 3).Any(axis => Math.Abs((actual.Spacing[axis] / expected.Spacing[axis]) - 1) > 1e-6))
        {
            return $"spacing {actual.Spacing} instead of {expected.Spacing}";
        }

        // Of an axis across an image without thickness only the direction means something.
        double Entry(ImageGeometry of, int i) => isThick || i % 4 != 2
            ? of.Affine[i]
            : of.Affine[i] / Math.Sqrt(new[] { 2, 6, 10 }.Sum(at => of.Affine[at] * of.Affine[at]));
        return Enumerable.Range(0, 12).Where(i => Math.Abs(Entry(actual, i) - Entry(expected, i)) > 1e-4)
            .Select(i => $"affine[{i}] is {Entry(actual, i)} instead of {Entry(expected, i)}").FirstOrDefault();
    }

    // Read from the bytes themselves.
    private static int Axes(string path)
    {
        var bytes = File.ReadAllBytes(path);
        if (path.EndsWith(".gz", StringComparison.Ordinal))
        {
            using var gzip = new GZipStream(new MemoryStream(bytes), CompressionMode.Decompress);
            using var plain = new MemoryStream();
            gzip.CopyTo(plain);
            bytes = plain.ToArray();
        }

        if (path.Contains(".nii", StringComparison.Ordinal))
        {
            return BinaryPrimitives.ReadInt16LittleEndian(bytes.AsSpan(40));
        }

        var key = path.EndsWith(".nrrd", StringComparison.Ordinal) ? "dimension: " : "NDims = ";
        var line = Encoding.Latin1.GetString(bytes).Split('\n').First(line => line.StartsWith(key, StringComparison.Ordinal));
        return int.Parse(line.Split(' ')[^1], System.Globalization.CultureInfo.InvariantCulture);
    }
}
