using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Engine.ModelFiles;
using SharpSeg.Engine.Tensors;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// An imported model through the command line, image file to label file, against the same network in PyTorch, all in float32
/// (tests/golden/float32): mirrored along all, none and some axes, on scans smaller than a patch, with transposed axes.
/// </summary>
public sealed class ReferenceSegmentationTests : IDisposable
{
    private const int MostPer100000 = 1; // voxels; near ties, where sums in another order decide
    private static readonly (int Z, int Y, int X) Corner = (14, 14, 15);
    private static readonly Extent Part = new(10, 20, 12);
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("whole_mirrored", new[] { 0, 1, 2 })]
    [InlineData("whole_mirrored_z_x", new[] { 0, 2 })]
    [InlineData("whole_not_mirrored", null)]
    [InlineData("part", new[] { 0, 1, 2 })]
    [InlineData("part_transposed", new[] { 0, 1, 2 })]
    public void Segmentations_are_those_of_the_network_in_float32(string reference, int[]? mirrorAxes)
    {
        var model = folder.At("model.zip");
        SharpSegProcess.Succeed(
            "import", Model(mirrorAxes, transposed: reference.EndsWith("transposed", StringComparison.Ordinal)), "-o", model);
        string[] scans =
        [
            .. Enumerable.Range(0, 2).Select(
                channel => Golden("synthetic", "Dataset702_SynMR", "imagesTr", $"mr_0_000{channel}.nii.gz")),
        ];
        if (reference.StartsWith("part", StringComparison.Ordinal))
        {
            scans = [.. scans.Select((scan, channel) => Cut(scan, folder.At($"part_000{channel}.nii.gz")))];
        }

        SharpSegProcess.Succeed(["predict", model, "-i", .. scans, "-o", folder.At("out"), "--device", "cpu"]);
        var ours = ImageFile.ReadLabels(Directory.GetFiles(folder.At("out"), "*.nii.gz").Single()).Voxels;
        var theirs = ImageFile.ReadLabels(Golden("float32", $"{reference}.nii.gz")).Voxels;
        Assert.Equal(theirs.Length, ours.Length);
        Assert.True(theirs.Distinct().Count() > 1);
        var different = ours.Zip(theirs).Count(pair => pair.First != pair.Second);
        Assert.True(100000L * different <= MostPer100000 * ours.Length, $"{different} of {ours.Length} voxels differ");
    }

    private static string Golden(params string[] parts) => Path.Combine([AppContext.BaseDirectory, "golden", .. parts]);

    /// <summary>The golden model as nnU-Net would have left it with other axes.</summary>
    private string Model(int[]? mirrorAxes, bool transposed)
    {
        var golden = Golden("predict", "mr_3d_regions_ignore", "model");
        using var weights = TorchFile.Open(Path.Combine(golden, "fold_0", "checkpoint_final.pth"));
        var tensors = (OrderedDictionary<string, object?>)((OrderedDictionary<string, object?>)weights.Root!)["network_weights"]!;
        var writer = new NnUNetModelWriter
        {
            Dataset = File.ReadAllText(Path.Combine(golden, "dataset.json")),
            MirrorAxes = mirrorAxes?.Cast<object?>().ToArray(),
            Change = written =>
            {
                written.Clear();
                foreach (var (name, value) in tensors)
                {
                    var tensor = (TorchTensor)value!;
                    var values = new float[tensor.Shape.Aggregate(1, (product, extent) => product * extent)];
                    weights.Read(name, tensor, values);
                    written[name] = new TorchTensorToWrite(values, [.. tensor.Shape]);
                }
            },
        };
        writer.Plans.Clear();
        foreach (var (key, value) in JsonNode.Parse(File.ReadAllText(Path.Combine(golden, "plans.json")))!.AsObject())
        {
            writer.Plans[key] = value?.DeepClone();
        }

        if (transposed)
        {
            writer.Plans["transpose_forward"] = new JsonArray(2, 0, 1);
            writer.Plans["transpose_backward"] = new JsonArray(1, 2, 0);
        }

        return writer.Write(folder.At("model"));
    }

    private static string Cut(string scan, string path)
    {
        var image = ImageFile.Read(scan);
        var values = new float[Part.Voxels];
        var at = 0;
        for (var z = 0; z < Part.Z; z++)
        {
            for (var y = 0; y < Part.Y; y++)
            {
                for (var x = 0; x < Part.X; x++)
                {
                    values[at++] = image.Channels[0][
                        ((((z + Corner.Z) * image.Extent.Y) + y + Corner.Y) * image.Extent.X) + x + Corner.X];
                }
            }
        }

        ImageFile.WriteFloats(
            path, values, new ImageGeometry(Part, image.Spacing, [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0], "test", []));
        return path;
    }
}
