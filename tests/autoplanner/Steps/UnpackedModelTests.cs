using System.IO.Compression;
using System.Text;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Workspaces;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Steps;

/// <summary>A model file comes from anywhere: nothing of it is written outside of its folder, and a bad one is named and leaves nothing.</summary>
[Collection(Name)]
public sealed class UnpackedModelTests
{
    /// <summary>Tests that unpack models, which would see one another's temporary folders.</summary>
    public const string Name = "unpacked models";

    private const string Manifest = """{"format": "sharpseg-model", "version": 1}""";
    private const string Weights = "runs/3d_fullres/fold_0/checkpoint_final.safetensors";

    private static readonly (string Name, string Text)[] Good =
        [("plans.json", "{}"), ("dataset.json", "{}"), ("best.json", "{}"), ("model.json", Manifest), (Weights, "weights")];

    [Fact]
    public void A_model_unpacks_into_a_folder_that_is_gone_afterwards()
    {
        using var folder = new TemporaryFolder();
        var path = Zip(folder, Good);
        string unpacked;
        using (var model = UnpackedModel.Open(path, default))
        {
            unpacked = model.Work.Folder;
            Assert.Equal("weights", File.ReadAllText(Workspace.FinalCheckpoint(model.Work.RunFolder("3d_fullres", "0"))));
            Assert.Equal(5, Directory.GetFiles(unpacked, "*", SearchOption.AllDirectories).Length);
        }

        Assert.False(Directory.Exists(unpacked));
    }

    [Theory]
    [InlineData("../evil.json")]
    [InlineData("/tmp/evil.json")]
    [InlineData("runs/../../evil.json")]
    [InlineData("runs/../fold_0/checkpoint_final.safetensors")]
    [InlineData("runs/./fold_0/checkpoint_final.safetensors")]
    [InlineData("runs/a/b/fold_0/checkpoint_final.safetensors")]
    [InlineData("runs\\..\\evil.json")]
    [InlineData("C:plans.json")]
    [InlineData("plans.json\n")]
    [InlineData("program.exe")]
    public void A_name_that_no_model_has_is_refused(string name)
    {
        using var folder = new TemporaryFolder();
        Says(Zip(folder, [.. Good, (name, "evil")]), $"`{name}` is no part of a model");
        Assert.Single(Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void Doubled_missing_and_foreign_contents_are_refused()
    {
        using var folder = new TemporaryFolder();
        Says(Zip(folder, [.. Good, ("plans.json", "{}")]), "`plans.json` twice");
        Says(Zip(folder, [.. Good.Skip(1)]), "no `plans.json`");
        Says(Zip(folder, [.. Good.SkipLast(2)]), "no `model.json`");
        Says(Zip(folder, [.. Good.Where(e => e.Name != "model.json"), ("model.json", """{"format": "sharpseg-model", "version": 2}""")]), "version 2");
        Says(Zip(folder, [.. Good.Where(e => e.Name != "model.json"), ("model.json", "[]")]), "model.json");

        var text = folder.File("text.zip");
        File.WriteAllText(text, "not a zip file");
        Says(text, "not a model, or damaged");
        Assert.Throws<OperationCanceledException>(() => UnpackedModel.Open(Zip(folder, Good), new CancellationToken(canceled: true)).Dispose());
    }

    [Fact]
    public void Damage_and_false_sizes_are_noticed()
    {
        using var folder = new TemporaryFolder();
        var good = File.ReadAllBytes(Zip(folder, Good));
        var path = folder.File("damaged.zip");

        // The weights are stored as they are: one changed byte of them fails the check value.
        var damaged = (byte[])good.Clone();
        damaged[Find(good, "weights"u8)] ^= 1;
        File.WriteAllBytes(path, damaged);
        Says(path, Weights, "is damaged");

        // In the directory at the end (entry header 46 bytes, then the name), 24 is the size to which an entry claims to unpack.
        var claimed = (byte[])good.Clone();
        var directory = good.AsSpan().LastIndexOf(Encoding.UTF8.GetBytes(Weights)) - 46;
        BitConverter.GetBytes(1_000_000_000).CopyTo(claimed, directory + 24);
        File.WriteAllBytes(path, claimed);
        Says(path, Weights, "1000000000 bytes");

        File.WriteAllBytes(path, good[..(good.Length / 2)]);
        Says(path, "damaged");
    }

    private static int Find(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> part) => bytes.IndexOf(part);

    private static void Says(string path, params string[] says)
    {
        using var parent = new TemporaryFolder();
        var unpacked = Directory.CreateDirectory(parent.File("model")).FullName;
        var error = Assert.Throws<SharpSegException>(() => UnpackedModel.Open(path, unpacked, default).Dispose());
        Assert.All(says, part => Assert.Contains(part, error.Message, StringComparison.Ordinal));
        Assert.Empty(Directory.GetFileSystemEntries(parent.Path));
    }

    private static string Zip(TemporaryFolder folder, (string Name, string Text)[] entries)
    {
        var path = folder.File("model.zip");
        using var zip = new ZipArchive(File.Create(path), ZipArchiveMode.Create);
        foreach (var (name, text) in entries)
        {
            using var target = zip.CreateEntry(name, CompressionLevel.NoCompression).Open();
            target.Write(Encoding.UTF8.GetBytes(text));
        }

        return path;
    }
}
