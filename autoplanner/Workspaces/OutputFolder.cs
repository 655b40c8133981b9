namespace SharpSeg.AutoPlanner.Workspaces;

/// <summary>Checks where a command writes its segmentations: refused if that would replace a user's files.</summary>
internal static class OutputFolder
{
    /// <summary>Checks the folder before anything is computed; it need not exist.</summary>
    /// <param name="folder">The value of -o.</param>
    /// <param name="inputs">Folders that are read.</param>
    /// <exception cref="SharpSegException">It is a file, a dataset's folder, or one of the inputs.</exception>
    public static void Check(string folder, params IReadOnlyList<string> inputs)
    {
        if (File.Exists(folder))
        {
            throw new SharpSegException($"`{folder}` is a file, not a folder", "choose a folder with -o");
        }

        var full = Full(folder);
        Workspace.RequireNotADataset(full);
        if (inputs.Any(input => Full(input) == full))
        {
            throw new SharpSegException($"`{folder}` is an input and cannot be the output as well", "choose another folder with -o");
        }
    }

    private static string Full(string folder) => Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
}
