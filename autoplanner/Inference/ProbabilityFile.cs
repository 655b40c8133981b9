using System.Globalization;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.Engine.ModelFiles;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Inference;

/// <summary>Whether class probabilities are kept, and how (docs/method/inference.md §8).</summary>
public enum SavedProbabilities
{
    /// <summary>No.</summary>
    None,

    /// <summary>The highest classes of every voxel, rounded and deflated: a fraction of the bytes, and the same labels but for
    /// ties within the rounding.</summary>
    Compact,

    /// <summary>All classes in float32.</summary>
    Full,
}

/// <summary>
/// Class probabilities of a case on disk, <c>CASE.probabilities.safetensors</c> beside its segmentation: one tensor per head,
/// named after its class and in the order of the heads, on the scan's own grid (docs/method/inference.md §8). Version 1 holds
/// float32 volumes (z, y, x), version 2 bytes (<see cref="CompactMap"/>). Where the grid lies in space is in the header of the
/// segmentation.
/// </summary>
internal sealed class ProbabilityFile : IProbabilityMaps, IDisposable
{
    /// <summary>What follows the case's name.</summary>
    public const string Ending = ".probabilities.safetensors";

    /// <summary>The highest value that is taken for a probability: rounding may lift a sum above 1.</summary>
    public const float Highest = 1.001f;

    private const string Format = "sharpseg-probabilities", ClassesKey = "classes", ExtentKey = "extent",
    Again = "predict the case again with --save-probabilities";
    private const string FullVersion = "1", CompactVersion = "2";
    private const int GrowingCopies = 2;                  // a stream's old and new memory
    private const string TensorPrefix = "probability.";

    private readonly string path;
    private readonly SafetensorsReader reader;
    private readonly bool isCompact, hasRegions;

    private ProbabilityFile(string path, SafetensorsReader reader, LabelScheme labels)
    {
        (this.path, this.reader, hasRegions) = (path, reader, labels.HasRegions);
        (isCompact, Extent) = Check(path, reader, labels);
    }

    /// <inheritdoc/>
    public Extent Extent { get; }

    /// <inheritdoc/>
    public int Heads => reader.Names.Count;

    /// <summary>Bytes of its largest packed map, which reading takes beside the map; 0 where maps are not packed.</summary>
    public long PackedBytes => isCompact
        ? reader.Names.Max(name => reader.Shape(name).Aggregate(1L, (product, edge) => product * edge))
        : 0;

    /// <summary>Where the probabilities of a case lie in a folder of segmentations.</summary>
    public static string PathOf(string folder, string caseId) => Path.Combine(folder, caseId + Ending);

    /// <summary>Whether a file is there that is at least as exact as wanted.</summary>
    public static bool Exists(string path, SavedProbabilities wanted)
    {
        if (wanted == SavedProbabilities.None || !File.Exists(path))
        {
            return wanted == SavedProbabilities.None;
        }

        try
        {
            using var reader = SafetensorsReader.Open(path);
            return wanted == SavedProbabilities.Compact || reader.Metadata.GetValueOrDefault("version") == FullVersion;
        }
        catch (ModelFileException)
        {
            return false; // damaged: it is made again
        }
    }

    /// <summary>
    /// Bytes to expect of a file: of a compact one two per kept value, which only noise takes; measured ones took a quarter or
    /// less.
    /// </summary>
    /// <param name="voxels">Of the scan.</param>
    /// <param name="labels">Number and kind of the classes.</param>
    /// <param name="saved">How they are kept.</param>
    public static long Bytes(long voxels, LabelScheme labels, SavedProbabilities saved) => saved switch
    {
        SavedProbabilities.None => 0,
        SavedProbabilities.Full => voxels * labels.HeadCount * sizeof(float),
        _ => voxels * sizeof(ushort) * (TakesHighest(labels) ? HighestClasses.Kept : labels.HeadCount),
    };

    /// <summary>
    /// What a compact file takes before it is written: all of it, of which noise alone takes as much as there may be, and one map
    /// as it grows.
    /// </summary>
    public static long PackingBytes(long voxels, LabelScheme labels, SavedProbabilities saved) =>
        saved == SavedProbabilities.Compact
            ? Bytes(voxels, labels, saved) + (GrowingCopies * voxels * sizeof(ushort))
            : 0;

    /// <summary>float32 volumes beyond one that are alive while a compact file is made.</summary>
    public static int Volumes(LabelScheme labels, SavedProbabilities saved) =>
        saved == SavedProbabilities.Compact && TakesHighest(labels) ? HighestClasses.Kept : 0;

    /// <summary>Writes probabilities map by map, under a temporary name that is changed at the end.</summary>
    /// <param name="path">The file.</param>
    /// <param name="caseId">Kept in the file, for people.</param>
    /// <param name="maps">What to write.</param>
    /// <param name="labels">Names the heads.</param>
    /// <param name="saved">How.</param>
    /// <exception cref="SharpSegException">They are no probabilities, or cannot be written.</exception>
    public static void Write(string path, string caseId, IProbabilityMaps maps, LabelScheme labels, SavedProbabilities saved)
    {
        var metadata = new Dictionary<string, string>
        {
            ["format"] = Format, ["version"] = saved == SavedProbabilities.Full ? FullVersion : CompactVersion,
            ["case"] = caseId, [ClassesKey] = Describe(labels),
        };
        SafetensorsEntry[] entries;
        if (saved == SavedProbabilities.Full)
        {
            int[] shape = [maps.Extent.Z, maps.Extent.Y, maps.Extent.X];
            entries =
            [
                .. Enumerable.Range(0, maps.Heads).Select(
                    head => new SafetensorsEntry(NameOf(labels, head), shape, target => maps.Read(head, target))),
            ];
        }
        else
        {
            metadata[ExtentKey] = Text(maps.Extent);
            entries = [.. Packed(path, maps, labels).Select((bytes, head) => new SafetensorsEntry(NameOf(labels, head), bytes))];
        }

        AtomicFile.Write(path, stream => Safetensors.Write(stream, entries, metadata));
    }

    /// <summary>Opens a file and checks that it holds the probabilities of a dataset's labels; values are read later.</summary>
    /// <exception cref="SharpSegException">Missing, damaged, or of other labels.</exception>
    public static ProbabilityFile Open(string path, LabelScheme labels)
    {
        if (!File.Exists(path))
        {
            throw new SharpSegException($"`{path}`: no such file", Again);
        }

        SafetensorsReader reader;
        try
        {
            reader = SafetensorsReader.Open(path);
        }
        catch (ModelFileException e)
        {
            throw new SharpSegException(e.Message, Again, e);
        }

        try
        {
            return new ProbabilityFile(path, reader, labels);
        }
        catch
        {
            reader.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    /// <exception cref="SharpSegException">The file has become shorter, or holds values that are no probabilities.</exception>
    public void Read(int head, Span<float> target)
    {
        try
        {
            if (isCompact)
            {
                CompactMap.Unpack(reader.ReadBytes(reader.Names[head]), Extent, Outside(head, hasRegions), target);
                if (PackedBytes > MemoryBudget.LargeVoxels)
                {
                    MemoryBudget.GiveBack();              // the packed bytes, before the next map's
                }

                return;
            }

            reader.Read(reader.Names[head], target);
        }
        catch (ModelFileException e)
        {
            throw new SharpSegException(e.Message, Again, e);
        }
        catch (InvalidDataException e)
        {
            throw new SharpSegException($"`{path}`: {reader.Names[head]} is damaged: {e.Message}", Again, e);
        }

        foreach (var value in target)
        {
            if (!(value is >= 0 and <= Highest)) // NaN is refused as well
            {
                throw new SharpSegException(
                    $"`{path}`: {reader.Names[head]} holds the value {value}, which is no probability", Again);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => reader.Dispose();

    private static List<byte[]> Packed(string path, IProbabilityMaps maps, LabelScheme labels)
    {
        if (PlaneBytes(maps.Extent) > Array.MaxLength
            || (TakesHighest(labels) && maps.Extent.Voxels * HighestClasses.Kept > Array.MaxLength))
        {
            throw new SharpSegException(
                $"`{path}`: {maps.Extent} voxels (z, y, x) are too many for compact probabilities", "take --full-probabilities");
        }

        var map = new float[maps.Extent.Voxels];
        var codes = new ushort[maps.Extent.Voxels];
        var highest = TakesHighest(labels) ? new HighestClasses(maps.Extent.Voxels) : null;
        var packed = new List<byte[]>();
        for (var head = 0; head < maps.Heads; head++)
        {
            maps.Read(head, map);
            for (var voxel = 0; voxel < map.Length; voxel++)
            {
                codes[voxel] = CompactMap.CodeOf(map[voxel]) ?? throw new SharpSegException(
                    $"`{path}`: the network's answer {map[voxel]} for {labels.ClassName(head)} is no probability",
                    "the model is damaged, or the image holds values far beyond those of training");
            }

            if (highest is null)
            {
                packed.Add(Pack(head));
            }
            else
            {
                highest.Add(head, codes);
            }
        }

        for (var head = 0; highest is not null && head < maps.Heads; head++)
        {
            highest.Read(head, codes);
            packed.Add(Pack(head));
        }

        return packed;

        byte[] Pack(int head)
        {
            var bytes = CompactMap.Pack(codes, maps.Extent, Outside(head, labels.HasRegions));
            if (bytes.Length > MemoryBudget.LargeVoxels)
            {
                MemoryBudget.GiveBack();                  // what grew on the way, before the next map's
            }

            return bytes;
        }
    }

    /// <summary>Of regions, which do not exclude each other, all are kept.</summary>
    private static bool TakesHighest(LabelScheme labels) => !labels.HasRegions && labels.HeadCount > HighestClasses.Kept;

    /// <summary>What a map is where the network has seen nothing: background.</summary>
    private static ushort Outside(int head, bool hasRegions) => head == 0 && !hasRegions ? CompactMap.One : (ushort)0;

    private static long PlaneBytes(Extent extent) => (long)sizeof(ushort) * extent.Y * extent.X;

    private static (bool IsCompact, Extent Extent) Check(string path, SafetensorsReader reader, LabelScheme labels)
    {
        var version = reader.Metadata.GetValueOrDefault("version");
        if (reader.Metadata.GetValueOrDefault("format") != Format || version is not (FullVersion or CompactVersion))
        {
            throw new SharpSegException($"`{path}`: not a file of class probabilities of this version", Again);
        }

        var (found, expected) = (reader.Metadata.GetValueOrDefault(ClassesKey), Describe(labels));
        if (found != expected)
        {
            throw new SharpSegException(
                $"`{path}`: its classes are {found}, the dataset's are {expected}",
                "only predictions of one dataset can be averaged");
        }

        var names = Enumerable.Range(0, labels.HeadCount).Select(head => NameOf(labels, head));
        var extent = !reader.Names.SequenceEqual(names) ? null
            : version == CompactVersion ? Parse(reader.Metadata.GetValueOrDefault(ExtentKey))
            : reader.Shape(reader.Names[0]) is { Count: 3 } shape
                && reader.Names.All(name => reader.Shape(name).SequenceEqual(shape)) ? Positive(shape[0], shape[1], shape[2])
            : null;
        return extent is { } known
            ? (version == CompactVersion, known)
            : throw new SharpSegException($"`{path}`: its maps are not one volume (z, y, x) per class {expected}", Again);
    }

    private static string NameOf(LabelScheme labels, int head) => TensorPrefix + labels.ClassName(head);

    private static string Text(Extent extent) =>
        string.Create(CultureInfo.InvariantCulture, $"{extent.Z} {extent.Y} {extent.X}");

    private static Extent? Parse(string? text)
    {
        int[] numbers =
        [
            .. (text ?? "").Split(' ').Select(
                word => int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0),
        ];
        return numbers is [var z, var y, var x] && Positive(z, y, x) is { } extent && PlaneBytes(extent) <= Array.MaxLength
            ? extent
            : null;
    }

    /// <summary>Null unless these are voxels of a volume that an array can hold.</summary>
    private static Extent? Positive(int z, int y, int x) =>
        z > 0 && y > 0 && x > 0 && (Int128)z * y * x <= Array.MaxLength ? new Extent(z, y, x) : null;

    /// <summary>E.g. <c>background 0, whole 1+2, core 2</c>.</summary>
    private static string Describe(LabelScheme labels) =>
        string.Join(", ", labels.Classes.Select(entry => $"{entry.Name} {string.Join('+', entry.Values)}"));
}
