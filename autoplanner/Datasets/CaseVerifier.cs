using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Datasets;

/// <summary>The checks of one case: its files, their grids, every voxel (docs/method/datasets.md §7).</summary>
internal sealed class CaseVerifier(DatasetCase item, DatasetDescription description)
{
    private const int ShownValues = 10;

    private readonly List<Finding> findings = [];

    // Of each channel that could be read: its file and hash.
    private readonly List<(string File, UInt128 Hash)> channelHashes = [];

    /// <summary>The case.</summary>
    public DatasetCase Case => item;

    /// <summary>What was found.</summary>
    public IReadOnlyList<Finding> Findings => findings;

    /// <summary>Where the axes x, y, z point, e.g. RAS; null if no image could be read.</summary>
    public string? AxisCodes { get; private set; }

    /// <summary>Size and spacing of the image; null if it cannot be read.</summary>
    public (Extent Extent, Spacing Spacing)? Grid { get; private set; }

    /// <summary>128 bits that sizes and voxels of all channels mix to; null if one cannot be read.</summary>
    public UInt128? ImageHash { get; private set; }

    /// <summary>The same of the label map; null if it cannot be read, or holds one value alone, as many may.</summary>
    public UInt128? LabelHash { get; private set; }

    /// <summary>
    /// What the checks take: one file after the other, whose values are all float32, and an eighth more while a compressed one
    /// grows (docs/method/memory.md §4).
    /// </summary>
    public CaseNeed Need()
    {
        var largest = new CaseNeed(item.Id, item.ImageFiles is [var first, ..] ? first : item.LabelFile ?? "", 0);
        foreach (var file in item.ImageFiles.Append(item.LabelFile).OfType<string>())
        {
            var need = CaseNeed.Of(
                item.Id, file, image => Bytes(image.Extent.Voxels) * (file == item.LabelFile ? 1 : ImageFile.ChannelCount(file)));
            largest = need.Bytes > largest.Bytes ? need : largest;
        }

        return largest;
    }

    /// <summary>Bytes of a channel, or of a label map before rounding.</summary>
    internal static long Bytes(long voxels) => ImageFile.ReadingBytes(voxels * sizeof(float));

    /// <summary>Runs all checks.</summary>
    public void Run()
    {
        var first = CheckImages();
        if (first is not null)
        {
            AxisCodes = PatientSpace.AxisCodes(first.Affine);
            Grid = (first.Extent, first.Spacing);
            MemoryBudget.GiveBack(first.Extent.Voxels);   // the image
        }

        CheckLabels(first);
    }

    private ImageGeometry? CheckImages()
    {
        ImageGeometry? first = null;
        string? firstName = null;
        var channels = 0;
        var unreadable = 0;
        var hash = UInt128.MaxValue;
        foreach (var file in item.ImageFiles)
        {
            if (CheckImage(file, ref hash) is not var (geometry, count))
            {
                unreadable++;
                continue;
            }

            MemoryBudget.GiveBack(geometry.Extent.Voxels);
            var name = Path.GetFileName(file);
            channels += count;
            if (first is null)
            {
                (first, firstName) = (geometry, name);
                continue;
            }

            CompareGrids(geometry, $"`{name}`", first, $"`{firstName}`");
        }

        ImageHash = unreadable == 0 && channels > 0 ? hash : null;
        if (unreadable == 0 && channels != description.ChannelNames.Count)
        {
            Error(
                $"{Counted.Of(channels, "channel")} in {Counted.Of(item.ImageFiles.Count, "file")}, but the dataset has "
                    + $"{description.ChannelNames.Count} ({string.Join(", ", description.ChannelNames)})");
        }

        for (var c = 0; c < item.ImageFiles.Count && item.ImageFiles.Count > 1; c++)
        {
            var expected = c.ToString("0000", CultureInfo.InvariantCulture) + description.FileEnding;
            if (item.ImageFiles.All(file => IsNumbered(file))
                && !item.ImageFiles[c].EndsWith($"_{expected}", StringComparison.Ordinal))
            {
                Error($"the channel file `{item.Id}_{expected}` is missing");
                break;
            }
        }

        return first;
    }

    /// <summary>Checks one file, in a method of its own, so that its voxels can be given back before the next.</summary>
    /// <returns>Its grid and channels; null if it cannot be read.</returns>
    private (ImageGeometry Geometry, int Channels)? CheckImage(string file, ref UInt128 hash)
    {
        if (Load(file, "image", labels: false) is not { } image)
        {
            return null;
        }

        var name = Path.GetFileName(file);
        for (var c = 0; c < image.Channels.Count; c++)
        {
            CheckIntensities(image.Channels[c], image.Channels.Count == 1 ? $"`{name}`" : $"channel {c} of `{name}`");
            var channel = HashOf(image, c);
            channelHashes.Add((name, channel));
            hash = Mixed(hash, MemoryMarshal.AsBytes<UInt128>([channel]));
        }

        return (image.Geometry, image.Channels.Count);
    }

    private static UInt128 HashOf(MedicalImage image, int channel) => Mixed(
        Mixed(UInt128.MaxValue, MemoryMarshal.AsBytes<Extent>([image.Geometry.Extent])),
        MemoryMarshal.AsBytes(image.Channels[channel].AsSpan()));

    /// <summary>
    /// Mixes data into a hash, several times as fast as <see cref="Sha256"/>: two halves, each multiplied to 128 bits with every
    /// 4 bytes and folded. Nobody makes scans that collide on purpose.
    /// </summary>
    private static UInt128 Mixed(UInt128 hash, ReadOnlySpan<byte> data)
    {
        // Odd numbers with no pattern: the first binary digits of the golden ratio and of the square root of 2.
        const ulong Golden = 0x9E3779B97F4A7C15, Root = 0x6A09E667F3BCC909;
        var (high, low) = ((ulong)(hash >> 64), (ulong)hash);
        foreach (var word in MemoryMarshal.Cast<byte, uint>(data))
        {
            high = Folded(BitOperations.RotateLeft(high, 29) + word + 1, Golden);
            low = Folded(low ^ (word + Golden), Root);
        }

        return new UInt128(high, low);
    }

    private static ulong Folded(ulong a, ulong b) => Math.BigMul(a, b, out var low) ^ low;

    // nnU-Net's naming of this case; explicit case lists may name files as they like.
    private bool IsNumbered(string file)
    {
        var name = Path.GetFileName(file);
        return name.StartsWith(item.Id + "_", StringComparison.Ordinal)
            && name.EndsWith(description.FileEnding, StringComparison.Ordinal) &&
            name.Length == item.Id.Length + 5 + description.FileEnding.Length;
    }

    private void CheckIntensities(float[] voxels, string what)
    {
        long nan = 0, infinite = 0;
        float min = float.PositiveInfinity, max = float.NegativeInfinity;
        foreach (var value in voxels)
        {
            if (float.IsNaN(value))
            {
                nan++;
            }
            else if (float.IsInfinity(value))
            {
                infinite++;
            }
            else
            {
                min = Math.Min(min, value);
                max = Math.Max(max, value);
            }
        }

        if (nan + infinite > 0)
        {
            Error($"{what} has {nan} NaN and {Counted.Of(infinite, "infinite voxel")} of {voxels.Length}");
        }

        if (min == max)
        {
            Warn($"{what} is constant: every voxel is {min}");
        }
    }

    private void CheckLabels(ImageGeometry? image)
    {
        if (item.LabelFile is null)
        {
            Error("no label file");
            return;
        }

        if (Load(item.LabelFile, "label", labels: true) is not { } labels)
        {
            return;
        }

        if (image is not null)
        {
            CompareGrids(labels.Geometry, "the label map", image, "the image");
        }

        var counts = new Dictionary<float, long>();
        long nan = 0;
        foreach (var value in labels.Channels[0])
        {
            if (float.IsNaN(value))
            {
                nan++;
            }
            else
            {
                var key = ImageFile.IsWhole(value) ? MathF.Round(value) : value;
                if (counts.Count < 4096 || counts.ContainsKey(key)) // an image given as label has as many values as voxels
                {
                    counts[key] = counts.GetValueOrDefault(key) + 1;
                }
            }
        }

        if (nan > 0)
        {
            Error($"the label map has {Counted.Of(nan, "NaN voxel")}");
        }

        ListValues(counts.Where(pair => !ImageFile.IsWhole(pair.Key)), "values that are not whole numbers");
        var highest = description.Labels.HighestValue;
        ListValues(
            counts.Where(pair => ImageFile.IsWhole(pair.Key) && (pair.Key < 0 || pair.Key > highest)),
            $"values that are not among the dataset's labels (0 to {highest})");
        var unexpected = description.Labels.UnexpectedLabels(item.Id);
        ListValues(
            counts.Where(pair => ImageFile.IsWhole(pair.Key) && unexpected.Contains((int)pair.Key)),
            "values of no class that `labelled` lists for it");
        if (counts.Count == 1 && counts.ContainsKey(0) && nan == 0)
        {
            Warn("the label map holds only background");
            return;
        }

        var own = HashOf(labels, 0);
        LabelHash = counts.Count > 1 ? own : null;
        if (channelHashes.FirstOrDefault(channel => channel.Hash == own).File is { } same)
        {
            findings.Add(new(
                Severity.Warning, item.Id, $"`{same}` has the same voxels as the label map", "put the scan in its place"));
        }
    }

    private void ListValues(IEnumerable<KeyValuePair<float, long>> values, string what)
    {
        var list = values.OrderBy(pair => pair.Key).ToArray();
        if (list.Length > 0)
        {
            string[] shown = [.. list.Select(pair => $"{pair.Key} ({Counted.Of(pair.Value, "voxel")})")];
            Error($"the label map has {what}: {Counted.First(shown, ShownValues)}");
        }
    }

    private void CompareGrids(ImageGeometry a, string nameA, ImageGeometry b, string nameB)
    {
        if (a.Extent != b.Extent)
        {
            Error($"{nameA} has {a.Extent} voxels (z, y, x), {nameB} has {b.Extent}");
        }

        if (GridComparison.HasOtherSpacing(a, b))
        {
            Error($"{nameA} has spacing {a.Spacing} (z, y, x), {nameB} has {b.Spacing}");
        }

        if (GridComparison.AffineDifference(a, b) is { } difference)
        {
            var text = difference < 1e-6 ? $"{difference:0.0e-0}" : $"{difference:0.######}";
            Warn($"{nameA} lies elsewhere in space than {nameB}: their affines differ by up to {text}");
        }
    }

    private MedicalImage? Load(string file, string what, bool labels)
    {
        if (!File.Exists(file))
        {
            Error($"the {what} file `{file}` is missing");
            return null;
        }

        try
        {
            var image = labels ? ImageFile.ReadLabelValues(file) : ImageFile.Read(file);
            if (image.Geometry.SpacingProblem is { } problem)
            {
                Error(problem);
            }

            if (image.Geometry.AffineProblem is { } doubt)
            {
                Warn(doubt);
            }

            return image;
        }
        catch (SharpSegException error)
        {
            findings.Add(new(Severity.Error, item.Id, error.Message, error.Hint));
            return null;
        }
    }

    private void Error(string message) => findings.Add(new(Severity.Error, item.Id, message));

    private void Warn(string message) => findings.Add(new(Severity.Warning, item.Id, message));
}
