using Xunit;

namespace SharpSeg.AutoPlanner.Tests;

public sealed class StagedFolderTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Content_takes_the_place_of_the_old_one_when_it_is_whole()
    {
        var target = folder.File("place");
        File.WriteAllText(folder.File("place", "a.txt"), "old");
        File.WriteAllText(folder.File("place", "b.txt"), "old");
        File.WriteAllText(folder.File("place", "theirs"), "theirs");
        File.WriteAllText(folder.File("place", "below", "c.txt"), "old");
        using (var staged = new StagedFolder(target))
        {
            File.WriteAllText(Path.Combine(staged.Path, "a.txt"), "new");
            Directory.CreateDirectory(Path.Combine(staged.Path, "below"));
            File.WriteAllText(Path.Combine(staged.Path, "below", "d.txt"), "new");
            Assert.Equal("old", File.ReadAllText(folder.File("place", "a.txt")));
            staged.Publish(name => name.EndsWith(".txt", StringComparison.Ordinal));
        }

        Assert.Equal(
            ["place", "place/a.txt", "place/below", "place/below/d.txt", "place/theirs"], Entries());
        Assert.Equal("new", File.ReadAllText(folder.File("place", "a.txt")));
    }

    [Fact]
    public void Work_that_ends_before_leaves_the_old_content_alone()
    {
        File.WriteAllText(folder.File("place", "a.txt"), "old");
        using (var staged = new StagedFolder(folder.File("place")))
        {
            File.WriteAllText(Path.Combine(staged.Path, "a.txt"), "half");
        }

        Assert.Equal(["place", "place/a.txt"], Entries());
        Assert.Equal("old", File.ReadAllText(folder.File("place", "a.txt")));
    }

    [FactWithLinks]
    public void Content_of_a_linked_folder_is_made_on_its_own_disk()
    {
        var real = Path.GetDirectoryName(folder.File("disk", "place", "x"))!;
        Directory.CreateSymbolicLink(folder.File("link"), real);
        using (var staged = new StagedFolder(folder.File("link")))
        {
            Assert.Equal(folder.File("disk"), Path.GetDirectoryName(staged.Path));
            File.WriteAllText(Path.Combine(staged.Path, "a.txt"), "new");
            staged.Publish(_ => false);
        }

        Assert.Equal("new", File.ReadAllText(Path.Combine(real, "a.txt")));
    }

    [Fact]
    public void What_a_killed_process_left_is_removed_and_what_a_living_one_makes_stays()
    {
        var left = folder.File(".sharpseg-scratch-left", ".lock");
        File.WriteAllText(left, "");
        using var living = new StagedFolder(folder.File("place"));
        Assert.False(Directory.Exists(Path.GetDirectoryName(left)));
        using (new StagedFolder(folder.File("other")))
        {
            Assert.True(Directory.Exists(living.Path));
        }

        living.Publish(_ => false);
        Assert.True(Directory.Exists(folder.File("place")));
    }

    private string[] Entries() =>
    [
        .. Directory.GetFileSystemEntries(folder.Path, "*", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(folder.Path, path).Replace('\\', '/')).Order(StringComparer.Ordinal),
    ];

    [AttributeUsage(AttributeTargets.Method)]
    private sealed class FactWithLinksAttribute : FactAttribute
    {
        public FactWithLinksAttribute()
        {
            if (OperatingSystem.IsWindows())
            {
                Skip = "a symbolic link takes a right of its own there";
            }
        }
    }
}
