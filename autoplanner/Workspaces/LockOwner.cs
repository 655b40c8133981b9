using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace SharpSeg.AutoPlanner.Workspaces;

/// <summary>How often the owner of a folder gives a sign of life, and how long others wait for one.</summary>
/// <param name="Beat">Between two signs.</param>
/// <param name="Silence">After so long without one an owner on another machine counts as gone.</param>
/// <param name="Settling">Between taking over and making sure that nobody did the same.</param>
internal sealed record LockTiming(TimeSpan Beat, TimeSpan Silence, TimeSpan Settling)
{
    /// <summary>Far longer than any cache of a network file system keeps an old answer.</summary>
    public static LockTiming Usual { get; } =
        new(TimeSpan.FromSeconds(15), TimeSpan.FromSeconds(90), TimeSpan.FromSeconds(3));
}

/// <summary>
/// Who has a folder, for machines that do not see each other's locks, and for file systems that know none: <c>.owner.lock</c>
/// names machine and process, and a count that its owner raises while it lives. Whom locks do not keep away watches the count by
/// its own stopwatch, so clocks need not agree; one that stands still is a dead owner's. The file is only created where none is,
/// or replaced whole by a rename, and an owner that finds another's name in it has lost the folder.
/// </summary>
internal sealed class LockOwner : IDisposable
{
    private const string Name = ".owner.lock";

    private static readonly string Machine = Kernel();

    private readonly string path, token;
    private readonly CancellationTokenSource lost = new();
    private readonly Lock gate = new();
    private readonly Timer timer;
    private long count;
    private bool ended;

    private LockOwner(string path, string token, LockTiming timing)
    {
        (this.path, this.token) = (path, token);
        timer = new Timer(_ => Beat(), null, timing.Beat, timing.Beat);
    }

    /// <summary>Cancelled when another process has taken over.</summary>
    public CancellationToken Lost => lost.Token;

    /// <summary>Makes this process the owner; null if a living one is that the folder's lock did not keep away.</summary>
    /// <param name="folder">A folder whose lock this process holds, as far as this machine's locks reach.</param>
    /// <param name="lockCounts">The lock keeps other processes of this machine away.</param>
    /// <param name="timing">How long an owner's silence is watched.</param>
    public static LockOwner? TryBecome(string folder, bool lockCounts, LockTiming timing)
    {
        var path = Path.Combine(folder, Name);
        var token = Guid.NewGuid().ToString("N");
        if (TryCreate(path, Text(token, 0)))
        {
            return new LockOwner(path, token, timing);
        }

        var isNews = !lockCounts || IsElsewhere(folder);
        if (isNews && !IsSilent(path, timing))
        {
            return null;
        }

        AtomicFile.WriteText(path, Text(token, 0));
        if (isNews)
        {
            Thread.Sleep(timing.Settling); // two that found the same silence: the later writer has it
            if (Read(path)?[3] != token)
            {
                return null;
            }
        }

        return new LockOwner(path, token, timing);
    }

    /// <summary>Whether the owner that a folder names is of another machine, living or not.</summary>
    public static bool IsElsewhere(string folder) =>
        Read(Path.Combine(folder, Name)) is { } owner && owner[0] != Machine;

    /// <summary>Whether a folder names an owner, living or not.</summary>
    public static bool IsNamed(string folder) => Read(Path.Combine(folder, Name)) is not null;

    /// <summary>The owner in words, e.g. ` (process 7 on node3)`; empty if unknown.</summary>
    public static string Describe(string folder) =>
        Read(Path.Combine(folder, Name)) is { } owner ? $" (process {owner[2]} on {owner[1]})" : "";

    /// <summary>Gives the folder up.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            ended = true;
            timer.Dispose();
            if (Read(path)?[3] == token)
            {
                File.Delete(path);
            }

            lost.Dispose();
        }
    }

    private void Beat()
    {
        lock (gate)
        {
            if (ended || lost.IsCancellationRequested)
            {
                return;
            }

            try
            {
                if (Read(path)?[3] == token)
                {
                    AtomicFile.WriteText(path, Text(token, ++count));
                    return;
                }
            }
            catch (Exception error) when (error is SharpSegException or IOException or UnauthorizedAccessException)
            {
                return; // the file system does not answer: the next beat will find out
            }
        }

        lost.Cancel(); // outside the gate: whoever listens may end the lock
    }

    /// <summary>Whether the count stood still for long, by this machine's stopwatch.</summary>
    private static bool IsSilent(string path, LockTiming timing)
    {
        var before = Read(path);
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < timing.Silence;)
        {
            Thread.Sleep(timing.Beat / 3);
            if (Read(path) is { } now && before?.SequenceEqual(now) != true)
            {
                return false;
            }
        }

        return true;
    }

    private static string Text(string token, long count) => string.Join(
        '\t', Machine, Environment.MachineName, Environment.ProcessId.ToString(CultureInfo.InvariantCulture), token,
        count.ToString(CultureInfo.InvariantCulture));

    /// <summary>Machine, its name, process, token, count; null if there is no owner.</summary>
    private static string[]? Read(string path)
    {
        try
        {
            return File.ReadAllText(path).Split('\t') is { Length: 5 } parts ? parts : null;
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    // Creating a file where none is, is the one step that network file systems decide for all machines.
    private static bool TryCreate(string path, string text)
    {
        FileStream file;
        try
        {
            // No buffer: creating it may find somebody else's, writing it a full disk.
            file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize: 0);
        }
        catch (IOException) when (File.Exists(path))
        {
            return false;
        }

        using (file)
        {
            try
            {
                file.Write(Encoding.UTF8.GetBytes(text));
                return true;
            }
            catch
            {
                File.Delete(path);
                throw;
            }
        }
    }

    // Containers on one machine share its kernel and its locks, whatever they call themselves.
    private static string Kernel()
    {
        const string Boot = "/proc/sys/kernel/random/boot_id";
        return File.Exists(Boot) ? File.ReadAllText(Boot).Trim() : Environment.MachineName;
    }
}
