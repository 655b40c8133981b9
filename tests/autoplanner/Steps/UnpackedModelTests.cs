using System.IO.Compression;
using System.Text;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Tests.Planning;
using SharpSeg.AutoPlanner.Workspaces;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Steps;

/// <summary>
/// A model file comes from anywhere: nothing of it is written outside of its folder, and a bad one is named and leaves nothing.
/// </summary>
[Collection(Name)]
public sealed class UnpackedModelTests
{
    /// <summary>Tests that unpack models, which would see one another's temporary folders.</summary>
    public const string Name = "unpacked models";

    private const string Manifest = """{"format": "sharpseg-model", "version": 1}""";
    private const string Weights = "runs/3d_fullres/fold_0/checkpoint_final.safetensors";

    private const string Description = """{"channel_names": {"0": "MRI"}, "labels": {"background": 0, "a": 1}, "file_ending": ".nii.gz"}""";

    private static readonly string Plans = PlansJson.ToJson(
        PlanningFixtures.Plan(PlanningFixtures.Identical(4, [1, 1, 1], [32, 32, 32]), 2).Plans);

    private static readonly (string Name, string Text)[] Good =
        [("plans.json", Plans), ("dataset.json", Description), ("best.json", "{}"), ("model.json", Manifest),
            (Weights, "weights")];

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
            Assert.Equal(
                5, Directory.GetFiles(unpacked, "*", SearchOption.AllDirectories)
                    .Count(file => Path.GetFileName(file) != ".lock"));
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
        Assert.Throws<OperationCanceledException>(
            () => UnpackedModel.Open(Zip(folder, Good), new CancellationToken(canceled: true)).Dispose());
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

    [Fact]
    public void What_a_model_unpacks_to_is_bounded_before_anything_is_unpacked()
    {
        using var folder = new TemporaryFolder();
        var bomb = Zip(
            folder, [.. Good.Where(e => e.Name != "best.json"), ("best.json", "[" + new string(' ', 5 << 20) + "]")],
            CompressionLevel.SmallestSize);
        Says(bomb, "model.zip", "`best.json` claims to unpack");
        var weights = Zip(folder, [.. Good.SkipLast(1), (Weights, new string('w', 300 << 20))], CompressionLevel.SmallestSize);
        Assert.InRange(new FileInfo(weights).Length, 0, 1 << 20);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Says(weights, "model.zip", Weights, "the network of its plan at most");
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 << 20);
        Says(Zip(folder, [.. Good, ("runs/4d/fold_0/checkpoint_final.safetensors", "w")]), "no configuration `4d`");
    }

    [Fact]
    public void Errors_of_the_unpacked_files_name_the_model_file()
    {
        using var folder = new TemporaryFolder();
        var path = Zip(folder, [.. Good.Where(e => e.Name != "plans.json"), ("plans.json", """{"a": 1, "a": 2}""")]);
        var error = Assert.Throws<SharpSegException>(() => UnpackedModel.Open(path, default).Dispose());
        Assert.Contains($"{path}: plans.json", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("sharpseg-scratch-", error.Message + error.Hint, StringComparison.Ordinal);
        using var good = UnpackedModel.Open(Zip(folder, Good), default);
        var inside = good.InWordsOfTheFile(new SharpSegException($"`{good.Work.PlansFile}`: bad", $"look at {good.Work.Folder}"));
        Assert.Equal(($"`{path}: plans.json`: bad", $"look at {path}"), (inside.Message, inside.Hint));

        // No command makes in a model file what it lacks.
        var train = good.InWordsOfTheFile(new SharpSegException("none", $"`sharpseg train {good.Work.Folder}` makes it"));
        Assert.StartsWith($"`sharpseg inspect {path}` says what it holds", train.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public void What_killed_processes_left_is_swept_and_what_is_in_use_is_not()
    {
        using var folder = new TemporaryFolder();
        var path = Zip(folder, Good);
        var killed = Directory.CreateTempSubdirectory("sharpseg-scratch-").FullName;
        File.WriteAllText(Path.Combine(killed, ".lock"), "");
        var young = Directory.CreateTempSubdirectory("sharpseg-scratch-").FullName;
        using var used = UnpackedModel.Open(path, default);
        Assert.False(Directory.Exists(killed));
        Assert.True(Directory.Exists(young));
        using (UnpackedModel.Open(path, default))
        {
            Assert.True(File.Exists(used.Work.PlansFile));
        }

        Directory.SetLastWriteTimeUtc(young, DateTime.UtcNow.AddDays(-2));
        UnpackedModel.Open(path, default).Dispose();
        Assert.False(Directory.Exists(young));
    }

    private static int Find(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> part) => bytes.IndexOf(part);

    private static void Says(string path, params string[] says)
    {
        using var parent = new TemporaryFolder();
        var unpacked = Directory.CreateDirectory(parent.File("model")).FullName;
        var error = Assert.Throws<SharpSegException>(
            () => UnpackedModel.Open(path, ScratchFolder.Take(unpacked), default).Dispose());
        Assert.All(says, part => Assert.Contains(part, error.Message, StringComparison.Ordinal));
        Assert.Empty(Directory.GetFileSystemEntries(parent.Path));
    }

    private static string Zip(
        TemporaryFolder folder, (string Name, string Text)[] entries, CompressionLevel level = CompressionLevel.NoCompression)
    {
        var path = folder.File("model.zip");
        using var zip = new ZipArchive(File.Create(path), ZipArchiveMode.Create);
        foreach (var (name, text) in entries)
        {
            using var target = zip.CreateEntry(name, level).Open();
            target.Write(Encoding.UTF8.GetBytes(text));
        }

        return path;
    }
}
