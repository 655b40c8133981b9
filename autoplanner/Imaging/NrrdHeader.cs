using System.Globalization;
using System.Text;

namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>
/// The text header of an NRRD file: a magic line, fields `name: value`, pairs `key:=value`, comments, a blank line. Source:
/// "Definition of NRRD file format" (teem.sourceforge.net/nrrd). At most one axis holds channels: its kind is no space or domain,
/// or its direction is `none`.
/// </summary>
internal sealed class NrrdHeader
{
    private static readonly Dictionary<VoxelType, string[]> TypeNames = new()
    {
        [VoxelType.Int8] = ["int8", "signed char", "int8_t"],
        [VoxelType.UInt8] = ["uint8", "uchar", "unsigned char", "uint8_t"],
        [VoxelType.Int16] = ["int16", "short", "short int", "signed short", "signed short int", "int16_t"],
        [VoxelType.UInt16] = ["uint16", "ushort", "unsigned short", "unsigned short int", "uint16_t"],
        [VoxelType.Int32] = ["int32", "int", "signed int", "int32_t"],
        [VoxelType.UInt32] = ["uint32", "uint", "unsigned int", "uint32_t"],
        [VoxelType.Int64] =
            ["int64", "longlong", "long long", "long long int", "signed long long", "signed long long int", "int64_t"],
        [VoxelType.UInt64] = ["uint64", "ulonglong", "unsigned long long", "unsigned long long int", "uint64_t"],
        [VoxelType.Float32] = ["float"],
        [VoxelType.Float64] = ["double"],
    };

    // One entry an axis: a channel axis is cut out of them for outputs.
    private static readonly HashSet<string> PerAxis =
        ["sizes", "spacings", "thicknesses", "axis mins", "axismins", "axis maxs", "axismaxs", "centers", "centerings", "labels",
            "units", "kinds", "space directions"];

    // What describes the stored values, not the geometry: rewritten for outputs.
    private static readonly HashSet<string> OfTheValues =
    [
        "type", "dimension", "encoding", "endian", "min", "max", "old min", "oldmin", "old max", "oldmax", "block size",
        "blocksize", "byte skip", "byteskip",
        "line skip", "lineskip", "content", "sample units", "sampleunits", "number",
    ];

    private readonly string path;
    private readonly List<string> lines;
    private readonly Dictionary<string, string> fields = [];

    private NrrdHeader(string path, List<string> lines)
    {
        this.path = path;
        this.lines = lines;
        foreach (var line in lines.Skip(1))
        {
            if (FieldOf(line) is var (name, value) && name.Length > 0)
            {
                fields[name] = value;
            }
        }

        Sizes = HeaderNumbers.Whole(path, "sizes", Needed("sizes"), Dimension());
        var directions = Find("space directions") is { } text ? Vectors("space directions", text) : null;
        var kinds = Find("kinds") is { } list ? HeaderNumbers.Words(list) : null;
        if ((directions?.Length ?? Sizes.Length) != Sizes.Length || (kinds?.Length ?? Sizes.Length) != Sizes.Length)
        {
            throw new SharpSegException(
                $"`{path}`: `space directions` or `kinds` does not have {Sizes.Length} entries, one an axis",
                "the header is damaged");
        }

        var candidates = Enumerable.Range(0, Sizes.Length).Where(axis =>
            (directions is not null && directions[axis] is null)
                || (kinds is not null && kinds[axis] is not ("domain" or "space" or "???" or "none"))).ToArray();
        ChannelAxis = candidates.Length > 0 ? candidates[0] : Sizes.Length == 4 ? 3 : null;
        if (candidates.Length > 1 || Sizes.Length - (ChannelAxis is null ? 0 : 1) is not (2 or 3))
        {
            throw new SharpSegException(
                $"`{path}`: {Sizes.Length} axes, {candidates.Length} of them not spatial; 2 or 3 spatial ones and one for "
                    + "channels are supported");
        }

        SpatialAxes = [.. Enumerable.Range(0, Sizes.Length).Where(axis => axis != ChannelAxis)];
        Directions = directions is null ? null : [.. SpatialAxes.Select(axis => directions[axis]!)];
        var typeName = Needed("type");
        Type = TypeNames.Any(pair => pair.Value.Contains(typeName))
            ? TypeNames.First(pair => pair.Value.Contains(typeName)).Key
            : throw new SharpSegException(
                $"`{path}`: type `{typeName}` is not supported", "store integers or floats of 8 to 64 bits");
    }

    // Abbreviations, and what differs in nothing that concerns images: a time axis that none of them has.
    private static readonly Dictionary<string, string> Spaces = new(StringComparer.OrdinalIgnoreCase)
    {
        ["right-anterior-superior"] = "right-anterior-superior",
        ["RAS"] = "right-anterior-superior",
        ["left-anterior-superior"] = "left-anterior-superior",
        ["LAS"] = "left-anterior-superior",
        ["left-posterior-superior"] = "left-posterior-superior",
        ["LPS"] = "left-posterior-superior",
        ["right-anterior-superior-time"] = "right-anterior-superior",
        ["RAST"] = "right-anterior-superior",
        ["left-anterior-superior-time"] = "left-anterior-superior",
        ["LAST"] = "left-anterior-superior",
        ["left-posterior-superior-time"] = "left-posterior-superior",
        ["LPST"] = "left-posterior-superior",
        ["scanner-xyz"] = "scanner-xyz",
        ["scanner-xyz-time"] = "scanner-xyz",
        ["3D-right-handed"] = "3D-right-handed",
        ["3D-right-handed-time"] = "3D-right-handed",
        ["3D-left-handed"] = "3D-left-handed",
        ["3D-left-handed-time"] = "3D-left-handed",
    };

    /// <summary>Length of every axis, fastest first.</summary>
    public long[] Sizes { get; }

    /// <summary>The axis that holds channels, or null.</summary>
    public int? ChannelAxis { get; }

    /// <summary>The other axes: x, y and, unless flat, z.</summary>
    public int[] SpatialAxes { get; }

    /// <summary>Type of the stored values.</summary>
    public VoxelType Type { get; }

    /// <summary>Byte order of the stored values; matters not for single bytes.</summary>
    public bool LittleEndian => Find("endian") switch
    {
        "little" => true,
        "big" => false,
        null when VoxelCodec.Size(Type) == 1 => true,
        var other => throw new SharpSegException($"`{path}`: `endian` is `{other}`, not little or big", "the header is damaged"),
    };

    /// <summary>The voxels are gzip data.</summary>
    public bool Compressed => Needed("encoding") switch
    {
        "raw" => false,
        "gzip" or "gz" => true,
        var other =>
            throw new SharpSegException($"`{path}`: encoding `{other}` is not supported", "store it with encoding raw or gzip"),
    };

    /// <summary>Lines between header and data.</summary>
    public long LineSkip => Skip("line skip", "lineskip");

    /// <summary>Bytes before the voxels, after decompression; −1 if the voxels are the last bytes.</summary>
    public long ByteSkip => Skip("byte skip", "byteskip");

    /// <summary>The header as stored, without the blank line.</summary>
    public byte[] Bytes => Encoding.Latin1.GetBytes(string.Join('\n', lines) + "\n");

    private double[][]? Directions { get; }

    /// <summary>Reads the header; leaves the source after the blank line.</summary>
    public static NrrdHeader Read(ByteSource source)
    {
        Span<byte> magic = stackalloc byte[4];
        if (source.ReadUpTo(magic) < 4 || !magic.SequenceEqual("NRRD"u8))
        {
            throw new SharpSegException($"`{source.Path}`: not an NRRD file: it does not start with `NRRD`");
        }

        var lines = new List<string> { "NRRD" + source.ReadLine() };
        for (var line = source.ReadLine(); line.Length > 0; line = source.ReadLine())
        {
            lines.Add(line);
        }

        var header = new NrrdHeader(source.Path, lines);
        return (header.Find("data file") ?? header.Find("datafile")) is { } detached
            ? throw new SharpSegException(
                $"`{source.Path}`: its voxels are in another file (`{detached}`), which is not supported",
                "convert it to one .nrrd file")
            : header;
    }

    /// <summary>
    /// Header text for an output of one value a voxel: fields that describe the geometry as they were, the others rewritten.
    /// </summary>
    public static string ForOutput(ImageGeometry geometry, VoxelType type)
    {
        var text = new StringBuilder();
        void Add(string line) => text.Append(line).Append('\n');
        var extent = geometry.Extent;
        if (geometry.Format == "nrrd")
        {
            var header = new NrrdHeader(
                "header", [.. Encoding.Latin1.GetString(geometry.RawHeader).Split('\n', StringSplitOptions.RemoveEmptyEntries)]);
            Add(header.lines[0]);
            Describe(header.SpatialAxes.Length);
            foreach (var line in header.lines.Skip(1))
            {
                var (name, value) = FieldOf(line);
                if (!OfTheValues.Contains(name))
                {
                    Add(header.ChannelAxis is { } channel && PerAxis.Contains(name)
                        ? $"{name}: {string.Join(' ', Entries(value).Where((_, axis) => axis != channel))}"
                        : line);
                }
            }
        }
        else
        {
            // Spacings alone say nothing of an origin or turned axes, and no space of two dimensions has a name that would.
            var spacing = geometry.Spacing;
            var flat = ImageFormat.IsFlat(geometry)
                && geometry.Affine.AsSpan(0, 8).SequenceEqual([spacing.X, 0, 0, 0, 0, spacing.Y, 0, 0]);
            var axes = flat ? 2 : 3;
            Add("NRRD0004");
            Describe(axes);
            Add($"sizes: {extent.X} {extent.Y}{(flat ? "" : $" {extent.Z}")}");
            if (flat)
            {
                Add($"spacings: {HeaderNumbers.Text([spacing.X, spacing.Y])}");
            }
            else
            {
                var (directions, origin) = PatientSpace.Directions(geometry, "left-posterior-superior");
                double[] scale = [spacing.X, spacing.Y, spacing.Z];
                Add("space: left-posterior-superior");
                Add(
                    "space directions: "
                        + $"{string.Join(' ', directions.Select((axis, i) => Vector(axis.Select(value => value * scale[i]))))}");
                Add($"space origin: {Vector(origin)}");
            }
        }

        return text.Append('\n').ToString();

        void Describe(int axes)
        {
            Add($"type: {TypeNames[type][0]}");
            Add($"dimension: {axes}");
            Add("encoding: gzip");
            Add("endian: little");
        }
    }

    /// <summary>Size of a voxel per spatial axis, x first, mm; 1 where the header has none.</summary>
    public double[] Spacing()
    {
        if (Directions is not null)
        {
            var units = SpaceUnits();
            return [
                .. Directions.Select(
                    direction => Math.Sqrt(direction.Select((value, row) => value * units[row]).Sum(value => value * value)))];
        }

        if (Find("spacings") is not { } text)
        {
            return [.. SpatialAxes.Select(_ => 1.0)];
        }

        var all = HeaderNumbers.Real(path, "spacings", text, Sizes.Length);
        var perAxis = Find("units") is { } list ? Entries(list) : [];
        return [.. SpatialAxes.Select(axis => all[axis] * (axis < perAxis.Count ? Millimetres(perAxis[axis]) : 1))];
    }

    /// <summary>
    /// Voxel (x, y, z) to mm in NIfTI's directions, 3 rows of 4, as they count: by the directions, by the spacing alone.
    /// </summary>
    /// <param name="usable">mm.</param>
    public IReadOnlyList<(string Name, double[] Affine)> Affines(Spacing usable)
    {
        var space = Find("space") is not { } name ? "" : Spaces.TryGetValue(name, out var known)
            ? known
            : throw new SharpSegException(
                $"`{path}`: the space `{name}` is not known", $"write one of {string.Join(", ", Spaces.Values.Distinct())}");
        var axes = SpatialAxes.Length;
        double[][] Along(int rows) =>
            [.. Enumerable.Range(0, axes)
                .Select(i => Enumerable.Range(0, rows).Select(row => row == i ? usable[2 - i] : 0).ToArray())];
        if (Directions is null)
        {
            var origin = Origin(axes, [.. Enumerable.Repeat(1.0, axes)]);
            return [("spacings", PatientSpace.Affine(Along(axes), origin, space))];
        }

        // A slice cut out of a volume has two axes in a space of three dimensions; a time axis comes last.
        var dimension = Directions[0].Length;
        var rows = Math.Min(dimension, 3);
        if (dimension < axes || Directions.Any(direction => direction.Length != dimension))
        {
            throw new SharpSegException(
                $"`{path}`: `space directions` does not have {axes} numbers or more a vector, all alike",
                "the header is damaged");
        }

        var units = SpaceUnits();
        double[] place = [.. Origin(dimension, units).Take(rows)];
        double[][] directions =
            [.. Directions.Select(direction => direction.Take(rows).Select((value, row) => value * units[row]).ToArray())];
        return [
            ("matrix of space directions", PatientSpace.Affine(directions, place, space)),
            ("spacings", PatientSpace.Affine(Along(rows), place, space)),
        ];
    }

    private double[] Origin(int dimension, double[] units)
    {
        if (Find("space origin") is not { } text || Vectors("space origin", text) is not [{ } origin])
        {
            return new double[dimension];
        }

        return origin.Length == dimension
            ? [.. origin.Select((value, row) => value * units[row])]
            : throw new SharpSegException($"`{path}`: `space origin` does not have {dimension} numbers", "the header is damaged");
    }

    /// <summary>Millimetres of a unit along each dimension of the space.</summary>
    private double[] SpaceUnits()
    {
        var words = Find("space units") is { } list ? Entries(list) : [];
        return [
            .. Enumerable.Range(0, Directions!.Max(direction => direction.Length))
            .Select(row => row < words.Count ? Millimetres(words[row]) : 1)];
    }

    private static double Millimetres(string unit) => unit.Trim('"').Trim() switch
    {
        "nm" => 1e-6,
        "um" or "\u00b5m" or "\u03bcm" or "micron" or "micrometer" or "micrometre" => 1e-3,
        "cm" => 10,
        "m" or "meter" or "metre" => 1000,
        _ => 1, // millimetres, or nothing that a length could be
    };

    private static (string Name, string Value) FieldOf(string line)
    {
        var at = line.IndexOf(": ", StringComparison.Ordinal);
        return line.StartsWith('#') || at < 0 || line[..at].Contains(":=", StringComparison.Ordinal)
            ? ("", "")
            : (line[..at].Trim().ToLowerInvariant(), line[(at + 2)..].Trim());
    }

    // Words, quoted texts and vectors (which may contain blanks) of a per-axis field.
    private static List<string> Entries(string value)
    {
        var entries = new List<string>();
        for (var i = 0; i < value.Length;)
        {
            if (char.IsWhiteSpace(value[i]))
            {
                i++;
                continue;
            }

            var close = value[i] switch { '(' => ')', '"' => '"', _ => ' ' };
            var end = value.IndexOf(close, i + 1);
            end = end < 0 ? value.Length : close == ' ' ? end : end + 1;
            entries.Add(value[i..end]);
            i = end;
        }

        return entries;
    }

    private static string Vector(IEnumerable<double> values) =>
        $"({string.Join(',', values.Select(value => value.ToString("R", CultureInfo.InvariantCulture)))})";

    private int Dimension()
    {
        var dimension = HeaderNumbers.Whole(path, "dimension", Needed("dimension"), 1)[0];
        return dimension is >= 2 and <= 4
            ? (int)dimension
            : throw new SharpSegException($"`{path}`: {dimension} axes; 2 to 4 are supported");
    }

    // One vector an axis; null for `none`.
    private double[]?[] Vectors(string key, string text) => [.. Entries(text).Select(entry => entry == "none"
        ? null
        : HeaderNumbers.Real(path, key, entry.Trim('(', ')').Replace(',', ' ')))];

    private long Skip(string name, string other)
    {
        var value = (Find(name) ?? Find(other)) is { } text ? HeaderNumbers.Whole(path, name, text, 1)[0] : 0;
        return value >= -1 && value <= 1 << 30
            ? value
            : throw new SharpSegException($"`{path}`: `{name}` is {value}", "the header is damaged");
    }

    private string Needed(string name) =>
        Find(name)
            ?? throw new SharpSegException($"`{path}`: the field `{name}` is missing in its header", "the header is damaged");

    private string? Find(string name) => fields.GetValueOrDefault(name);
}
