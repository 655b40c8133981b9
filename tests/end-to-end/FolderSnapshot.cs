using System.Security.Cryptography;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>Every file of a folder with a hash of its bytes, to show afterwards that none was touched.</summary>
internal sealed class FolderSnapshot
{
    private readonly string folder;
    private readonly string[] notes;
    private readonly SortedDictionary<string, string> files;

    private FolderSnapshot(string folder, string[] notes)
    {
        this.folder = folder;
        this.notes = notes;
        files = Read();
    }

    /// <summary>What a folder holds now; nothing if it does not exist.</summary>
    /// <param name="folder">Its path.</param>
    /// <param name="notes">Names of files that are left out, since they note what is tried.</param>
    public static FolderSnapshot Of(string folder, params string[] notes) => new(folder, notes);

    /// <summary>The files, relative to the folder.</summary>
    public IEnumerable<string> Names => files.Keys;

    /// <summary>The folder holds the same files with the same bytes, none more, none fewer.</summary>
    public void AssertUnchanged() => Assert.Equal(files, Read());

    /// <summary>All files are still there with the same bytes; new ones may have come.</summary>
    public void AssertNothingLost()
    {
        var now = Read();
        Assert.All(files, pair => Assert.Equal(pair.Value, now.GetValueOrDefault(pair.Key)));
    }

    private SortedDictionary<string, string> Read()
    {
        var found = new SortedDictionary<string, string>(StringComparer.Ordinal);
        if (Directory.Exists(folder))
        {
            foreach (var file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
                .Where(file => !notes.Contains(Path.GetFileName(file))))
            {
                found[Path.GetRelativePath(folder, file)] = Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file)));
            }
        }

        return found;
    }
}
