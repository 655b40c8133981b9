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
    public void Writers_of_one_file_do_not_meet()
    {
        var path = folder.File("a.txt");
        AtomicFile.Write(path, outer =>
        {
            outer.Write("outer"u8);
            AtomicFile.WriteText(path, "inner"); // another process would do the same
            Assert.Equal("inner", File.ReadAllText(path));
        });
        Assert.Equal("outer", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFiles(folder.Path));
        Parallel.For(0, 200, i => AtomicFile.WriteText(path, $"{i}"));
        Assert.InRange(int.Parse(File.ReadAllText(path), System.Globalization.CultureInfo.InvariantCulture), 0, 199);
        Assert.Equal([path], Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void A_name_as_long_as_the_file_system_allows_is_written()
    {
        var path = folder.File(new string('n', 248) + ".nii.gz");
        AtomicFile.WriteText(path, "whole");
        Assert.Equal("whole", File.ReadAllText(path));
    }

    [Fact]
    public void Only_what_was_abandoned_is_swept()
    {
        string old = folder.File(".a.txt.77-00aa.tmp"), young = folder.File(".b.txt.77-00bb.tmp"),
        held = folder.File(".c.txt.77-00cc.tmp"), other = folder.File(".d.swp");
        foreach (var path in new[] { old, young, held, other })
        {
            File.WriteAllText(path, "x");
            File.SetLastWriteTimeUtc(path, DateTime.UtcNow - (path == young ? TimeSpan.FromMinutes(1) : TimeSpan.FromDays(1)));
        }

        using (new FileStream(held, FileMode.Open, FileAccess.Read, FileShare.None))
        {
            AtomicFile.Sweep(folder.Path);
        }

        Assert.Equal([young, held, other], Directory.GetFiles(folder.Path).Order(StringComparer.Ordinal));
        AtomicFile.Sweep(Path.Combine(folder.Path, "none"));
    }

    [Fact]
    public void Unwritable_targets_give_one_clear_message()
    {
        var missing = Assert.Throws<SharpSegException>(
            () => AtomicFile.WriteText(Path.Combine(folder.Path, "none", "a.txt"), "x"));
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
