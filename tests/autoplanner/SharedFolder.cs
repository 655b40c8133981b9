namespace SharpSeg.AutoPlanner.Tests;

/// <summary>
/// The folder with golden values and public data, which is not part of the repository: named by SHARPSEG_SHARED, or `shared` beside one
/// of the folders above the test assembly.
/// </summary>
public static class SharedFolder
{
    /// <summary>The folder, or null where it is absent.</summary>
    public static string? Path { get; } = Find();

    /// <summary>A file or folder inside; only to be called in tests that are skipped without the folder.</summary>
    public static string At(params string[] parts) => System.IO.Path.Combine([Path!, .. parts]);

    private static string? Find()
    {
        var named = Environment.GetEnvironmentVariable("SHARPSEG_SHARED");
        if (!string.IsNullOrEmpty(named))
        {
            return IsShared(named) ? named : null;
        }

        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var candidate = System.IO.Path.Combine(folder.FullName, "shared");
            if (IsShared(candidate))
            {
                return candidate;
            }
        }

        return null;
    }

    private static bool IsShared(string folder) =>
        Directory.Exists(System.IO.Path.Combine(folder, "golden")) && Directory.Exists(System.IO.Path.Combine(folder, "data"));
}
