namespace SharpSeg.AutoPlanner;

/// <summary>
/// A folder for intermediate files, in the system's temporary folder or beside what they become; disposing removes it with what
/// it holds. A killed process cannot: as long as a process lives, it holds a lock in its folder, and whoever makes a folder
/// sweeps those that nobody holds; where the file system knows no locks, those that are a day old.
/// </summary>
internal sealed class ScratchFolder : IDisposable
{
    /// <summary>The file in it that is locked.</summary>
    public const string LockName = ".lock";

    private const string Prefix = "sharpseg-scratch-";

    // A folder is younger than its lock for a moment.
    private static readonly TimeSpan Abandoned = TimeSpan.FromDays(1);

    private readonly FileStream held;

    private ScratchFolder(string path)
    {
        Path = path;
        held = new FileStream(System.IO.Path.Combine(Path, LockName), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None);
    }

    /// <summary>Its full path.</summary>
    public string Path { get; }

    /// <summary>Makes a folder, and removes those that killed processes have left.</summary>
    /// <param name="purpose">What for, one word of its name.</param>
    public static ScratchFolder Make(string purpose)
    {
        Sweep(System.IO.Path.GetTempPath(), Prefix);
        return Take(Directory.CreateTempSubdirectory($"{Prefix}{purpose}-").FullName);
    }

    /// <summary>
    /// Makes a hidden folder beside a file or folder, on its disk also where it is a link, so that what it holds can be moved
    /// there; removes those that killed processes have left.
    /// </summary>
    public static ScratchFolder Beside(string path)
    {
        var folder = new DirectoryInfo(System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(path)));
        var linked = folder.Exists ? folder.ResolveLinkTarget(returnFinalTarget: true) : null;
        var parent = System.IO.Path.GetDirectoryName((linked ?? folder).FullName)!;
        Directory.CreateDirectory(parent);
        Sweep(parent, "." + Prefix);
        return Take(Directory.CreateDirectory(System.IO.Path.Combine(parent, $".{Prefix}{Guid.NewGuid():N}")).FullName);
    }

    /// <summary>Takes an empty folder, wherever it lies.</summary>
    public static ScratchFolder Take(string path) => new(path);

    /// <inheritdoc/>
    public void Dispose()
    {
        held.Dispose();
        Delete(Path);
    }

    private static void Sweep(string parent, string prefix)
    {
        foreach (var old in Directory.GetDirectories(parent, prefix + "*"))
        {
            try
            {
                if (IsUnlocked(System.IO.Path.Combine(old, LockName))
                    || DateTime.UtcNow - Directory.GetLastWriteTimeUtc(old) > Abandoned)
                {
                    Delete(old);
                }
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // In use, or another user's.
            }
        }
    }

    /// <summary>Whether a lock can be had, and counts: where a second one can be had beside it, the first says nothing.</summary>
    /// <exception cref="IOException">Its process lives.</exception>
    private static bool IsUnlocked(string lockFile)
    {
        if (!File.Exists(lockFile))
        {
            return false;
        }

        using var held = new FileStream(lockFile, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
        try
        {
            using var second = new FileStream(lockFile, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }

    private static void Delete(string folder)
    {
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // The system cleans its temporary folder itself; beside results, the next one that is made sweeps it.
        }
    }
}
