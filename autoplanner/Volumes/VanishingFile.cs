using Microsoft.Win32.SafeHandles;

namespace SharpSeg.AutoPlanner.Volumes;

/// <summary>
/// A file to read and write that goes when it is closed, or when its process ends, in whatever way. On Windows the system keeps
/// its name until then; elsewhere it has none once it is open, because only a process that ends in order deletes what it opened
/// with <see cref="FileOptions.DeleteOnClose"/>, and such files may have gigabytes.
/// </summary>
internal static class VanishingFile
{
    /// <summary>Opens one.</summary>
    /// <param name="path">A name that nothing has.</param>
    /// <param name="bytes">Room to take at once.</param>
    /// <exception cref="IOException">There is no room.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be written.</exception>
    public static SafeFileHandle Open(string path, long bytes = 0)
    {
        var file = File.OpenHandle(
            path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, FileOptions.DeleteOnClose, bytes);
        if (!OperatingSystem.IsWindows())
        {
            File.Delete(path);
        }

        return file;
    }
}
