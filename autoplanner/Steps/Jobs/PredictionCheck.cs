using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;

namespace SharpSeg.AutoPlanner.Steps.Jobs;

/// <summary>Whether a folder of segmentations, which several tasks wrote, is complete.</summary>
public static class PredictionCheck
{
    /// <summary>Compares with the scans: every one has its segmentation, on its own grid.</summary>
    /// <param name="folder">The segmentations.</param>
    /// <param name="inputs">Scans: folders or files.</param>
    /// <param name="reporter">Receives progress.</param>
    /// <param name="cancel">Ends at once.</param>
    /// <returns>The number of scans.</returns>
    /// <exception cref="SharpSegException">One is missing, or on another grid; the message counts and names them.</exception>
    public static int Execute(string folder, IReadOnlyList<string> inputs, IReporter reporter, CancellationToken cancel)
    {
        var file = Path.Combine(folder, "dataset.json");
        var description = File.Exists(file)
            ? DatasetDescription.FromJson(JsonFile.ReadText(file), file)
            : throw new SharpSegException($"`{folder}`: no part was predicted: there is no dataset.json");
        var cases = PredictionInputs.Find(inputs, description, reporter.Warning);
        var problems = new List<string>();
        for (var i = 0; i < cases.Count; i++)
        {
            cancel.ThrowIfCancellationRequested();
            reporter.Progress((double)i / cases.Count, $"case {i + 1}/{cases.Count}, {cases[i].Id}");
            if (Problem(cases[i], Path.Combine(folder, cases[i].Id + description.FileEnding)) is { } problem)
            {
                problems.Add(problem);
            }
        }

        return problems.Count == 0 ? cases.Count : throw new SharpSegException(
            $"{problems.Count} of {cases.Count} scans lack their segmentation: {string.Join("; ", problems.Take(10))}"
                + (problems.Count > 10 ? "; …" : ""),
            "the same `sharpseg jobs predict` command predicts what is missing");
    }

    private static string? Problem(DatasetCase item, string path)
    {
        if (!File.Exists(path))
        {
            return $"case `{item.Id}` has none";
        }

        try
        {
            var (scan, labels) = (ImageFile.ReadGeometry(item.ImageFiles[0]).Extent, ImageFile.ReadGeometry(path).Extent);
            return scan == labels ? null : $"case `{item.Id}` has {labels} voxels, its segmentation should have {scan}";
        }
        catch (SharpSegException error)
        {
            return error.Message;
        }
    }
}
