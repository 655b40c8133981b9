using System.Text;

namespace SharpSeg.AutoPlanner;

/// <summary>
/// The one rule for names that come out of files and become part of a path: case ids, configurations, data identifiers, file
/// endings. A name stays inside the folder it is put into, can be shown, and leaves room for what is appended to it.
/// </summary>
internal static class SafeName
{
    private const int MostBytes = 160; // file systems allow 255; endings and temporary names are appended

    /// <summary>Refuses a name that could lead elsewhere.</summary>
    /// <param name="name">The name.</param>
    /// <param name="what">What it names, e.g. "the case id".</param>
    /// <param name="source">The file that it comes from.</param>
    /// <returns>The name.</returns>
    /// <exception cref="SharpSegException">It could.</exception>
    public static string Require(string name, string what, string source) => Problem(name) is { } problem
        ? throw new SharpSegException(
            $"`{source}`: {what} `{name}` {problem}: it would become the name of a file",
            "rename it, with letters, digits, `_`, `-` and `.`")
        : name;

    /// <summary>Refuses a path that no file can have; it may lead anywhere, for it is only read.</summary>
    /// <param name="path">The path.</param>
    /// <param name="what">What it is, e.g. "`training.image`".</param>
    /// <param name="source">The file that it comes from.</param>
    /// <returns>The path.</returns>
    /// <exception cref="SharpSegException">It is empty or holds control characters.</exception>
    public static string RequirePath(string path, string what, string source) => path.Length == 0 || path.Any(char.IsControl)
        ? throw new SharpSegException(
            $"`{source}`: {what} `{path}` {(path.Length == 0 ? "is empty" : "holds control characters")}",
            "write the path of a file")
        : path;

    /// <summary>What is wrong with a name; null if nothing is.</summary>
    public static string? Problem(string name) =>
        string.IsNullOrWhiteSpace(name) ? "is empty"
        : name.IndexOfAny(['/', '\\']) >= 0 ? "holds a path separator"
        : name.Any(char.IsControl) ? "holds control characters"
        : name[0] == '.' ? "begins with a dot"
        : OperatingSystem.IsWindows() && name.IndexOfAny(Path.GetInvalidFileNameChars()) >= 0
        ? "holds characters that Windows does not allow"
        : Encoding.UTF8.GetByteCount(name) > MostBytes ? $"is longer than {MostBytes} bytes"
        : null;
}
