using System.Text;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>
/// The text header of a MetaImage file: lines `Key = Value` up to `ElementDataFile`, kept in order. Source: MetaIO documentation
/// (itk.org); its coordinates are left, posterior, superior.
/// </summary>
internal sealed class MetaImageHeader
{
    private static readonly Dictionary<string, VoxelType> Types = new()
    {
        ["MET_CHAR"] = VoxelType.Int8,
        ["MET_UCHAR"] = VoxelType.UInt8,
        ["MET_SHORT"] = VoxelType.Int16,
        ["MET_USHORT"] = VoxelType.UInt16,
        ["MET_INT"] = VoxelType.Int32,
        ["MET_UINT"] = VoxelType.UInt32,
        ["MET_LONG_LONG"] = VoxelType.Int64,
        ["MET_ULONG_LONG"] = VoxelType.UInt64,
        ["MET_FLOAT"] = VoxelType.Float32,
        ["MET_DOUBLE"] = VoxelType.Float64,
    };

    // What describes the stored values, not the geometry: rewritten for outputs.
    private static readonly HashSet<string> OfTheValues =
    [
        "CompressedData", "CompressedDataSize", "BinaryData", "BinaryDataByteOrderMSB", "ElementByteOrderMSB",
        "ElementNumberOfChannels", "ElementMin",
        "ElementMax", "ElementType", "ElementDataFile", "HeaderSize", "Modality",
    ];

    private readonly string path;
    private readonly List<(string Key, string Value)> lines;

    private MetaImageHeader(string path, List<(string Key, string Value)> lines)
    {
        this.path = path;
        this.lines = lines;
    }

    /// <summary>Number of axes, 2 to 4.</summary>
    public int Axes { get; private init; }

    /// <summary>Length of each axis, x first.</summary>
    public long[] Size { get; private init; } = [];

    /// <summary>Values stored together at each position.</summary>
    public long Interleaved { get; private init; }

    /// <summary>Type of the stored values.</summary>
    public VoxelType Type { get; private init; }

    /// <summary>Byte order of the stored values.</summary>
    public bool LittleEndian => !Flag("BinaryDataByteOrderMSB") && !Flag("ElementByteOrderMSB");

    /// <summary>The voxels are zlib data.</summary>
    public bool Compressed => Flag("CompressedData");

    /// <summary>LOCAL, or the name of the file with the voxels.</summary>
    public string DataFile => Find("ElementDataFile")!;

    /// <summary>Bytes of the compressed voxels; null if the header does not say.</summary>
    public long? CompressedSize =>
        Find("CompressedDataSize") is not { } text ? null : HeaderNumbers.Whole(path, "CompressedDataSize", text, 1)[0];

    /// <summary>Bytes before the voxels in their file; −1 if the voxels are its last bytes.</summary>
    public long HeaderSize => Find("HeaderSize") is not { } text ? 0
        : HeaderNumbers.Whole(path, "HeaderSize", text, 1)[0] is >= -1 and <= 1 << 30 and var size ? size
        : throw new SharpSegException($"`{path}`: `HeaderSize` is {text}", "the header is damaged");

    /// <summary>The header as stored.</summary>
    public byte[] Bytes => Encoding.Latin1.GetBytes(string.Concat(lines.Select(line => $"{line.Key} = {line.Value}\n")));

    /// <summary>Reads lines up to and with `ElementDataFile`; leaves the source at the voxels of a LOCAL file.</summary>
    public static MetaImageHeader Read(ByteSource source)
    {
        var lines = new List<(string Key, string Value)>();
        while (true)
        {
            var line = source.ReadLine();
            var at = line.IndexOf('=', StringComparison.Ordinal);
            if (at < 0 && string.IsNullOrWhiteSpace(line) && lines.Count > 0)
            {
                continue;
            }

            var key = at < 0 ? "" : line[..at].Trim();
            if (key.Length == 0 || key.Any(letter => letter is < ' ' or > '~'))
            {
                throw new SharpSegException(
                    $"`{source.Path}`: not a MetaImage file: line {lines.Count + 1} of its header is not `Key = Value`");
            }

            lines.Add((key, line[(at + 1)..].Trim()));
            if (key == "ElementDataFile")
            {
                return Create(source.Path, lines);
            }
        }
    }

    /// <summary>The header of an image that was read before.</summary>
    public static MetaImageHeader FromBytes(byte[] bytes) => Create("header", [.. Encoding.Latin1.GetString(bytes)
        .Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Select(
            line =>
                line.IndexOf('=', StringComparison.Ordinal) is var at ? (line[..at].Trim(), line[(at + 1)..].Trim()) : default)]);

    /// <summary>
    /// Header text for an output of one value a voxel: lines that describe the geometry as they were, the others rewritten.
    /// </summary>
    public static string ForOutput(ImageGeometry geometry, VoxelType type, int compressedBytes)
    {
        var extent = geometry.Extent;
        var text = new StringBuilder();
        void Add(string key, string value) => text.Append(key).Append(" = ").Append(value).Append('\n');
        if (geometry.Format == "metaimage")
        {
            var header = FromBytes(geometry.RawHeader);
            foreach (var (key, value) in header.lines.Where(line => !OfTheValues.Contains(line.Key)))
            {
                Add(key, header.Axes <= 3 ? value : Cut(key, value));
            }
        }
        else
        {
            var flat = ImageFormat.IsFlat(geometry);
            var axes = flat ? 2 : 3;
            var (directions, origin) = PatientSpace.Directions(geometry, "left-posterior-superior");
            Add("ObjectType", "Image");
            Add("NDims", $"{axes}");
            Add("TransformMatrix", HeaderNumbers.Text(directions.Take(axes).SelectMany(direction => direction.Take(axes))));
            Add("Offset", HeaderNumbers.Text(origin.Take(axes)));
            Add(
                "ElementSpacing",
                HeaderNumbers.Text(new[] { geometry.Spacing.X, geometry.Spacing.Y, geometry.Spacing.Z }.Take(axes)));
            Add("DimSize", flat ? $"{extent.X} {extent.Y}" : $"{extent.X} {extent.Y} {extent.Z}");
        }

        Add("BinaryData", "True");
        Add("BinaryDataByteOrderMSB", "False");
        Add("CompressedData", "True");
        Add("CompressedDataSize", $"{compressedBytes}");
        Add("ElementType", Types.First(pair => pair.Value == type).Key);
        Add("ElementDataFile", "LOCAL");
        return text.ToString();
    }

    /// <summary>Size of a voxel per axis, x first, mm; 1 where the header has none.</summary>
    public double[] Spacing() => First("ElementSpacing", "ElementSize") is not { } text
        ? [.. Enumerable.Repeat(1.0, Axes)]
        : [.. HeaderNumbers.Real(path, "ElementSpacing", text, Axes).Select(value => value * Millimetres)];

    // MetaIO's unit of all lengths.
    private double Millimetres => Find("DistanceUnits") switch
    {
        "um" => 1e-3,
        "cm" => 10,
        _ => 1,
    };

    /// <summary>
    /// Voxel (x, y, z) to mm in NIfTI's directions, 3 rows of 4, as they count: by the matrix, by the spacing alone.
    /// </summary>
    /// <param name="spacing">mm, usable.</param>
    public IReadOnlyList<(string Name, double[] Affine)> Affines(Spacing spacing)
    {
        double[] along = Enumerable.Range(0, Axes * Axes).Select(i => i % (Axes + 1) == 0 ? 1.0 : 0).ToArray();
        return First("TransformMatrix", "Rotation", "Orientation") is { } text
            ? [
                ("TransformMatrix", Affine(HeaderNumbers.Real(path, "TransformMatrix", text, Axes * Axes), spacing)),
                ("ElementSpacing", Affine(along, spacing)),
            ]
            : [("ElementSpacing", Affine(along, spacing))];
    }

    private double[] Affine(double[] matrix, Spacing spacing)
    {
        var offset = First("Offset", "Origin", "Position") is { } origin
            ? HeaderNumbers.Real(path, "Offset", origin, Axes)
            : new double[Axes];
        var spatial = Math.Min(3, Axes);
        var columns = new double[spatial][];
        for (var axis = 0; axis < spatial; axis++)
        {
            // Axes consecutive numbers are one axis' direction.
            columns[axis] = [.. Enumerable.Range(0, spatial).Select(row => matrix[(axis * Axes) + row] * spacing[2 - axis])];
        }

        return PatientSpace.Affine(
            columns, [.. offset.Take(spatial).Select(value => value * Millimetres)], "left-posterior-superior");
    }

    // Drops a fourth axis, which held channels.
    private static string Cut(string key, string value)
    {
        var words = HeaderNumbers.Words(value);
        return key switch
        {
            "NDims" => "3",
            "TransformMatrix" or "Rotation" or "Orientation" => string.Join(' ', words.Where((_, i) => i / 4 < 3 && i % 4 < 3)),
            "Offset" or "Origin" or "Position" or "CenterOfRotation" or "ElementSpacing" or "ElementSize" or "DimSize" =>
                string.Join(' ', words.Take(3)),
            _ => value,
        };
    }

    private static MetaImageHeader Create(string path, List<(string Key, string Value)> lines)
    {
        var header = new MetaImageHeader(path, lines);
        var axes = HeaderNumbers.Whole(path, "NDims", header.Needed("NDims"), 1)[0];
        if (axes is < 2 or > 4)
        {
            throw new SharpSegException($"`{path}`: {axes} axes; 2 to 4 are supported");
        }

        if (header.Find("BinaryData") is { } binary && !binary.StartsWith('T') && !binary.StartsWith('t'))
        {
            throw new SharpSegException($"`{path}`: voxels as text are not supported", "store them as binary data");
        }

        var type = header.Needed("ElementType");
        return new(path, lines)
        {
            Axes = (int)axes,
            Size = HeaderNumbers.Whole(path, "DimSize", header.Needed("DimSize"), (int)axes),
            Interleaved = header.Find("ElementNumberOfChannels") is { } text
                ? HeaderNumbers.Whole(path, "ElementNumberOfChannels", text, 1)[0]
                : 1,
            Type = Types.TryGetValue(type, out var known)
                ? known
                : throw new SharpSegException(
                    $"`{path}`: element type `{type}` is not supported", $"supported: {string.Join(", ", Types.Keys)}"),
        };
    }

    private bool Flag(string key) => Find(key) is { } value && (value.StartsWith('T') || value.StartsWith('t') || value == "1");

    private string Needed(string key) =>
        Find(key) ?? throw new SharpSegException(
            $"`{path}`: the key `{key}` is missing in its header", "this is no MetaImage file, or it is damaged");

    private string? First(params string[] keys) => keys.Select(Find).FirstOrDefault(value => value is not null);

    private string? Find(string key) => lines.Where(line => line.Key == key).Select(line => line.Value).FirstOrDefault();
}
