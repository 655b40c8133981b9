using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Preprocessing;

/// <summary>
/// A preprocessed case on disk, read box by box through memory maps (docs/method/preprocessing.md §6). Files of a case:
/// CASE.image (float32), CASE.labels (int8 or int16), CASE.locations (int32 z, y, x), and CASE.json, which is written last: a
/// case is complete when its properties file exists. All reading members may be called from several threads at once.
/// </summary>
internal sealed class StoredCase : IDisposable
{
    private readonly StoredArray image;
    private readonly StoredArray labels;
    private readonly StoredArray locations;

    private StoredCase(CaseProperties properties, StoredArray image, StoredArray labels, StoredArray locations)
    {
        Properties = properties;
        this.image = image;
        this.labels = labels;
        this.locations = locations;
        LocationKeys = [.. properties.Locations.Select(table => table.Key)];
        AnnotatedIndex = LocationKeys.Count > 0 && LocationKeys[^1] == ClassLocations.AnnotatedKey
            ? LocationKeys.Count - 1
            : null;
    }

    /// <summary>What preprocessing did to the case.</summary>
    public CaseProperties Properties { get; }

    /// <summary>Voxels (z, y, x).</summary>
    public Extent Shape => image.Shape;

    /// <summary>Image channels.</summary>
    public int Channels => image.Channels;

    /// <summary>
    /// Keys of the location lists: the foreground labels or regions in the order of the label scheme, then, if there is an ignore
    /// label, <see cref="ClassLocations.AnnotatedKey"/>. A class that the case lacks has an empty list.
    /// </summary>
    public IReadOnlyList<string> LocationKeys { get; }

    /// <summary>Index of the list of annotated voxels; null without an ignore label.</summary>
    public int? AnnotatedIndex { get; }

    /// <summary>Number of foreground classes with a (possibly empty) list; the annotated voxels are not counted.</summary>
    public int ClassCount => AnnotatedIndex ?? LocationKeys.Count;

    /// <summary>Whether a case is complete in a folder.</summary>
    public static bool Exists(string folder, string caseId) => File.Exists(PropertiesPath(folder, caseId));

    /// <summary>Maps a complete case.</summary>
    /// <exception cref="SharpSegException">The case is missing, incomplete or damaged.</exception>
    public static StoredCase Open(string folder, string caseId)
    {
        var path = PropertiesPath(folder, caseId);
        if (!File.Exists(path))
        {
            throw new SharpSegException(
                $"case `{caseId}` is not preprocessed: `{path}` is missing", "run `sharpseg preprocess` first");
        }

        var properties = CaseProperties.FromJson(JsonFile.ReadText(path), path);
        if (properties.CaseId != caseId)
        {
            throw new SharpSegException(
                $"`{path}` is of case `{properties.CaseId}`: it was renamed", "run `sharpseg preprocess` again");
        }

        var open = new List<StoredArray>();
        try
        {
            open.Add(StoredArray.Open(Path.Combine(folder, caseId + ".image")));
            open.Add(StoredArray.Open(Path.Combine(folder, caseId + ".labels")));
            open.Add(StoredArray.Open(Path.Combine(folder, caseId + ".locations")));
            Check(path, properties, open[0], open[1], open[2]);
            return new StoredCase(properties, open[0], open[1], open[2]);
        }
        catch
        {
            open.ForEach(array => array.Dispose());
            throw;
        }
    }

    /// <summary>Writes a case; an older one of the same name is invalid from the first byte on and replaced at the end.</summary>
    public static void Save(string folder, PreprocessedCase preprocessed)
    {
        Directory.CreateDirectory(folder);
        var properties = preprocessed.Properties;
        var stem = Path.Combine(folder, properties.CaseId);
        File.Delete(stem + ".json");
        StoredArray.Write<float>(
            stem + ".image", StoredElement.Float32, preprocessed.Shape, preprocessed.Channels,
            preprocessed.Values);
        SaveLabels(stem + ".labels", preprocessed);

        var tables = new List<LocationTable>();
        var coordinates = new List<int>();
        foreach (var entry in preprocessed.Locations)
        {
            tables.Add(new LocationTable(entry.Key, entry.Voxels, coordinates.Count / 3, entry.Count));
            coordinates.AddRange(entry.Coordinates);
        }

        StoredArray.Write<int>(
            stem + ".locations", StoredElement.Int32, new Extent(1, 1, coordinates.Count / 3), 3, coordinates.ToArray());
        AtomicFile.WriteText(stem + ".json", (properties with { Locations = tables }).ToJson());
    }

    /// <summary>
    /// Reads a box of the image into size.Voxels·Channels values, channels last (z, y, x, c). The box must lie inside.
    /// </summary>
    /// <exception cref="ArgumentException">The box does not lie inside, or the span is too short.</exception>
    public void ReadImage(Extent origin, Extent size, Span<float> channelsLast) => image.ReadBox(origin, size, channelsLast);

    /// <summary>Reads a box of labels (z, y, x); -1 is outside the non-zero mask. The box must lie inside.</summary>
    /// <exception cref="ArgumentException">The box does not lie inside, or the span is too short.</exception>
    public void ReadLabels(Extent origin, Extent size, Span<short> voxels)
    {
        if (labels.Element == StoredElement.Int16)
        {
            labels.ReadBox(origin, size, voxels);
            return;
        }

        // Bytes land in the upper half of the destination and are widened from the front: no second buffer.
        var count = checked((int)size.Voxels);
        if (voxels.Length < count)
        {
            throw new ArgumentException($"{voxels.Length} values have no room for {size} voxels");
        }

        var bytes = System.Runtime.InteropServices.MemoryMarshal.Cast<short, sbyte>(voxels[..count])[count..];
        labels.ReadBox(origin, size, bytes);
        for (var i = 0; i < count; i++)
        {
            voxels[i] = bytes[i];
        }
    }

    /// <summary>Number of sampled voxels of a class; the index goes along <see cref="LocationKeys"/>.</summary>
    public int LocationCount(int classIndex) => Properties.Locations[classIndex].Count;

    /// <summary>A sampled voxel (z, y, x) of a class.</summary>
    public Extent Location(int classIndex, int index)
    {
        var table = Properties.Locations[classIndex];
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, table.Count);
        Span<int> zyx = stackalloc int[3];
        locations.ReadBox(new Extent(0, 0, checked((int)(table.Offset + index))), Extent.One, zyx);
        return new Extent(zyx[0], zyx[1], zyx[2]);
    }

    /// <summary>Reads the whole case into memory.</summary>
    public PreprocessedCase Load()
    {
        var voxels = new float[Shape.Voxels * Channels];
        ReadImage(default, Shape, voxels);
        var map = new short[Shape.Voxels];
        ReadLabels(default, Shape, map);
        var lists = new List<ClassLocations>();
        foreach (var table in Properties.Locations)
        {
            var coordinates = new int[3 * table.Count];
            locations.ReadBox(new Extent(0, 0, checked((int)table.Offset)), new Extent(1, 1, table.Count), coordinates.AsSpan());
            lists.Add(new ClassLocations(table.Key, table.Voxels, coordinates));
        }

        return new PreprocessedCase(Shape, Channels, voxels, map, lists, Properties);
    }

    /// <summary>Reads every value and compares the checksums.</summary>
    /// <exception cref="SharpSegException">A file is damaged.</exception>
    public void Verify()
    {
        image.Verify();
        labels.Verify();
        locations.Verify();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        image.Dispose();
        labels.Dispose();
        locations.Dispose();
    }

    internal static string PropertiesPath(string folder, string caseId) => Path.Combine(folder, caseId + ".json");

    private static void SaveLabels(string path, PreprocessedCase preprocessed)
    {
        short highest = 0;
        var labels = preprocessed.Labels.AsMemory(0, checked((int)preprocessed.Shape.Voxels));
        foreach (var label in labels.Span)
        {
            highest = Math.Max(highest, label);
        }

        if (highest > sbyte.MaxValue)
        {
            StoredArray.Write<short>(path, StoredElement.Int16, preprocessed.Shape, 1, labels);
            return;
        }

        var narrow = new sbyte[labels.Length];
        for (var i = 0; i < narrow.Length; i++)
        {
            narrow[i] = (sbyte)labels.Span[i];
        }

        StoredArray.Write<sbyte>(path, StoredElement.Int8, preprocessed.Shape, 1, narrow);
    }

    private static void Check(
        string path, CaseProperties properties, StoredArray image, StoredArray labels, StoredArray locations)
    {
        var hasTypes = image.Element == StoredElement.Float32 && labels.Element is StoredElement.Int8 or StoredElement.Int16
            && locations.Element == StoredElement.Int32 && locations.Channels == 3 && labels.Channels == 1;
        if (!hasTypes || image.Shape != properties.Shape
            || labels.Shape != properties.Shape || image.Channels != properties.Channels)
        {
            throw new SharpSegException(
                $"`{path}` says {properties.Shape} voxels of {properties.Channels} channels, the image file {image.Shape} of "
                    + $"{image.Channels}, the label file {labels.Shape}",
                "run `sharpseg preprocess` again");
        }

        foreach (var table in properties.Locations)
        {
            if (table.Offset < 0 || table.Count < 0 || table.Offset > locations.Shape.X - table.Count)
            {
                throw new SharpSegException(
                    $"`{path}`: class {table.Key} has voxels {table.Offset} to {table.Offset + table.Count} of "
                        + $"{locations.Shape.X}",
                    "run `sharpseg preprocess` again");
            }
        }
    }
}
