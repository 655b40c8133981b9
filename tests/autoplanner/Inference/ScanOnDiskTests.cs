using System.Runtime.InteropServices;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Inference;

/// <summary>A scan prepared from file to file has the values of one prepared in memory, byte for byte.</summary>
public sealed class ScanOnDiskTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(Profile.Modern, NormalizationScheme.ZScore, ".nii.gz", 1.0, false, false, false)]
    [InlineData(Profile.Modern, NormalizationScheme.CT, ".nii", 0.8, false, true, false)]
    [InlineData(Profile.Modern, NormalizationScheme.ZScore, ".nii.gz", 0.9, true, true, false)]
    [InlineData(Profile.Modern, NormalizationScheme.ZScore, ".mha", 1.2, true, false, false)]
    [InlineData(Profile.Modern, NormalizationScheme.RescaleTo01, ".nrrd", 1.3, false, false, false)]
    [InlineData(Profile.Classic, NormalizationScheme.ZScore, ".mha", 1.7, false, true, false)]
    [InlineData(Profile.Modern, NormalizationScheme.ZScore, ".nrrd", 0.8, true, true, true)]
    [InlineData(Profile.Classic, NormalizationScheme.CT, ".nii", 1.4, false, false, true)]
    [InlineData(Profile.Classic, NormalizationScheme.NoNormalization, ".nii", 0.7, false, false, false)]
    public void Values_are_those_of_memory(
        Profile profile, NormalizationScheme scheme, string ending, double spacing, bool inMask, bool toRas,
        bool isSecondStage) =>
        Seeded.Run(random =>
        {
            using var backend = Cpu.Open(2);
            foreach (var order in new int[][] { [0, 1, 2], [2, 0, 1] })
            {
                foreach (var border in new[] { 0, 2 })
                {
                    var size = new Extent(random.Next(9, 14), random.Next(9, 14), random.Next(9, 14));
                    var files = Enumerable.Range(0, random.Next(1, 3)).Select(_ => Write(size, border, ending, random)).ToArray();
                    var recipe = Recipe(profile, scheme, spacing, order, files.Length) with
                    {
                        ReorientToRas = toRas,
                        UseMaskForNorm = [.. files.Select((_, c) => inMask && c == 0)],
                    };
                    var image = new MedicalImage(
                        ImageFile.ReadGeometry(files[0]), [.. files.Select(file => ImageFile.Read(file).Channels[0])]);
                    var first = isSecondStage
                        ? new LabelImage(
                            image.Geometry, [.. image.Channels[0].Select(_ => (short)random.Next(2))])
                        : null;
                    var expected = Preprocessor.Run("case", image, first, recipe, Labels, backend);
                    using (var scan = ScanOnDisk.Prepare(
                        "case", files, recipe, folder.Path, backend, default, first is null ? null : () => first))
                    {
                        Assert.Equal(isSecondStage ? expected.Labels : [], scan.Labels);
                        Assert.Equal((expected.Shape, expected.Channels), (scan.Size, scan.Channels));
                        Assert.Equal(
                            (expected.Properties.BboxOrigin, expected.Properties.ShapeAfterCropping,
                                expected.Properties.ShapeBeforeCropping, expected.Properties.Spacing,
                                string.Join(' ', expected.Properties.Orientation.ToSigned())),
                            (scan.Properties.BboxOrigin, scan.Properties.ShapeAfterCropping,
                                scan.Properties.ShapeBeforeCropping, scan.Properties.Spacing,
                                string.Join(' ', scan.Properties.Orientation.ToSigned())));
                        var values = new float[scan.Size.Voxels * scan.Channels];
                        scan.Read(default, scan.Size, values);
                        Assert.Equal(Bytes(expected.Image), Bytes(values));
                        var origin = new Extent(1, 2, 0);
                        var part = new Extent(scan.Size.Z - 2, scan.Size.Y - 3, scan.Size.X - 1);
                        var (some, same) = (new float[part.Voxels * scan.Channels], new float[part.Voxels * scan.Channels]);
                        scan.Read(origin, part, some);
                        new ImageInMemory(expected.Image, scan.Size, scan.Channels).Read(origin, part, same);
                        Assert.Equal(same, some);
                    }

                    Assert.Empty(Directory.GetFiles(folder.Path, ".volume-*"));
                }
            }
        });

    /// <summary>However many pieces it is read in.</summary>
    [Fact]
    public void A_channel_with_one_value_everywhere_is_told()
    {
        using var backend = Cpu.Open(1);
        var size = new Extent(6, 300, 300);
        var told = new List<(int, float)>();
        foreach (var last in new[] { 2.5f, 3 })
        {
            var files = new[] { folder.File("noise.nii"), folder.File($"{last}.nii") };
            ImageFile.WriteFloats(files[0], [.. Enumerable.Range(0, (int)size.Voxels).Select(i => (float)i)], Geometry(size));
            ImageFile.WriteFloats(
                files[1], [.. Enumerable.Repeat(2.5f, (int)size.Voxels - 1), last], Geometry(size));
            ScanOnDisk.Prepare(
                "case", files, Recipe(Profile.Modern, NormalizationScheme.ZScore, 1, [0, 1, 2], channels: 2), folder.Path,
                backend, default, constant: (channel, value) => told.Add((channel, value))).Dispose();
        }

        Assert.Equal([(1, 2.5f)], told);
    }

    [Fact]
    public void What_is_no_scan_of_the_plans_is_refused_and_leaves_nothing()
    {
        using var backend = Cpu.Open(1);
        var size = new Extent(6, 6, 6);
        var good = Write(size, 0, ".nii", new Random(1));
        var recipe = Recipe(Profile.Modern, NormalizationScheme.ZScore, 1, [0, 1, 2], channels: 1);
        SharpSegException Refused(params string[] files) => Assert.Throws<SharpSegException>(
            () => ScanOnDisk.Prepare("case", files, recipe, folder.Path, backend, default));

        Assert.Contains("2 channels, the plans were made for 1", Refused(good, good).Message, StringComparison.Ordinal);
        Assert.Contains(
            "its first channel 6×6×6", Refused(good, Write(new(5, 6, 6), 0, ".nii", new Random(1))).Message,
            StringComparison.Ordinal);
        var values = Enumerable.Repeat(1f, (int)size.Voxels).ToArray();
        values[70] = float.NaN;
        var nan = folder.File("nan.nii");
        ImageFile.WriteFloats(nan, values, Geometry(size));
        Assert.Contains("not numbers", Refused(nan).Message, StringComparison.Ordinal);
        File.WriteAllBytes(nan, File.ReadAllBytes(good)[..600]);
        Refused(nan);
        Assert.Empty(Directory.GetFiles(folder.Path, ".volume-*"));
        var inMask = recipe with { Profile = Profile.Classic, UseMaskForNorm = [true] };
        Assert.False(ScanOnDisk.IsOffered(inMask, hasLabels: false));
        Assert.True(ScanOnDisk.IsOffered(recipe, hasLabels: true));
    }

    private static LabelScheme Labels { get; } = new([new("background", [0]), new("a", [1])]);

    private static byte[] Bytes(float[] values) => MemoryMarshal.AsBytes(values.AsSpan()).ToArray();

    private static ImageGeometry Geometry(Extent size) =>
        new(size, new Spacing(0.7, 1, 0.9), [0, -1, 0, 0, 0, 0, 0.7, 0, -0.9, 0, 0, 0], "", []); // as stored, nothing is RAS

    private static PreprocessingRecipe Recipe(
        Profile profile, NormalizationScheme scheme, double spacing, int[] order, int channels) => new()
        {
            Profile = profile,
            TransposeForward = order,
            Spacing = [spacing, spacing * 1.1, 1],
            Normalization = [.. Enumerable.Repeat(scheme, channels)],
            UseMaskForNorm = [.. Enumerable.Repeat(false, channels)],
            Intensities = [.. Enumerable.Repeat(
                new IntensityProperties(3, 3, 2, 0, 6, 0.1, 4.5), channels)],
            Resampling = ResamplingPlan.Of(profile),
        };

    private string Write(Extent size, int border, string ending, Random random)
    {
        var values = new float[size.Voxels];
        for (var i = 0; i < values.Length; i++)
        {
            var (z, y, x) = (i / size.X / size.Y, i / size.X % size.Y, i % size.X);
            // Now and then a hole inside, which belongs to the mask.
            values[i] = z < border || y >= size.Y - border || x < border || random.Next(9) == 0
                ? 0
                : 0.5f + (5 * random.NextSingle());
        }

        var path = folder.File($"{random.Next():x8}{ending}");
        ImageFile.WriteFloats(path, values, Geometry(size));
        return path;
    }
}
