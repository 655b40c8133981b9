using System.Security.Cryptography;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>Every file of a folder with a hash of its bytes, to show afterwards that none was touched.</summary>
internal sealed class FolderSnapshot
{
    private readonly string folder;
    private readonly SortedDictionary<string, string> files;

    private FolderSnapshot(string folder)
    {
        this.folder = folder;
        files = Read(folder);
    }

    /// <summary>What a folder holds now; nothing if it does not exist.</summary>
    public static FolderSnapshot Of(string folder) => new(folder);

    /// <summary>The folder holds the same files with the same bytes, none more, none fewer.</summary>
    public void AssertUnchanged() => Assert.Equal(files, Read(folder));

    /// <summary>All files are still there with the same bytes; new ones may have come.</summary>
    public void AssertNothingLost()
    {
        var now = Read(folder);
        Assert.All(files, pair => Assert.Equal(pair.Value, now.GetValueOrDefault(pair.Key)));
    }

    private static SortedDictionary<string, string> Read(string folder)
    {
        var found = new SortedDictionary<string, string>(StringComparer.Ordinal);
        if (Directory.Exists(folder))
        {
            foreach (var file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
            {
                found[Path.GetRelativePath(folder, file)] = Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file)));
            }
        }

        return found;
    }
}
