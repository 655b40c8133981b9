namespace SharpSeg.AutoPlanner.Workspaces;

/// <summary>
/// Keeps a folder to one process at a time: two that train one run, or preprocess one configuration, would overwrite each other's
/// files. The lock is the operating system's and goes with its process, however that ends.
/// </summary>
public sealed class RunLock : IDisposable
{
    private const string Name = ".lock";
    private const int Levels = 3; // runs/CONFIGURATION/fold_K
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1); // between two looks

    private readonly string folder;
    private readonly FileStream held;

    private RunLock(string folder, FileStream held) => (this.folder, this.held) = (folder, held);

    /// <summary>Takes a folder, which is made if need be, and sweeps what killed processes left in it.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="what">What is done there, e.g. "trained".</param>
    /// <exception cref="SharpSegException">Another process has it, or it cannot be written.</exception>
    public static RunLock Take(string folder, string what) => TryTake(folder, out var error)
        ?? throw new SharpSegException($"`{folder}` is being {what} by another process", "wait for its end, or stop it", error);

    /// <summary>As <see cref="Take"/>, but waits until nobody has the folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="onWait">Called once, before waiting.</param>
    /// <param name="cancel">Ends the waiting.</param>
    /// <exception cref="SharpSegException">It cannot be written.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static RunLock Wait(string folder, Action onWait, CancellationToken cancel)
    {
        for (var isFirst = true; ; isFirst = false)
        {
            if (TryTake(folder, out _) is { } taken)
            {
                return taken;
            }

            if (isFirst)
            {
                onWait();
            }

            cancel.WaitHandle.WaitOne(Patience);
            cancel.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Whether a process has a folder.</summary>
    public static bool IsTaken(string folder)
    {
        if (!File.Exists(Path.Combine(folder, Name)) || TryTake(folder, out _) is not { } free)
        {
            return File.Exists(Path.Combine(folder, Name));
        }

        free.Dispose();
        return false;
    }

    /// <summary>Null, with the reason, if another process has it.</summary>
    private static RunLock? TryTake(string folder, out IOException? error)
    {
        error = null;
        try
        {
            Directory.CreateDirectory(folder);
            var held = new FileStream(
                Path.Combine(folder, Name), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1,
                FileOptions.DeleteOnClose);
            AtomicFile.Sweep(folder);
            return new RunLock(folder, held);
        }
        catch (IOException e) when (File.Exists(Path.Combine(folder, Name)))
        {
            error = e;
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SharpSegException(
                $"`{folder}`: cannot be written: {e.Message}", "check its permissions and the free space", e);
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
