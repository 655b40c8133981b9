namespace SharpSeg.AutoPlanner.Workspaces;

/// <summary>
/// Keeps a folder to one process at a time: two that train one run, or preprocess one configuration, would overwrite each other's
/// files. On one machine the lock is the operating system's and goes with its process, however that ends. Between machines, and
/// on a file system that does not know such locks, the owner's sign of life counts (<see cref="LockOwner"/>).
/// </summary>
public sealed class RunLock : IDisposable
{
    private const string Name = ".lock";
    private const int Levels = 3; // runs/CONFIGURATION/fold_K
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1); // between two looks

    private readonly string folder;
    private readonly FileStream held;
    private readonly LockOwner owner;

    private RunLock(string folder, FileStream held, LockOwner owner) =>
        (this.folder, this.held, this.owner) = (folder, held, owner);

    /// <summary>
    /// Cancelled when a process on another machine has taken the folder, because this one gave no sign of life for long: nothing
    /// may be written any more.
    /// </summary>
    public CancellationToken Lost => owner.Lost;

    /// <summary>Takes a folder, which is made if need be, and sweeps what killed processes left in it.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="what">What is done there, e.g. "trained".</param>
    /// <exception cref="SharpSegException">Another process has it, or it cannot be written.</exception>
    public static RunLock Take(string folder, string what) => TryTake(folder, LockTiming.Usual)
        ?? throw new SharpSegException(
            $"`{folder}` is being {what} by another process{LockOwner.Describe(folder)}", "wait for its end, or stop it");

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
            if (TryTake(folder, LockTiming.Usual) is { } taken)
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

    /// <summary>Whether a process has a folder, as far as this machine can see without waiting.</summary>
    public static bool IsTaken(string folder)
    {
        var path = Path.Combine(folder, Name);
        if (LockOwner.IsElsewhere(folder))
        {
            return true; // alive or not, only waiting would tell
        }

        try
        {
            using var free = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            return !Excludes(path) && LockOwner.IsNamed(folder);
        }
        catch (IOException)
        {
            // Only where locks do not count, somebody else can have taken the file away from under a living owner.
            return File.Exists(path) || LockOwner.IsNamed(folder);
        }
    }

    /// <summary>Whether a file that this process has open for itself alone cannot be opened again.</summary>
    private static bool Excludes(string path)
    {
        try
        {
            using var second = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }

    /// <summary>Null if another process has it.</summary>
    internal static RunLock? TryTake(string folder, LockTiming timing)
    {
        FileStream? held = null;
        try
        {
            Directory.CreateDirectory(folder);
            held = new FileStream(
                Path.Combine(folder, Name), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1,
                FileOptions.DeleteOnClose);
            if (LockOwner.TryBecome(folder, Excludes(held.Name), timing) is { } owner)
            {
                AtomicFile.Sweep(folder);
                return new RunLock(folder, held, owner);
            }

            held.Dispose();
            return null;
        }
        catch (IOException) when (held is null && File.Exists(Path.Combine(folder, Name)))
        {
            return null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            held?.Dispose();
            throw new SharpSegException(
                $"`{folder}`: cannot be written: {error.Message}", "check its permissions and the free space", error);
        }
        catch
        {
            held?.Dispose();
            throw;
        }
    }

    /// <summary>Lets others in; folders that stayed empty go.</summary>
    public void Dispose()
    {
        try
        {
            owner.Dispose();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // The file system does not answer. What was done under the lock is done; the next one finds a silent owner.
        }

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
