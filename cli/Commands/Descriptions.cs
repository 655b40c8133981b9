using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Datasets;

namespace SharpSeg.Cli.Commands;

/// <summary>Finds the dataset.json that says which labels a folder of segmentations has.</summary>
internal static class Descriptions
{
    private const int MostFoldersUp = 5; // from runs/CONFIGURATION/fold_K/validation to the workspace

    /// <summary>The given file, or the first one in or above one of the folders.</summary>
    /// <param name="given">What --dataset-json says, or null.</param>
    /// <param name="folders">Where to look.</param>
    /// <exception cref="SharpSegException">There is none, or it is bad.</exception>
    public static DatasetDescription Find(string? given, params string[] folders) =>
        FindIfThere(given, folders) ?? throw new SharpSegException(
        $"no dataset.json in or above {string.Join(" or ", folders.Select(folder => $"`{folder}`"))}",
        "name it with --dataset-json; it defines the labels");

    /// <summary>The same, or null if none is given and none found.</summary>
    /// <exception cref="SharpSegException">It is bad, or not where it should be.</exception>
    public static DatasetDescription? FindIfThere(string? given, params string[] folders)
    {
        if (FileOf(given, folders) is not { } path)
        {
            return null;
        }

        try
        {
            return DatasetDescription.FromJson(JsonFile.ReadText(path), path);
        }
        catch (SharpSegException error) when (given is null)
        {
            // The dataset as it was before `verify --fix`, most likely: the copy's description knows the values of both.
            const string Other = "or name the one that the network learned by: -d WORK/dataset.json";
            throw new SharpSegException(
                error.Message, error.Hint is null ? Other["or ".Length..] : $"{error.Hint}; {Other}", error);
        }
    }

    /// <summary>The file of the same; null if none is given and none found.</summary>
    /// <exception cref="SharpSegException">It is not where it should be.</exception>
    public static string? FileOf(string? given, params string[] folders) => given is null ? Beside(folders)
        : File.Exists(given) ? given
        : throw new SharpSegException($"`{given}`: no such file", "give the dataset.json with the labels");

    private static string? Beside(string[] folders)
    {
        foreach (var start in folders)
        {
            var folder = new DirectoryInfo(Path.GetFullPath(start));
            for (var up = 0; up < MostFoldersUp && folder is not null; up++, folder = folder.Parent)
            {
                var path = Path.Combine(folder.FullName, Dataset.DescriptionFile);
                if (File.Exists(path))
                {
                    return path;
                }
            }
        }

        return null;
    }
}
