using System.Globalization;
using System.Text;
using SharpSeg.AutoPlanner.Datasets;

namespace SharpSeg.AutoPlanner.Planning.Fingerprinting;

/// <summary>
/// Tells whether a dataset is still the one that was measured, without reading its images: SHA-256 over the description and over
/// name, size and time of last change of every training file, voxels and spacings beside a header among them. Neither the folder
/// nor its name counts: a dataset may be moved.
/// </summary>
internal static class DataHash
{
    /// <summary>64 hexadecimal digits. A missing file counts as one of size −1.</summary>
    public static string Of(Dataset dataset)
    {
        var text = new StringBuilder((dataset.Description with { Name = "" }).ToJson());
        foreach (var item in dataset.TrainingCases)
        {
            text.Append(item.Id).Append('\n');
            foreach (var path in item.Files)
            {
                var file = new FileInfo(path);
                text.Append(
                    CultureInfo.InvariantCulture,
                    $"{file.Name}\t{(file.Exists ? file.Length : -1)}\t{file.LastWriteTimeUtc.Ticks}\n");
            }
        }

        return Sha256.Of(text.ToString());
    }
}
