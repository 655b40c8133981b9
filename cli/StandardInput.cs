using SharpSeg.AutoPlanner;

namespace SharpSeg.Cli;

/// <summary>A list that comes by standard input, one entry a line.</summary>
internal static class StandardInput
{
    private const string Descriptors = "/proc/self/fd", DescriptorInfo = "/proc/self/fdinfo";
    private const int AccessMode = 3, ReadOnly = 0;       // of open(2)'s flags, O_ACCMODE and O_RDONLY

    /// <summary>Reads to the end; who sits at a terminal is told that something is awaited.</summary>
    /// <param name="option">For which option, e.g. <c>-i -</c>.</param>
    /// <param name="entries">What the lines are, e.g. <c>scans</c>.</param>
    /// <param name="reporter">Is told.</param>
    /// <param name="cancel">Stops waiting.</param>
    /// <returns>Lines that are not blank, trimmed.</returns>
    /// <exception cref="UsageException">Standard input is closed.</exception>
    /// <exception cref="OperationCanceledException">Stopped.</exception>
    public static string[] Lines(string option, string entries, IReporter reporter, CancellationToken cancel)
    {
        if (IsClosed())
        {
            throw new UsageException(
                $"{option}: standard input is closed", "pipe the list in, or take it from a file: < list.txt");
        }

        if (!Console.IsInputRedirected)
        {
            var end = OperatingSystem.IsWindows() ? "Ctrl-Z and Enter end" : "Ctrl-D ends";
            reporter.Info($"{option}: waiting for {entries} from this terminal, one a line; {end} the list");
        }

        return Task.Run(Read, CancellationToken.None).WaitAsync(cancel).GetAwaiter().GetResult(); // waiting can be cancelled
    }

    private static string[] Read()
    {
        var lines = new List<string>();
        while (Console.In.ReadLine() is { } line)
        {
            if (line.Trim() is { Length: > 0 } entry)
            {
                lines.Add(entry);
            }
        }

        return [.. lines];
    }

    /// <summary>
    /// Whether the process was started without standard input (<c>&lt;&amp;-</c>). On Linux descriptor 0 is then what the runtime
    /// opened first, a pipe to itself, in which nothing will ever come and which never ends.
    /// </summary>
    private static bool IsClosed()
    {
        try
        {
            return OperatingSystem.IsLinux() && new FileInfo($"{Descriptors}/0").LinkTarget is { } own
                && own.StartsWith("pipe:", StringComparison.Ordinal)
                && Directory.EnumerateFileSystemEntries(Descriptors).Any(
                    other => new FileInfo(other).LinkTarget == own && IsWritten(Path.GetFileName(other)));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false; // no /proc to look at
        }
    }

    private static bool IsWritten(string descriptor) =>
        File.ReadLines($"{DescriptorInfo}/{descriptor}").FirstOrDefault(
            line => line.StartsWith("flags:", StringComparison.Ordinal)) is { } flags
            && (Convert.ToInt32(flags.Split('\t', ' ')[^1], 8) & AccessMode) != ReadOnly;
}
