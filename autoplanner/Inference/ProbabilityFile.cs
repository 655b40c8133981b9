using System.Globalization;
using System.Runtime.InteropServices;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.ModelFiles;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Inference;

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
    private const string TensorPrefix = "probability.";

    private readonly string path;
    private readonly SafetensorsReader reader;
    private readonly bool isCompact, hasRegions;
    private readonly OpenMap?[] open;
    private byte[] plane = [];                            // two bytes a voxel, where maps are packed

    private ProbabilityFile(string path, SafetensorsReader reader, LabelScheme labels)
    {
        (this.path, this.reader, hasRegions) = (path, reader, labels.HasRegions);
        (isCompact, Extent) = Check(path, reader, labels);
        open = new OpenMap?[reader.Names.Count];
    }

    /// <inheritdoc/>
    public Extent Extent { get; }

    /// <inheritdoc/>
    public int Heads => reader.Names.Count;

    /// <inheritdoc/>
    public int PlanesAtOnce => PlanesInWork(Extent);

    /// <summary>Planes of a map that are in work at a time, where they come one after the other.</summary>
    public static int PlanesInWork(Extent extent) =>
        (int)Math.Clamp(StreamedLabels.SlabVoxels / Math.Max(1, (long)extent.Y * extent.X), 1, extent.Z);

    /// <summary>Memory that reading maps by turns takes beside what they are read into.</summary>
    /// <param name="extent">Voxels of a map.</param>
    /// <param name="heads">Maps of one file.</param>
    public static long ReadingBytes(Extent extent, int heads) =>
        ((long)heads * CompactMapReader.Bytes) + CompactMaps.PlaneBytes(extent);

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
        _ => voxels * sizeof(ushort) * (CompactMaps.TakesHighest(labels) ? HighestClasses.Kept : labels.HeadCount),
    };

    /// <summary>The most that a file takes on disk, with what waits beside it until it is written.</summary>
    /// <param name="extent">Voxels of the scan.</param>
    /// <param name="planes">That are in work at a time.</param>
    /// <param name="labels">Number and kind of the classes.</param>
    /// <param name="saved">How they are kept.</param>
    public static long DiskBytes(Extent extent, int planes, LabelScheme labels, SavedProbabilities saved) =>
        Bytes(extent.Voxels, labels, saved) * (saved == SavedProbabilities.Full && planes >= extent.Z ? 1 : 2);

    /// <summary>Memory that writing takes beside the maps' own.</summary>
    /// <param name="extent">Voxels of the scan.</param>
    /// <param name="planes">That are in work at a time.</param>
    /// <param name="labels">Number and kind of the classes.</param>
    /// <param name="saved">How they are kept.</param>
    public static long WritingBytes(Extent extent, int planes, LabelScheme labels, SavedProbabilities saved)
    {
        var slab = (long)planes * extent.Y * extent.X;
        return saved switch
        {
            SavedProbabilities.None => 0,
            SavedProbabilities.Full => slab * sizeof(float),
            _ => (slab * (sizeof(float) + sizeof(ushort)
                    + (CompactMaps.TakesHighest(labels) ? sizeof(uint) * HighestClasses.Kept : 0)))
                + CompactMaps.PlaneBytes(extent) + ((planes < extent.Z ? labels.HeadCount : 1L) * CompactMapWriter.Bytes),
        };
    }

    /// <summary>
    /// Writes probabilities, under a temporary name that is changed at the end. Maps that do not come whole wait in files beside
    /// it, as do packed ones: how long they are is written before them.
    /// </summary>
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
        if (saved == SavedProbabilities.Compact)
        {
            metadata[ExtentKey] = Text(maps.Extent);
        }

        AtomicFile.Write(path, stream =>
        {
            var waiting = new List<FileStream>();
            try
            {
                Safetensors.Write(stream, Entries(path, maps, labels, saved, waiting), metadata);
            }
            finally
            {
                waiting.ForEach(file => file.Dispose());
            }
        });
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
    public void Read(int head, int first, Span<float> target)
    {
        var name = reader.Names[head];
        try
        {
            if (open[head] is { } behind && behind.Next > first)
            {
                Close(head);
            }

            var map = open[head] ??= new OpenMap(
                reader.Stream(name, isCompact), Extent, isCompact, CompactMaps.Outside(head, hasRegions));
            while (map.Next < first)
            {
                map.Read(target[..(Extent.Y * Extent.X)], ref plane);
            }

            map.Read(target, ref plane);
            if (map.Next == Extent.Z)
            {
                Close(head);
            }
        }
        catch (ModelFileException e)
        {
            throw new SharpSegException(e.Message, Again, e);
        }
        catch (InvalidDataException e)
        {
            throw new SharpSegException($"`{path}`: {name} is damaged: {e.Message}", Again, e);
        }

        foreach (var value in target)
        {
            if (!(value is >= 0 and <= Highest)) // NaN is refused as well
            {
                throw new SharpSegException($"`{path}`: {name} holds the value {value}, which is no probability", Again);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        for (var head = 0; head < open.Length; head++)
        {
            Close(head);
        }

        reader.Dispose();
    }

    private void Close(int head)
    {
        open[head]?.Dispose();
        open[head] = null;
    }

    private static IReadOnlyList<SafetensorsEntry> Entries(
        string path, IProbabilityMaps maps, LabelScheme labels, SavedProbabilities saved, List<FileStream> waiting)
    {
        int[] shape = [maps.Extent.Z, maps.Extent.Y, maps.Extent.X];
        var names = Enumerable.Range(0, maps.Heads).Select(head => NameOf(labels, head));
        if (saved == SavedProbabilities.Full && maps.PlanesAtOnce >= maps.Extent.Z)
        {
            return [.. names.Select((name, head) => new SafetensorsEntry(name, shape, target => maps.Read(head, 0, target)))];
        }

        for (var head = 0; head < maps.Heads; head++)
        {
            var name = $".map-{Guid.NewGuid():n}.tmp";

            // No buffer: on a full disk its bytes would keep the file from closing.
            waiting.Add(new FileStream(
                VanishingFile.Open(Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, name)), FileAccess.ReadWrite,
                bufferSize: 0));
        }

        if (saved == SavedProbabilities.Full)
        {
            Spool(maps, waiting);
            return [.. names.Zip(waiting, (name, file) => new SafetensorsEntry(name, shape, file))];
        }

        CompactMaps.Pack(path, maps, labels, waiting);
        return [.. names.Zip(waiting, (name, file) => new SafetensorsEntry(name, file))];
    }

    /// <summary>All maps in float32, each into its file.</summary>
    private static void Spool(IProbabilityMaps maps, List<FileStream> files)
    {
        var map = new float[(long)maps.PlanesAtOnce * maps.Extent.Y * maps.Extent.X];
        foreach (var planes in maps.Slabs())
        {
            var values = map.AsSpan(0, (int)planes.Size.Voxels);
            for (var head = 0; head < maps.Heads; head++)
            {
                maps.Read(head, planes.Origin.Z, values);
                files[head].Write(MemoryMarshal.AsBytes(values));
            }
        }
    }

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
        return numbers is [var z, var y, var x] && Positive(z, y, x) is { } extent
            && CompactMaps.PlaneBytes(extent) <= Array.MaxLength
            ? extent
            : null;
    }

    /// <summary>Null unless these are voxels of a volume that an array can hold.</summary>
    private static Extent? Positive(int z, int y, int x) =>
        z > 0 && y > 0 && x > 0 && (Int128)z * y * x <= Array.MaxLength ? new Extent(z, y, x) : null;

    /// <summary>E.g. <c>background 0, whole 1+2, core 2</c>.</summary>
    private static string Describe(LabelScheme labels) =>
        string.Join(", ", labels.Classes.Select(entry => $"{entry.Name} {string.Join('+', entry.Values)}"));

    /// <summary>A map that is read plane after plane.</summary>
    private sealed class OpenMap(TensorStream bytes, Extent extent, bool isCompact, ushort outside) : IDisposable
    {
        private readonly CompactMapReader? packed = isCompact ? new(bytes, extent, outside) : null;

        /// <summary>The plane that comes next.</summary>
        public int Next { get; private set; }

        public void Read(Span<float> planes, ref byte[] work)
        {
            var area = extent.Y * extent.X;
            if (packed is null)
            {
                bytes.ReadValues(planes);
            }
            else
            {
                work = work.Length == 0 ? new byte[CompactMaps.PlaneBytes(extent)] : work;
                for (var at = 0; at < planes.Length; at += area)
                {
                    packed.Read(planes.Slice(at, area), work);
                }
            }

            Next += planes.Length / area;
        }

        public void Dispose()
        {
            packed?.Dispose();
            bytes.Dispose();
        }
    }
}
