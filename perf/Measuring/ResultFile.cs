using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Workspaces;

namespace SharpSeg.Perf.Measuring;

/// <summary>The file that <c>--json</c> writes: reading it back, and what it may replace.</summary>
internal static class ResultFile
{
    private const string Results = "results";

    /// <summary>Refuses a place where no result can be written, before minutes of measuring.</summary>
    /// <param name="path">What --json says; null for no file.</param>
    /// <exception cref="SharpSegException">The folder is missing or a dataset's, or the file is something else.</exception>
    public static void RequireWritable(string? path)
    {
        if (path is null)
        {
            return;
        }

        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (!Directory.Exists(folder))
        {
            throw new SharpSegException($"--json {path}: there is no folder `{folder}`", "make it, or choose another file");
        }

        if (OutputFolder.DatasetAround(folder) is { } dataset)
        {
            throw new SharpSegException(
                $"--json {path}: lies in the dataset `{dataset}`, which is never written to", "choose another file");
        }

        if (Path.Exists(path) && !IsResult(path))
        {
            throw new SharpSegException(
                $"--json {path}: there is something that is no result of a benchmark, and stays", "choose another file");
        }
    }

    /// <summary>Reads a result with its rows.</summary>
    /// <exception cref="SharpSegException">It is none; the message names the file and the key.</exception>
    public static (JsonFile? Machine, IReadOnlyList<JsonFile> Rows) Read(string path) => Of(JsonFile.Read(path));

    /// <summary>The machine and the rows of a result; both are missing in what <c>registers</c> writes.</summary>
    /// <exception cref="SharpSegException">A row is none.</exception>
    public static (JsonFile? Machine, IReadOnlyList<JsonFile> Rows) Of(JsonFile file)
    {
        var rows = file.RequiredObjects(Results);
        foreach (var row in rows)
        {
            if (row.RequiredNumber("milliseconds") <= 0)
            {
                throw row.Error("milliseconds", "a time is above 0");
            }
        }

        return (file.OptionalObject("machine"), rows);
    }

    private static bool IsResult(string path)
    {
        try
        {
            var file = JsonFile.Read(path);
            return file.Has(Results) || file.Has("architecture"); // the latter of `bench registers`
        }
        catch (SharpSegException)
        {
            return false;
        }
    }
}
