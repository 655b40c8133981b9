using SharpSeg.AutoPlanner.Imaging;

namespace SharpSeg.AutoPlanner.Datasets;

/// <summary>
/// What is to be repaired in one case, found by reading it, and the repaired files (docs/method/datasets.md §9). A file with
/// nothing to repair is copied byte for byte.
/// </summary>
/// <param name="id">Name of the case.</param>
/// <param name="images">Its images: one file with all channels, or one a channel in their order.</param>
/// <param name="label">Its label map; null for a case without.</param>
internal sealed class CaseRepair(string id, IReadOnlyList<string> images, string? label)
{
    private const int MostValues = 4096; // an image given as a label map has as many values as voxels

    private readonly List<ImageHeader?> headers = [];
    private readonly List<string> lines = [];
    private readonly List<Finding> problems = [];
    private ImageHeader? labelHeader;

    /// <summary>Its name.</summary>
    public string Id => id;

    /// <summary>All files that it is made of.</summary>
    public IEnumerable<string> Files => new DatasetCase(id, images, label).Files;

    /// <summary>Values in the label map; empty where it cannot be read.</summary>
    public SortedSet<int> Values { get; } = [];

    /// <summary>Whether it has a label map.</summary>
    public bool HasLabels => label is not null;

    /// <summary>Number of channels in all readable files.</summary>
    public int Channels => headers.Sum(header => header?.Channels ?? 0);

    /// <summary>What is repaired, one line each.</summary>
    public IReadOnlyList<string> Lines => lines;

    /// <summary>What cannot be repaired and would not show in the copy.</summary>
    public IReadOnlyList<Finding> Problems => problems;

    private ImageGeometry? First => headers.Count > 0 ? headers[0]?.Geometry : null;

    /// <summary>
    /// What reading and writing it takes (docs/method/memory.md §4): the channels of a file, and a copy of one as it is written;
    /// or the label map.
    /// </summary>
    public CaseNeed Need()
    {
        var largest = new CaseNeed(id, images is [var first, ..] ? first : label ?? "", 0);
        foreach (var file in images.Append(label).OfType<string>())
        {
            var need = CaseNeed.Of(id, file, image => file == label
                ? ImageFile.ReadingBytes(image.Extent.Voxels * sizeof(short))
                : image.Extent.Voxels * sizeof(float) * (ImageFile.ChannelCount(file) + 1));
            largest = need.Bytes > largest.Bytes ? need : largest;
        }

        return largest;
    }

    /// <summary>Reads headers and label values; damaged files are left to `verify`, which names them in the copy.</summary>
    /// <param name="ending">Of the copy's files.</param>
    public void Look(string ending)
    {
        foreach (var (c, file) in images.Index())
        {
            var header = Try(() => ImageFile.ReadHeader(file));
            headers.Add(header);
            var target = NameOf(c, ending);
            if (header is { Channels: > 1 })
            {
                lines.Add($"case `{id}`: the {header.Channels} channels of {Path.GetFileName(file)} lie in a file each");
            }
            else if (Path.GetFileName(file) != target)
            {
                lines.Add($"case `{id}`: {Path.GetFileName(file)} is named {target}");
            }

            if (header is not null && c > 0 && First is { } first && GridComparison.IsNoise(header.Geometry, first))
            {
                lines.Add(
                    $"case `{id}`: the header of {target} is that of the first channel, {Difference(header.Geometry, first)}");
            }
        }

        if (label is null || Try(() => ImageFile.ReadHeader(label)) is not { } own
            || Try(() => ImageFile.ReadLabels(label)) is not { } map)
        {
            return;
        }

        foreach (var voxel in map.Voxels)
        {
            Values.Add(voxel);
        }

        if (Values.Min < 0 || Values.Count > MostValues)
        {
            problems.Add(new(
                Severity.Error, id,
                Values.Min < 0
                    ? $"the label map has the value {Values.Min}: it is left out"
                    : $"the label map has {Values.Count} values: it is left out",
                Values.Min < 0 ? "labels are 0 or above: correct it" : "was an image given as a label?"));
            Values.Clear();
            return;
        }

        labelHeader = own;

        if (First is { } image && GridComparison.IsNoise(own.Geometry, image))
        {
            lines.Add($"case `{id}`: the header of its label map is the image's, {Difference(own.Geometry, image)}");
        }

        if (own.IsFloat)
        {
            lines.Add($"case `{id}`: its label map, stored as floating-point numbers, is stored as whole numbers");
        }
    }

    /// <summary>Checks the values of the label map against the labels that were decided.</summary>
    /// <param name="labels">The labels.</param>
    /// <param name="knownOnly">A value that no label has is an error even where the others stay as they are.</param>
    public void Check(LabelScheme labels, bool knownOnly = false)
    {
        var known = labels.OriginalValues ?? (knownOnly ? [.. Enumerable.Range(0, labels.HighestValue + 1)] : null);
        if (known is not null && Values.Except(known).ToArray() is { Length: > 0 } foreign)
        {
            problems.Add(new(
                Severity.Error, id,
                $"the label map has {string.Join(", ", foreign.Take(10))}, which dataset.json does not name: it is left out",
                "add the value to `labels`, or correct the label map"));
        }
    }

    /// <summary>Writes the files that are not there yet.</summary>
    /// <param name="imageFolder">For the images.</param>
    /// <param name="labelFolder">For the label map.</param>
    /// <param name="ending">Of the files.</param>
    /// <param name="labels">What was decided.</param>
    /// <exception cref="SharpSegException">A file cannot be written.</exception>
    public void Write(string imageFolder, string labelFolder, string ending, LabelScheme labels)
    {
        var channel = 0;
        foreach (var (i, file) in images.Index())
        {
            var count = headers[i]?.Channels ?? 1;
            var targets = Enumerable.Range(channel, count).Select(c => Path.Combine(imageFolder, NameOf(c, ending))).ToArray();
            channel += count;
            if (!File.Exists(file) || targets.All(File.Exists))
            {
                continue;
            }

            var snapped = headers[i] is { } header && First is { } first && GridComparison.IsNoise(header.Geometry, first);
            if (headers[i] is null || (count == 1 && !snapped && CanBeCopied(file, ending)))
            {
                Copy(file, targets[0]);
                continue;
            }

            var image = Try(() => ImageFile.Read(file));
            for (var c = 0; c < count; c++)
            {
                if (image is null)
                {
                    Copy(file, targets[c]); // as damaged as it was
                    continue;
                }

                ImageFile.WriteFloats(targets[c], image.Channels[c], snapped ? First! : image.Geometry);
            }
        }

        WriteLabels(Path.Combine(labelFolder, id + ending), ending, labels);
    }

    private static string Difference(ImageGeometry a, ImageGeometry b) => FormattableString.Invariant(
        $"its affine differed by up to {GridComparison.AffineDifference(a, b) ?? 0:0.######}, its spacing was {a.Spacing}");

    private static bool CanBeCopied(string file, string ending) =>
        file.EndsWith(ending, StringComparison.Ordinal) && ImageFile.FilesOf(file).Count() == 1;

    private static void Copy(string from, string to) => AtomicFile.Write(to, stream =>
    {
        using var source = File.OpenRead(from);
        source.CopyTo(stream);
    });

    private static T? Try<T>(Func<T> read) where T : class
    {
        try
        {
            return read();
        }
        catch (SharpSegException)
        {
            return null;
        }
    }

    private string NameOf(int channel, string ending) => FormattableString.Invariant($"{id}_{channel:0000}{ending}");

    private void WriteLabels(string target, string ending, LabelScheme labels)
    {
        if (label is null || !File.Exists(label) || File.Exists(target) || problems.Count > 0)
        {
            return;
        }

        var snapped = labelHeader is not null && First is { } image && GridComparison.IsNoise(labelHeader.Geometry, image);
        if (labelHeader is null
            || (labels.OriginalValues is null && !snapped && !labelHeader.IsFloat && CanBeCopied(label, ending)))
        {
            Copy(label, target);
            return;
        }

        var map = ImageFile.ReadLabels(label);
        if (labels.OriginalValues is { } originals)
        {
            var number = originals.Index().ToDictionary(pair => (short)pair.Item, pair => (short)pair.Index);
            foreach (ref var voxel in map.Voxels.AsSpan())
            {
                voxel = number[voxel];
            }
        }

        ImageFile.WriteLabels(
            target, map.Voxels, snapped ? First! : map.Geometry, Math.Max(labels.HighestValue, (int)map.Voxels.Max()));
    }
}
