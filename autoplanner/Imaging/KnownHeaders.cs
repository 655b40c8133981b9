using System.Collections.Concurrent;

namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>
/// Headers of images whose header is a whole conversion away, such as DICOM series: a prediction asks for it several times. One
/// is known until a file of the image changes its name, its length or its time.
/// </summary>
internal sealed class KnownHeaders
{
    private readonly ConcurrentDictionary<string, (string State, ImageHeader Header)> known = new(StringComparer.Ordinal);

    /// <summary>The header of a file or of the files in a folder.</summary>
    /// <param name="path">The file or folder.</param>
    /// <param name="read">Reads it, where it is not known.</param>
    public ImageHeader Of(string path, Func<string, ImageHeader> read)
    {
        if (StateOf(path) is not { } state)
        {
            return read(path); // which says what is wrong
        }

        var place = Path.GetFullPath(path);
        if (known.TryGetValue(place, out var last) && last.State == state)
        {
            return last.Header;
        }

        var header = read(path);
        known[place] = (state, header);
        return header;
    }

    private static string? StateOf(string path)
    {
        try
        {
            FileInfo[] files = Directory.Exists(path) ? new DirectoryInfo(path).GetFiles() : [new FileInfo(path)];
            return Sha256.Of(string.Join(
                '\n',
                files.OrderBy(file => file.Name, StringComparer.Ordinal)
                    .Select(file => $"{file.Length} {file.LastWriteTimeUtc.Ticks} {file.Name}")));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
