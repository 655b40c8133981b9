namespace SharpSeg.AutoPlanner;

/// <summary>
/// A folder whose content changes at once: the new content is made in a hidden folder beside it and takes its place when it is
/// whole. Until then, whatever ends the work, the old content stays as it was; disposing removes the hidden folder.
/// </summary>
internal sealed class StagedFolder : IDisposable
{
    private readonly ScratchFolder scratch;

    /// <summary>Makes the hidden folder.</summary>
    /// <param name="target">The folder that will get the content; it need not be there.</param>
    /// <exception cref="SharpSegException">The hidden folder cannot be made.</exception>
    public StagedFolder(string target)
    {
        Target = target;
        scratch = Written(target, () => ScratchFolder.Beside(target));
    }

    /// <summary>Where the content will lie.</summary>
    public string Target { get; }

    /// <summary>Where it is made.</summary>
    public string Path => scratch.Path;

    /// <summary>
    /// Puts the content in its place. Of what the place holds, only entries of the same names and those that
    /// <paramref name="isOld"/> names are removed.
    /// </summary>
    /// <param name="isOld">Whether a file or folder of this name belongs to the old content.</param>
    /// <exception cref="SharpSegException">The place may not be written; what could be moved is there.</exception>
    public void Publish(Func<string, bool> isOld) => Written(Target, () =>
    {
        Directory.CreateDirectory(Target);
        string[] old =
            [.. Directory.GetFileSystemEntries(Target).Where(path => isOld(System.IO.Path.GetFileName(path)))];
        Array.ForEach(old, Remove);

        foreach (var made in Directory.GetFileSystemEntries(Path))
        {
            var name = System.IO.Path.GetFileName(made);
            if (name == ScratchFolder.LockName)
            {
                continue;
            }

            var place = System.IO.Path.Combine(Target, name);
            if (Directory.Exists(made))
            {
                Remove(place);
                Directory.Move(made, place);
            }
            else
            {
                File.Move(made, place, overwrite: true);
            }
        }

        return true;
    });

    /// <inheritdoc/>
    public void Dispose() => scratch.Dispose();

    private static T Written<T>(string target, Func<T> work)
    {
        try
        {
            return work();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new SharpSegException(
                $"`{target}`: cannot be written: {error.Message}", "check the folder, its permissions and the free space", error);
        }
    }

    private static void Remove(string path)
    {
        if (Directory.Exists(path))
        {
            Directory.Delete(path, recursive: true);
        }
        else
        {
            File.Delete(path);
        }
    }
}
