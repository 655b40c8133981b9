using System.Text;

namespace SharpSeg.AutoPlanner;

/// <summary>
/// Writes a file so that its name never shows half of it: the bytes go to a temporary file in the same folder, are flushed to the disk,
/// and the file is then renamed. A process killed in between leaves the old file and a hidden temporary one, which the next write of
/// the same file replaces.
/// </summary>
public static class AtomicFile
{
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

    /// <summary>Writes whatever <paramref name="content"/> writes to the stream; an exception from it leaves the old file as it was.</summary>
    /// <exception cref="SharpSegException">The folder does not exist, may not be written, or the disk is full.</exception>
    public static void Write(string path, Action<Stream> content)
    {
        var target = Path.GetFullPath(path);
        var temporary = Path.Combine(Path.GetDirectoryName(target) ?? "", $".{Path.GetFileName(target)}.tmp");
        try
        {
            try
            {
                // FileShare.None locks the temporary file: two writers of one file meet here, not in a torn result.
                using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 16))
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
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or NotSupportedException || IsTooLong(error))
        {
            var reason = error switch
            {
                DirectoryNotFoundException => "its folder does not exist",
                ArgumentOutOfRangeException => "the file system or a limit does not allow a file of this length",
                UnauthorizedAccessException => "permission denied, or the name belongs to a folder",
                _ => error.Message,
            };
            throw new SharpSegException($"`{path}`: cannot be written: {reason}", "check the folder, its permissions and the free space", error);
        }
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
            // The first error is the one to report; the next write of this file replaces the leftover.
        }
    }
}
