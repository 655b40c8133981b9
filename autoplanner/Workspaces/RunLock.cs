namespace SharpSeg.AutoPlanner.Workspaces;

/// <summary>
/// Keeps a folder to one process at a time: two that train one run, or preprocess one configuration, would overwrite each other's
/// files. The lock is the operating system's and goes with its process, however that ends.
/// </summary>
public sealed class RunLock : IDisposable
{
    private const string Name = ".lock";
    private const int Levels = 3; // runs/CONFIGURATION/fold_K

    private readonly string folder;
    private readonly FileStream held;

    private RunLock(string folder, FileStream held) => (this.folder, this.held) = (folder, held);

    /// <summary>Takes a folder, which is made if need be, and sweeps what killed processes left in it.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="what">What is done there, e.g. "trained".</param>
    /// <exception cref="SharpSegException">Another process has it, or it cannot be written.</exception>
    public static RunLock Take(string folder, string what)
    {
        try
        {
            Directory.CreateDirectory(folder);
            var held = new FileStream(
                Path.Combine(folder, Name), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1,
                FileOptions.DeleteOnClose);
            AtomicFile.Sweep(folder);
            return new RunLock(folder, held);
        }
        catch (IOException error) when (File.Exists(Path.Combine(folder, Name)))
        {
            throw new SharpSegException($"`{folder}` is being {what} by another process", "wait for its end, or stop it", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new SharpSegException(
                $"`{folder}`: cannot be written: {error.Message}", "check its permissions and the free space", error);
        }
    }

    /// <summary>Lets others in; folders that stayed empty go.</summary>
    public void Dispose()
    {
        held.Dispose();
        try
        {
            var (empty, level) = (folder, 0);
            for (; level < Levels
                && !Directory.EnumerateFileSystemEntries(empty).Any(); level++, empty = Path.GetDirectoryName(empty)!)
            {
                Directory.Delete(empty);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Somebody put something there meanwhile.
        }
    }
}
