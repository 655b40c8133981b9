using System.Text;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.Engine.ModelFiles;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Preprocessing;

public sealed class StoredCaseTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sharpseg-stored").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData(2)]
    [InlineData(300)]
    public void A_stored_case_comes_back_whole_and_box_by_box(short highestLabel)
    {
        var saved = Example("case", highestLabel);
        StoredCase.Save(folder, saved);
        using var stored = StoredCase.Open(folder, "case");
        stored.Verify();
        var loaded = stored.Load();
        Assert.Equal(saved.Image, loaded.Image);
        Assert.Equal(saved.Labels, loaded.Labels);
        Assert.Equal(saved.Locations.Select(list => list.Key), stored.LocationKeys);
        Assert.Equal(saved.Locations[2].Coordinates, loaded.Locations[2].Coordinates);
        Assert.Equal(saved.Properties.ShapeBeforeCropping, stored.Properties.ShapeBeforeCropping);
        Assert.Equal(saved.Properties.BboxOrigin, stored.Properties.BboxOrigin);
        Assert.Equal(saved.Properties.ShapeAfterCropping, stored.Properties.ShapeAfterCropping);
        Assert.Equal(saved.Properties.Spacing, stored.Properties.Spacing);
        Assert.Equal(2, stored.AnnotatedIndex);
        Assert.Equal(2, stored.ClassCount);
        Assert.Equal(0, stored.LocationCount(1));
        Assert.Equal(new Extent(3, 4, 5), stored.Location(0, 1));
        Assert.Equal(new Extent(0, 1, 0), stored.Location(2, 0));

        foreach (var (origin, size) in new (Extent, Extent)[]
        {
            (new(1, 2, 3), new(2, 3, 2)), (new(0, 1, 0), new(4, 2, 6)), (new(1, 0, 0), new(2, 5, 6)), (new(3, 4, 5), Extent.One),
        })
        {
            var image = new float[size.Voxels * 2];
            var labels = new short[size.Voxels];
            stored.ReadImage(origin, size, image);
            stored.ReadLabels(origin, size, labels);
            var i = 0;
            for (var z = 0; z < size.Z; z++)
            {
                for (var y = 0; y < size.Y; y++)
                {
                    for (var x = 0; x < size.X; x++, i++)
                    {
                        var from = ((z + origin.Z) * 5 + y + origin.Y) * 6 + x + origin.X;
                        Assert.Equal(saved.Labels[from], labels[i]);
                        Assert.Equal(saved.Image[2 * from], image[2 * i]);
                        Assert.Equal(saved.Image[2 * from + 1], image[2 * i + 1]);
                    }
                }
            }
        }
    }

    [Fact]
    public void Boxes_outside_the_array_are_refused()
    {
        StoredCase.Save(folder, Example("case", 2));
        using var stored = StoredCase.Open(folder, "case");
        var buffer = new float[1000];
        Assert.Throws<ArgumentException>(() => stored.ReadImage(new Extent(0, 0, -1), Extent.One, buffer));
        Assert.Throws<ArgumentException>(() => stored.ReadImage(new Extent(0, 3, 0), new Extent(1, 3, 1), buffer));
        Assert.Throws<ArgumentException>(() => stored.ReadImage(default, stored.Shape, new float[3]));
        Assert.Throws<ArgumentException>(() => stored.ReadLabels(default, stored.Shape, new short[3]));
        Assert.Throws<ArgumentOutOfRangeException>(() => stored.Location(0, 2));
    }

    [Fact]
    public void Damaged_files_are_named()
    {
        StoredCase.Save(folder, Example("case", 2));
        var path = Path.Combine(folder, "case.image");
        var good = File.ReadAllBytes(path);

        var flipped = (byte[])good.Clone();
        flipped[^3] ^= 4;
        File.WriteAllBytes(path, flipped);
        using (var stored = StoredCase.Open(folder, "case"))
        {
            Assert.Contains("case.image", Assert.Throws<SharpSegException>(stored.Verify).Message, StringComparison.Ordinal);
        }

        File.WriteAllBytes(path, good[..^1]);
        Assert.Contains(
            "bytes long", Assert.Throws<SharpSegException>(() => StoredCase.Open(folder, "case")).Message,
            StringComparison.Ordinal);
        var huge = (byte[])good.Clone();
        huge.AsSpan(16, 16).Fill(0x7f);
        File.WriteAllBytes(path, huge);
        Assert.Throws<SharpSegException>(() => StoredCase.Open(folder, "case"));
        File.WriteAllText(path, "no array");
        Assert.Throws<SharpSegException>(() => StoredCase.Open(folder, "case"));
        File.Delete(path);
        Assert.Throws<SharpSegException>(() => StoredCase.Open(folder, "case"));
        File.WriteAllText(Path.Combine(folder, "case.json"), "{}");
        Assert.Throws<SharpSegException>(() => StoredCase.Open(folder, "case"));
        Assert.Throws<SharpSegException>(() => StoredCase.Open(folder, "another"));
    }

    /// <summary>Every key missing, null, or of another kind is one line that names the file and the key.</summary>
    [Fact]
    public void Properties_that_cannot_be_read_name_the_key()
    {
        StoredCase.Save(folder, Example("case", 2));
        var good = File.ReadAllText(Path.Combine(folder, "case.json"));
        string[] optional = ["label_file", "orientation"];
        var keys = System.Text.Json.Nodes.JsonNode.Parse(good)!.AsObject().Select(pair => pair.Key).ToArray();
        Assert.Equal(12, keys.Length);
        foreach (var key in keys)
        {
            Refused(root => root[key] = new System.Text.Json.Nodes.JsonObject(), key);
            if (!optional.Contains(key))
            {
                Refused(root => root[key] = null, key);
                Refused(root => root.Remove(key), key);
            }
        }

        Refused(root => root["spacing"]!.AsArray().RemoveAt(0), "spacing");
        Refused(root => root["bbox_used_for_cropping"]![1] = new System.Text.Json.Nodes.JsonArray(), "bbox_used_for_cropping");
        Refused(root => root["class_locations"]![0]!["offset"] = 0.5, "offset");
        Refused(root => root["class_locations"]![0] = null, "class_locations");

        void Refused(Action<System.Text.Json.Nodes.JsonObject> change, string key)
        {
            var root = System.Text.Json.Nodes.JsonNode.Parse(good)!.AsObject();
            change(root);
            var error = Assert.Throws<SharpSegException>(() => CaseProperties.FromJson(root.ToJsonString(), "case.json"));
            Assert.Contains("case.json", error.Message, StringComparison.Ordinal);
            Assert.Contains(key, error.Message, StringComparison.Ordinal);
        }
    }

    /// <summary>Reading voxels that a mapped file has no more ends the process (SIGBUS): its length is looked at first.</summary>
    [Fact]
    public void A_file_that_became_shorter_while_it_is_mapped_is_named()
    {
        var saved = Example("case", 2);
        StoredCase.Save(folder, saved);
        using var stored = StoredCase.Open(folder, "case");
        using (var file = new FileStream(Path.Combine(folder, "case.image"), FileMode.Open, FileAccess.Write))
        {
            file.SetLength(64);
        }

        var voxels = new float[saved.Image.Length];
        foreach (var read in new Action[] { stored.Verify, () => stored.ReadImage(default, saved.Shape, voxels) })
        {
            var error = Assert.Throws<SharpSegException>(read);
            Assert.Contains("case.image", error.Message, StringComparison.Ordinal);
            Assert.Contains("64 bytes long instead of", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Threads_may_read_at_once()
    {
        var saved = Example("case", 2);
        StoredCase.Save(folder, saved);
        using var stored = StoredCase.Open(folder, "case");
        var readers = Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            var row = new float[6 * 2];
            for (var i = 0; i < 2000; i++)
            {
                stored.ReadImage(new Extent(i % 4, i % 5, 0), new Extent(1, 1, 6), row);
                Assert.Equal(saved.Image.AsSpan((i % 4 * 5 + i % 5) * 12, 12).ToArray(), row);
            }
        }));
        await Task.WhenAll(readers);
    }

    [Fact]
    public void The_checksum_is_xxHash64()
    {
        Assert.Equal(0xEF46DB3751D8E999ul, XxHash64.Of([]));
        Assert.Equal(0xD24EC4F1A98C6E5Bul, XxHash64.Of("a"u8));
        Assert.Equal(0x44BC2CF5AD770999ul, XxHash64.Of("abc"u8));

        var bytes = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("Segmentation of medical images. ", 9)));
        var pieces = new XxHash64();
        pieces.Append(bytes.AsSpan(0, 5));
        pieces.Append(bytes.AsSpan(5, 100));
        pieces.Append(bytes.AsSpan(105));
        Assert.Equal(XxHash64.Of(bytes), pieces.Value());
    }

    private static PreprocessedCase Example(string id, short highestLabel)
    {
        var shape = new Extent(4, 5, 6);
        var random = new Random(3);
        var image = new float[shape.Voxels * 2];
        for (var i = 0; i < image.Length; i++)
        {
            image[i] = random.NextSingle();
        }

        var labels = new short[shape.Voxels];
        for (var i = 0; i < labels.Length; i++)
        {
            labels[i] = (short)(i % 3 == 0 ? -1 : i % 3 == 1 ? highestLabel : 0);
        }

        ClassLocations[] locations =
        [
            new("1", 2, [0, 0, 0, 3, 4, 5]), new("2", 0, []), new(ClassLocations.AnnotatedKey, 90, [0, 1, 0, 2, 2, 2]),
        ];
        var properties = new CaseProperties
        {
            CaseId = id, Spacing = new Spacing(3, 0.7421875, 0.1), ShapeBeforeCropping = new Extent(9, 8, 7),
            BboxOrigin = new Extent(1, 2, 3),
            ShapeAfterCropping = new Extent(2, 4, 3), Shape = shape, Channels = 2, SourceFiles = ["a_0000.nii.gz"],
            RecipeHash = "00",
        };
        return new PreprocessedCase(shape, 2, image, labels, locations, properties);
    }
}
