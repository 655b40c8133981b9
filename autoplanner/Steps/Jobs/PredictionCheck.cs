using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Inference;

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
        var file = DescriptionFile(folder);
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

    /// <summary>The parts of a cohort in which a scan lacks a file, whatever its headers say.</summary>
    /// <param name="folder">The segmentations, described by the model's dataset.json.</param>
    /// <param name="inputs">Scans: folders or files.</param>
    /// <param name="parts">Among how many the scans are divided.</param>
    /// <param name="withProbabilities">The class probabilities are files, too.</param>
    internal static IReadOnlySet<int> PartsLeft(
        string folder, IReadOnlyList<string> inputs, int parts, bool withProbabilities)
    {
        var file = DescriptionFile(folder);
        if (!File.Exists(file))
        {
            return Enumerable.Range(0, parts).ToHashSet();
        }

        var description = DatasetDescription.FromJson(JsonFile.ReadText(file), file);
        return PredictionInputs.Find(inputs, description).Select((item, i) => (item.Id, Part: PredictionRun.PartOf(i, parts)))
            .Where(item => !File.Exists(Path.Combine(folder, item.Id + description.FileEnding))
                || (withProbabilities && !File.Exists(ProbabilityFile.PathOf(folder, item.Id))))
            .Select(item => item.Part).ToHashSet();
    }

    private static string DescriptionFile(string folder) => Path.Combine(folder, Dataset.DescriptionFile);

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
