using Xunit;

namespace SharpSeg.AutoPlanner.Tests;

public sealed class AtomicFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    [Fact]
    public void A_failing_writer_leaves_the_old_file_and_no_other()
    {
        var path = folder.File("a.txt");
        AtomicFile.WriteText(path, "old");
        Assert.Throws<InvalidOperationException>(() => AtomicFile.Write(path, stream =>
        {
            stream.Write("half"u8);
            throw new InvalidOperationException();
        }));
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFiles(folder.Path));
        AtomicFile.WriteText(path, "näxt");
        Assert.Equal("näxt", File.ReadAllText(path));
    }

    [Fact]
    public void Unwritable_targets_give_one_clear_message()
    {
        var missing = Assert.Throws<SharpSegException>(() => AtomicFile.WriteText(Path.Combine(folder.Path, "none", "a.txt"), "x"));
        Assert.Contains("folder does not exist", missing.Message, StringComparison.Ordinal);
        Directory.CreateDirectory(Path.Combine(folder.Path, "taken"));
        Assert.Throws<SharpSegException>(() => AtomicFile.WriteText(Path.Combine(folder.Path, "taken"), "x"));
        Assert.Empty(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void A_full_disk_is_reported()
    {
        var error = Assert.Throws<SharpSegException>(() =>
            AtomicFile.Write(folder.File("a.txt"), _ => throw new IOException("No space left on device")));
        Assert.Contains("No space left on device", error.Message, StringComparison.Ordinal);
    }

    public void Dispose() => folder.Dispose();
}
