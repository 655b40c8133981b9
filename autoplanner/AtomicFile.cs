using System.Text;

namespace SharpSeg.AutoPlanner;

/// <summary>
/// Writes a file so that its name never shows half of it: the bytes go to a temporary file in the same folder, are flushed to the
/// disk, and the file is then renamed. Every writer has a temporary name of its own, so that processes that write the same file
/// do not meet: the last one wins. A process killed in between leaves the old file and a hidden temporary one
/// (<see cref="Sweep"/>).
/// </summary>
public static class AtomicFile
{
    private const string TemporaryEnding = ".tmp";
    private const int MostCharacters = 60; // at most 3 bytes each

    // Nobody takes longer from the last byte to the renaming.
    private static readonly TimeSpan Abandoned = TimeSpan.FromMinutes(10);

    /// <summary>Writes UTF-8 text without a byte order mark.</summary>
    /// <exception cref="SharpSegException">The folder does not exist, may not be written, or the disk is full.</exception>
    public static void WriteText(string path, string text) => Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text)));

    /// <summary>Writes bytes.</summary>
    /// <exception cref="SharpSegException">The folder does not exist, may not be written, or the disk is full.</exception>
    public static void WriteBytes(string path, ReadOnlySpan<byte> bytes)
    {
        var copy = bytes.ToArray();
        Write(path, stream => stream.Write(copy));
    }

    /// <summary>
    /// Writes whatever <paramref name="content"/> writes to the stream; an exception from it leaves the old file as it was.
    /// </summary>
    /// <exception cref="SharpSegException">The folder does not exist, may not be written, or the disk is full.</exception>
    public static void Write(string path, Action<Stream> content)
    {
        var target = Path.GetFullPath(path);
        var temporary = Path.Combine(Path.GetDirectoryName(target) ?? "", TemporaryName(Path.GetFileName(target)));
        try
        {
            try
            {
                // FileShare.None locks the file for as long as its writer lives.
                using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16))
                {
                    content(stream);
                    stream.Flush(flushToDisk: true);
                }

                File.Move(temporary, target, overwrite: true);
            }
            catch
            {
                Discard(temporary);
                throw;
            }
        }
        catch (Exception error)
            when (error is IOException or UnauthorizedAccessException or NotSupportedException || IsTooLong(error))
        {
            var reason = error switch
            {
                DirectoryNotFoundException => "its folder does not exist",
                ArgumentOutOfRangeException => "the file system or a limit does not allow a file of this length",
                UnauthorizedAccessException => "permission denied, or the name belongs to a folder",
                _ => error.Message,
            };
            throw new SharpSegException(
                $"`{path}`: cannot be written: {reason}", "check the folder, its permissions and the free space", error);
        }
    }

    /// <summary>Deletes what writers left in a folder that were killed; those that are still at work keep theirs.</summary>
    public static void Sweep(string folder)
    {
        foreach (var path in Directory.Exists(folder) ? Directory.GetFiles(folder, $".*{TemporaryEnding}") : [])
        {
            try
            {
                if (DateTime.UtcNow - File.GetLastWriteTimeUtc(path) > Abandoned)
                {
                    using (new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None))
                    {
                        // Nobody holds it.
                    }

                    File.Delete(path);
                }
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // Somebody writes it, or it is not ours to delete: tidying up is no reason to stop.
            }
        }
    }

    // A name may be as long as the file system allows, 255 bytes; this one must leave room for more.
    private static string TemporaryName(string name)
    {
        var begins = name[..Math.Min(name.Length, MostCharacters)];
        var own = $"{Environment.ProcessId}-{Random.Shared.NextInt64():x16}";
        return $".{begins}.{own}{TemporaryEnding}";
    }

    // .NET's answer to EFBIG: a file system's longest file, or a user's limit (ulimit -f).
    private static bool IsTooLong(Exception error) => error is ArgumentOutOfRangeException { ParamName: "value" };

    private static void Discard(string temporary)
    {
        try
        {
            File.Delete(temporary);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // The first error is the one to report; the leftover is swept later.
        }
    }
}
