namespace SharpSeg.AutoPlanner.Tests;

/// <summary>
/// The folder with golden values and public data, which is not part of the repository: named by SHARPSEG_SHARED, or `shared`
/// beside one of the folders above the test assembly. Without it, excerpts of the golden values in the repository stand in.
/// </summary>
public static class SharedFolder
{
    /// <summary>The folder, or null where it is absent.</summary>
    public static string? Path { get; } = Find();

    /// <summary>
    /// A file or folder inside, or the excerpt of golden values beside the test assembly. Tests that need what has no excerpt are
    /// <see cref="SharedFactAttribute">skipped</see> without the folder.
    /// </summary>
    public static string At(params string[] parts) => System.IO.Path.Combine([Path ?? AppContext.BaseDirectory, .. parts]);

    /// <summary>How many rows a golden file must have.</summary>
    /// <param name="whole">In the shared folder.</param>
    /// <param name="excerpt">In the repository.</param>
    public static int Rows(int whole, int excerpt) => Path is null ? excerpt : whole;

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
