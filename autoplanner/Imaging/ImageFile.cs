using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>
/// Reads and writes images of every supported format; the ending of the name picks the format. Files are untrusted: whatever is
/// in them, the answer is an image or a <see cref="SharpSegException"/>, and memory stays proportional to the data that are
/// really there.
/// </summary>
internal static class ImageFile
{
    // A stored label may be off by rounding of a scaled or resampled float, not more (docs/method/datasets.md §6.4).
    private const double LabelTolerance = 1e-3;

    private static readonly ImageFormat[] Formats =
        [new NiftiFormat(), new PngFormat(), new MetaImageFormat(), new NrrdFormat(), new TiffFormat(), new BmpFormat(),
            new JpegFormat()];

    private static readonly SimpleItkFormat Foreign = new();

    /// <summary>All endings that can be read without SimpleITK, lower case, with the leading dot.</summary>
    public static IReadOnlyList<string> Endings { get; } = [.. Formats.SelectMany(format => format.Endings)];

    /// <summary>Those of <see cref="Endings"/> that keep every value, so that they can hold labels.</summary>
    public static IReadOnlyList<string> LosslessEndings { get; } =
        [.. Formats.Where(format => format is not JpegFormat).SelectMany(format => format.Endings)];

    /// <summary>False for a name whose format changes the values it stores.</summary>
    public static bool KeepsValues(string path) => !Formats.Any(format => format is JpegFormat && Has(format, path));

    /// <summary>False for a name whose format holds one plane only.</summary>
    public static bool HoldsVolumes(string path) =>
        !Formats.Any(format => format is (PngFormat or BmpFormat or JpegFormat) && Has(format, path));

    /// <summary>The supported ending of a file name (".nii.gz" for "a.NII.GZ"), or null.</summary>
    public static string? EndingOf(string path) =>
        Endings.FirstOrDefault(ending => path.EndsWith(ending, StringComparison.OrdinalIgnoreCase));

    /// <summary>True if two names belong to one of our own formats, e.g. .nii and .nii.gz.</summary>
    public static bool IsSameFormat(string path, string other) => Formats.Any(format => Has(format, path) && Has(format, other));

    /// <summary>True if a file with this name can be read: by us, or by SimpleITK where it is installed.</summary>
    public static bool CanRead(string path) => EndingOf(path) is not null || SimpleItk.Installed is not null;

    /// <summary>One line for a file that cannot be read.</summary>
    internal static SharpSegException Unknown(string path) => File.Exists(path) && DicomSeries.IsDicom(path)
        ? new(
            $"`{path}`: one file of a DICOM series",
            $"give the folder that holds the files of the series: `{Path.GetDirectoryName(Path.GetFullPath(path))}`")
        : new(
            $"`{path}`: unknown image format",
            $"supported endings: {string.Join(", ", Endings)}; with SimpleITK installed, also ITK's");

    /// <summary>Reads an image: float32 channels (z, y, x), scaled by the file's slope and intercept.</summary>
    /// <exception cref="SharpSegException">The file is missing, unsupported or damaged.</exception>
    public static MedicalImage Read(string path) => FormatOf(path).Read(path);

    /// <summary>Hands an image's values on in pieces; formats that compress planes or tiles are read as a whole.</summary>
    /// <exception cref="SharpSegException">The file is missing, unsupported or damaged.</exception>
    public static ImageHeader Stream(string path, BeginVoxels begin) => FormatOf(path).Stream(path, labels: false, begin);

    /// <summary>Whether <see cref="Stream"/> reads a file without holding all of it.</summary>
    public static bool CanStream(string path) => FormatOf(path) is NiftiFormat or MetaImageFormat or NrrdFormat;

    /// <summary>
    /// Bytes at the peak of reading a channel: while a compressed file has not been believed, its array grows, and what was there
    /// before is there twice.
    /// </summary>
    /// <param name="bytes">Of the array.</param>
    public static long ReadingBytes(long bytes) => bytes + (bytes / ChannelArrays<byte>.BelievedShare);

    /// <summary>Reads only the header of an image.</summary>
    /// <exception cref="SharpSegException">The file is missing, unsupported or damaged.</exception>
    public static ImageGeometry ReadGeometry(string path) => ReadHeader(path).Geometry;

    /// <summary>Number of channels, from the header.</summary>
    /// <exception cref="SharpSegException">The file is missing, unsupported or damaged.</exception>
    public static int ChannelCount(string path) => ReadHeader(path).Channels;

    /// <summary>
    /// Reads a label map: one channel whose values are whole numbers up to 1e-3 (they may be stored as floats).
    /// </summary>
    /// <exception cref="SharpSegException">
    /// The file is missing, unsupported or damaged, has several channels, or values that are no labels.
    /// </exception>
    public static LabelImage ReadLabels(string path)
    {
        ChannelArrays<short>? labels = null;
        var header = FormatOf(path).Stream(path, labels: true, (header, isBelieved) =>
        {
            RequireOneChannel(path, header.Channels);
            var own = labels = new ChannelArrays<short>(path, header, isBelieved);
            return (_, first, values) => ToLabels(values, own.Room(0, first, values.Length), path, first, header.Geometry.Extent);
        });
        return new(header.Geometry, labels!.Channels[0]);
    }

    /// <summary>
    /// Writes a label map with the geometry of the image it belongs to; the header of the same format is copied byte for byte
    /// except for what describes the values. Values are stored as unsigned bytes if the dataset's highest label allows, else as
    /// unsigned words.
    /// </summary>
    /// <param name="path">The file; its ending picks the format.</param>
    /// <param name="labels">(z, y, x) of the geometry, each from 0 to <paramref name="highestLabel"/>.</param>
    /// <param name="geometry">From the first channel's file.</param>
    /// <param name="highestLabel">The highest label of the dataset, so that all its cases get one type.</param>
    /// <exception cref="SharpSegException">Unsupported ending, or the file cannot be written.</exception>
    public static void WriteLabels(string path, short[] labels, ImageGeometry geometry, int highestLabel)
    {
        CheckLength(labels.Length, geometry);
        foreach (var label in labels)
        {
            if (label < 0 || label > highestLabel)
            {
                throw new ArgumentException($"label {label} outside 0..{highestLabel}", nameof(labels));
            }
        }

        FormatOf(path).WriteLabels(path, labels, geometry, highestLabel <= byte.MaxValue ? VoxelType.UInt8 : VoxelType.UInt16);
    }

    /// <summary>Writes one channel of float32 values with the geometry of an image.</summary>
    /// <param name="path">The file; its ending picks the format.</param>
    /// <param name="voxels">(z, y, x) of the geometry.</param>
    /// <param name="geometry">From the file it belongs to.</param>
    /// <exception cref="SharpSegException">Unsupported ending, or the file cannot be written.</exception>
    public static void WriteFloats(string path, ReadOnlySpan<float> voxels, ImageGeometry geometry)
    {
        CheckLength(voxels.Length, geometry);
        FormatOf(path).WriteFloats(path, voxels, geometry);
    }

    /// <summary>The files that an image consists of: itself and, where the voxels lie beside the header, theirs.</summary>
    internal static IEnumerable<string> FilesOf(string path)
    {
        string? data = null;
        try
        {
            data = File.Exists(path) ? FormatOf(path).DataFile(path) : null;
        }
        catch (SharpSegException)
        {
            // A damaged header is reported where the image is read.
        }

        return data is null ? [path] : [path, data];
    }

    /// <summary>The files that writing an image replaces: itself and, of a TIFF volume, the one with its spacing.</summary>
    internal static IEnumerable<string> FilesWritten(string path) =>
        FormatOf(path).WrittenBeside(path) is { } beside ? [path, beside] : [path];

    /// <summary>Geometry, channel count and what is wrong with the spacing.</summary>
    internal static ImageHeader ReadHeader(string path) => Path.Exists(path)
        ? FormatOf(path).ReadHeader(path)
        : throw new SharpSegException($"`{path}`: no such file"); // whatever it is named

    /// <summary>A label file's values before rounding, one channel.</summary>
    internal static MedicalImage ReadLabelValues(string path)
    {
        var image = FormatOf(path).ReadLabelValues(path);
        RequireOneChannel(path, image.Channels.Count);
        return image;
    }

    /// <summary>True if a value counts as the whole number nearest to it.</summary>
    internal static bool IsWhole(float value) => Math.Abs(value - Math.Round((double)value)) <= LabelTolerance;

    private static void ToLabels(ReadOnlySpan<float> values, Span<short> labels, string path, long first, Extent extent)
    {
        for (var i = 0; i < values.Length; i++)
        {
            var rounded = MathF.Round(values[i]);
            if (!(Math.Abs(values[i] - (double)rounded) <= LabelTolerance) || rounded is < short.MinValue or > short.MaxValue)
            {
                throw new SharpSegException(
                    $"`{path}`: the value {values[i]} at voxel (z, y, x) = {Position((int)(first + i), extent)} is not a label",
                    "labels are whole numbers from 0 to 32767; was an image given as a label?");
            }

            labels[i] = (short)rounded;
        }
    }

    private static void RequireOneChannel(string path, int channels)
    {
        if (channels != 1)
        {
            throw new SharpSegException(
                $"`{path}`: {channels} channels; a label file has one", "was an image given as a label?");
        }
    }

    private static string Position(int index, Extent extent)
    {
        var plane = extent.Y * extent.X;
        return $"({index / plane}, {index % plane / extent.X}, {index % extent.X})";
    }

    private static void CheckLength(int length, ImageGeometry geometry)
    {
        if (length != geometry.Extent.Voxels)
        {
            throw new ArgumentException($"{length} values for an image of {geometry.Extent}");
        }
    }

    private static bool Has(ImageFormat format, string path) =>
        format.Endings.Any(ending => path.EndsWith(ending, StringComparison.OrdinalIgnoreCase));

    private static ImageFormat FormatOf(string path)
    {
        if (Array.Find(Formats, format => Has(format, path)) is { } known)
        {
            return known;
        }

        if (path.EndsWith(".hdr", StringComparison.OrdinalIgnoreCase)
            || path.EndsWith(".img", StringComparison.OrdinalIgnoreCase))
        {
            throw new SharpSegException($"`{path}`: .hdr/.img pairs are not supported", "convert it to a single .nii.gz file");
        }

        if (path.EndsWith(".nhdr", StringComparison.OrdinalIgnoreCase))
        {
            throw new SharpSegException(
                $"`{path}`: NRRD headers with their voxels in another file are not supported", "convert it to one .nrrd file");
        }

        return SimpleItk.Installed is not null || Directory.Exists(path)
            ? Foreign
            : throw Unknown(path);
    }
}
