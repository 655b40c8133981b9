using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;

namespace SharpSeg.AutoPlanner.Workspaces;

/// <summary>
/// Where a command may write. Originals are never written to, by whatever path they are reached: links are resolved in every part
/// of a path, and neither a dataset nor anything inside one is an output. Nor is what a workspace keeps for itself, whichever
/// workspace it is; any other folder in one may be an output.
/// </summary>
public static class OutputFolder
{
    private const int MostLinks = 40; // one after the other, as in Linux
    private const string ChooseAnother = "choose another folder with -o";

    private static readonly string[] DatasetFolders = ["imagesTr", "labelsTr"];
    private static readonly string[] DatasetKeys = ["training", "dataset"];
    private static readonly string[] FileEndings = [.. ImageFile.Endings, ".zip", ".json", ".html", ".txt"];

    private static readonly StringComparison Comparison =
        OperatingSystem.IsWindows() || OperatingSystem.IsMacOS() ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal;

    /// <summary>Checks a folder before anything is computed; it need not exist.</summary>
    /// <param name="folder">What -o says.</param>
    /// <param name="inputs">Folders that are read.</param>
    /// <exception cref="SharpSegException">
    /// It is a file or named like one, lies in a dataset, is a workspace or lies in one's own folders, or is one of the inputs.
    /// </exception>
    public static void Check(string folder, params IReadOnlyList<string> inputs)
    {
        if (File.Exists(folder))
        {
            throw new SharpSegException($"`{folder}` is a file, not a folder", "choose a folder with -o");
        }

        if (!Directory.Exists(folder)
            && Array.Find(FileEndings, end => folder.EndsWith(end, StringComparison.OrdinalIgnoreCase)) is { } ending)
        {
            throw new SharpSegException(
                $"`{folder}` would be a folder, and is named like a file ({ending})", "choose the name of a folder with -o");
        }

        RequireOutsideDatasets(folder);
        if (inputs.Any(input => IsSame(input, folder)))
        {
            throw new SharpSegException($"`{folder}` is an input and cannot be the output as well", ChooseAnother);
        }

        RequireOutsideWorkspaces(folder);
    }

    /// <summary>Checks a file that a command is to write.</summary>
    /// <param name="path">What -o says.</param>
    /// <param name="ending">What its name ends in, with the dot: no image is replaced by something else.</param>
    /// <exception cref="SharpSegException">
    /// It is a folder, has another ending, lies in a dataset, or would be taken for a file of the workspace in which it lies.
    /// </exception>
    public static void CheckFile(string path, string ending)
    {
        if (Directory.Exists(path) || !path.EndsWith(ending, StringComparison.OrdinalIgnoreCase))
        {
            throw new SharpSegException(
                Directory.Exists(path)
                    ? $"`{path}` is a folder, not a file"
                    : $"`{path}`: the name of this file ends in {ending}", $"write it like -o NAME{ending}");
        }

        RequireOutsideDatasets(Path.GetDirectoryName(Path.GetFullPath(path))!);
        RequireNoWorkspaceFile(path);
    }

    /// <summary>Refuses a file that a workspace would take for its own.</summary>
    internal static void RequireNoWorkspaceFile(string path)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var names = StringComparer.FromComparison(Comparison);
        if (Workspace.OwnFiles.Contains(Path.GetFileName(path), names) && Workspace.IsAt(folder))
        {
            throw new SharpSegException($"`{path}` is a file of the workspace `{folder}`", "choose another name with -o");
        }

        // Reports and scores lie beside what they are of, also in runs.
        if (OwnFolderAround(folder) is { Name: not "runs" } own)
        {
            throw Keeps(path, own.Work, own.Name);
        }
    }

    /// <summary>
    /// Refuses a folder that is a workspace or lies in what one keeps for itself: its runs, preprocessed cases, plans, times and
    /// jobs.
    /// </summary>
    /// <exception cref="SharpSegException">It is; the message names the workspace.</exception>
    public static void RequireOutsideWorkspaces(string folder)
    {
        if (Workspace.IsAt(folder))
        {
            throw new SharpSegException(
                $"`{folder}` is a workspace itself, whose files would be replaced or mixed with others",
                "choose another folder with -o; a new one in it will do");
        }

        RequireOutsideOwnFolders(folder);
    }

    /// <summary>The same of a folder that may be a workspace itself.</summary>
    /// <exception cref="SharpSegException">It lies in what a workspace keeps for itself.</exception>
    public static void RequireOutsideOwnFolders(string folder)
    {
        if (OwnFolderAround(folder) is { } own)
        {
            throw Keeps(folder, own.Work, own.Name);
        }
    }

    /// <summary>Whether a folder lies in what a workspace keeps for itself, such as a run.</summary>
    public static bool IsOwn(string folder) => OwnFolderAround(folder) is not null;

    private static SharpSegException Keeps(string path, string work, string name) => new(
        $"`{path}` lies among the own files of the workspace `{work}`, in its `{name}`", "choose another place with -o");

    /// <summary>The workspace in one of whose own folders this one lies, and which; null if there is none.</summary>
    private static (string Work, string Name)? OwnFolderAround(string folder)
    {
        var names = StringComparer.FromComparison(Comparison);
        var inner = new DirectoryInfo(Resolve(folder));
        for (var around = inner.Parent; around is not null; (inner, around) = (around, around.Parent))
        {
            if (Workspace.OwnFolders.Contains(inner.Name, names) && Workspace.IsAt(around.FullName))
            {
                return (around.FullName, inner.Name.ToLowerInvariant());
            }
        }

        return null;
    }

    /// <summary>Refuses a folder that is a dataset or lies in one.</summary>
    /// <exception cref="SharpSegException">It is; the message names the dataset.</exception>
    public static void RequireOutsideDatasets(string folder)
    {
        if (DatasetAround(folder) is not { } dataset)
        {
            return;
        }

        throw new SharpSegException(
            IsSame(dataset, folder)
                ? $"`{folder}` holds a dataset, which is never written to"
                : $"`{folder}` lies in the dataset `{dataset}`, which is never written to",
            ChooseAnother);
    }

    /// <summary>The dataset that a folder is or lies in; null if there is none.</summary>
    public static string? DatasetAround(string folder)
    {
        for (var around = new DirectoryInfo(Resolve(folder)); around is not null; around = around.Parent)
        {
            if (IsDataset(around.FullName))
            {
                return around.FullName;
            }
        }

        return null;
    }

    /// <summary>Whether two paths lead to one place.</summary>
    public static bool IsSame(string a, string b) => string.Equals(Resolve(a), Resolve(b), Comparison);

    /// <summary>Whether a folder is another one or lies in it.</summary>
    public static bool IsWithin(string folder, string outer)
    {
        var (inside, around) = (Resolve(folder), Resolve(outer));
        return string.Equals(inside, around, Comparison)
            || inside.StartsWith(Path.TrimEndingDirectorySeparator(around) + Path.DirectorySeparatorChar, Comparison);
    }

    /// <summary>A full path without links in any of its parts; what does not exist stays as it is.</summary>
    /// <exception cref="SharpSegException">Links lead in a circle.</exception>
    internal static string Resolve(string path) => Resolve(path, path, MostLinks);

    private static string Resolve(string path, string asked, int links)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        var root = Path.GetPathRoot(full)!;
        var resolved = root;
        var parts = full[root.Length..].Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries);
        for (var i = 0; i < parts.Length; i++)
        {
            resolved = Path.Combine(resolved, parts[i]);
            if (new FileInfo(resolved).LinkTarget is { } target)
            {
                if (links == 0)
                {
                    throw new SharpSegException($"`{asked}`: its links lead in a circle", "choose another path");
                }

                var around = Path.GetDirectoryName(resolved)!;
                return Resolve(Path.Combine([around, target, .. parts[(i + 1)..]]), asked, links - 1);
            }
        }

        return resolved;
    }

    private static bool IsDataset(string folder)
    {
        if (DatasetFolders.Any(name => Directory.Exists(Path.Combine(folder, name))))
        {
            return true;
        }

        var description = Path.Combine(folder, Dataset.DescriptionFile);
        try
        {
            // One that lists its cases may have its images anywhere.
            return File.Exists(description) && JsonFile.Read(description) is var file && DatasetKeys.Any(file.Has);
        }
        catch (SharpSegException)
        {
            return false; // not a description that anybody could train with
        }
    }
}
