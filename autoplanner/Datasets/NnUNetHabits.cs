using System.Text.RegularExpressions;

namespace SharpSeg.AutoPlanner.Datasets;

/// <summary>
/// nnU-Net names a dataset by a number below a folder that an environment variable holds; here it is the path of its folder. Who
/// types the number, the name, or the folder of all datasets is answered with the path.
/// </summary>
internal static partial class NnUNetHabits
{
    private const int ShownNames = 5;

    /// <summary>What was probably meant by a folder that is no dataset; null if nothing is known.</summary>
    public static string? Hint(string typed)
    {
        var number = Number().Match(typed) is { Success: true } match ? match.Groups[1].Value.PadLeft(3, '0') : null;
        string[] found = number is not null
            ? [.. Roots().SelectMany(root => DatasetsIn(root).Where(path => HasNumber(path, number)))]
            : Directory.Exists(typed)
            ? [.. DatasetsIn(typed)]
            : [.. Roots().Select(root => Path.Combine(root, typed)).Where(IsDataset)];
        return found switch
        {
            [] when number is not null =>
                $"a dataset is named by the path of its folder, not by nnU-Net's number: give that of Dataset{number}_…",
            [] => null,
            [var one] => $"give the path of the dataset: `{one}`",
            _ => $"give one of {found.Length} datasets: "
                + Counted.First([.. found.Select(path => $"`{path}`")], ShownNames),
        };
    }

    // Where datasets may lie: here, below here, and where nnU-Net's own variables point.
    private static IEnumerable<string> Roots()
    {
        yield return ".";
        yield return "nnUNet_raw";
        if (Environment.GetEnvironmentVariable("nnUNet_raw") is { Length: > 0 } v2)
        {
            yield return v2;
        }

        if (Environment.GetEnvironmentVariable("nnUNet_raw_data_base") is { Length: > 0 } v1)
        {
            yield return Path.Combine(v1, "nnUNet_raw_data");
        }
    }

    private static IEnumerable<string> DatasetsIn(string folder)
    {
        try
        {
            return Directory.Exists(folder)
                ? Directory.GetDirectories(folder).Where(IsDataset).Select(path => Path.GetRelativePath(".", path))
                    .Order(StringComparer.Ordinal)
                : [];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    // One without dataset.json is meant, too: `verify` proposes it.
    private static bool IsDataset(string path) =>
        File.Exists(Path.Combine(path, Dataset.DescriptionFile)) || Directory.Exists(Path.Combine(path, "imagesTr"));

    private static bool HasNumber(string path, string number) =>
        Folder().Match(Path.GetFileName(path)) is { Success: true } match && match.Groups[1].Value.PadLeft(3, '0') == number;

    [GeneratedRegex(@"^(?:Dataset|Task)?([0-9]{1,3})\z", RegexOptions.IgnoreCase)]
    private static partial Regex Number();

    [GeneratedRegex(@"^(?:Dataset|Task)([0-9]{1,3})_", RegexOptions.IgnoreCase)]
    private static partial Regex Folder();
}
