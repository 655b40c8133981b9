using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>
/// Segmentations that stand in for a cascade's first stage (<c>--prev-stage</c>, docs/method/inference.md §7). The second stage
/// takes their voxels by position and their values by number, so both must mean what the model means.
/// </summary>
internal static class GivenFirstStage
{
    private const string Expected = "--prev-stage names a folder of segmentations by the first stage";

    /// <summary>Refuses a folder whose own dataset.json, if there is one, names a label otherwise than the model.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="labels">The model's.</param>
    /// <exception cref="SharpSegException">It does, or cannot be read.</exception>
    public static void RequireSameLabels(string folder, LabelScheme labels)
    {
        var path = Path.Combine(folder, Dataset.DescriptionFile);
        if (!File.Exists(path))
        {
            return;
        }

        var (own, given) = (Names(labels), Names(DatasetDescription.FromJson(JsonFile.ReadText(path), path).Labels));
        if (own.Keys.Where(given.ContainsKey).FirstOrDefault(
            values => !string.Equals(own[values], given[values], StringComparison.OrdinalIgnoreCase)) is { } other)
        {
            throw new SharpSegException(
                $"`{path}`: {other} is `{given[other]}`, and the model's is `{own[other]}`",
                $"{Expected}, with the model's values; if both names mean the same, take that dataset.json out");
        }
    }

    /// <summary>Reads the segmentation of a case.</summary>
    /// <param name="folder">Where it lies.</param>
    /// <param name="caseId">The case.</param>
    /// <param name="scan">Where the scan lies.</param>
    /// <param name="description">The model's channels and labels.</param>
    /// <exception cref="SharpSegException">
    /// It is missing, has other labels than the model, or lies elsewhere in space than the scan.
    /// </exception>
    public static LabelImage Read(string folder, string caseId, ImageGeometry scan, DatasetDescription description)
    {
        var path = Path.Combine(folder, caseId + description.FileEnding);
        var given = File.Exists(path)
            ? SegmentationFile.Read(path, description.Labels)
            : throw new SharpSegException(
                $"case `{caseId}`: `{path}` is missing", "--prev-stage names a folder with a segmentation of every case");
        var highest = description.Labels.HighestLabel;
        if (!given.Voxels.All(label => label >= 0 && label <= highest))
        {
            throw new SharpSegException($"`{path}`: it has labels outside 0 to {highest}", Expected);
        }

        // Another size is refused where it meets the scan; a scan that does not say where it lies cannot be compared.
        return given.Extent == scan.Extent && scan.Affine.All(double.IsFinite)
            && PatientSpace.Displacement(given.Geometry, scan) is { } displacement
            ? throw new SharpSegException(
                $"case `{caseId}`: `{path}` lies elsewhere in space than the scan ({displacement}), whose voxels it is to "
                    + "describe one by one",
                "give a segmentation on the scan's own grid; if only its header is wrong, write the scan's into it")
            : given;
    }

    /// <summary>The name of each label or region by the values that the user's files have for it.</summary>
    private static Dictionary<string, string> Names(LabelScheme labels)
    {
        var names = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var entry in labels.Entries)
        {
            names[$"label {string.Join('+', entry.Values.Select(labels.OriginalValue).Order())}"] = entry.Name;
        }

        return names;
    }
}
