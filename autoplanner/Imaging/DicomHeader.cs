using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>
/// What a DICOM file says before its pixels, as far as it decides whether files make up a volume (DICOM PS3.5 and PS3.10;
/// elements of PS3.6). Everything else is skipped; no pixel is read. Files are untrusted: every length is held against the file
/// before anything is read or allocated.
/// </summary>
/// <param name="File">The file.</param>
internal sealed record DicomHeader(string File)
{
    private const int MarkAt = 128;
    private const int LongestValue = 4096;   // bytes of the elements below, of which the longest has six decimal numbers
    private const int DeepestNesting = 32;   // sequences within sequences; real files have a handful
    private const uint Undefined = uint.MaxValue;

    private static readonly string[] LongKinds = // whose length has four bytes
        ["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"];

    private const uint SopClassTag = 0x0008_0016, SeriesTag = 0x0020_000e, PositionTag = 0x0020_0032;
    private const uint OrientationTag = 0x0020_0037, FramesTag = 0x0028_0008, RowsTag = 0x0028_0010, ColumnsTag = 0x0028_0011;
    private const uint SamplesTag = 0x0028_0002, PixelSpacingTag = 0x0028_0030, TransferSyntaxTag = 0x0002_0010;
    private const uint Item = 0xfffe_e000, ItemEnd = 0xfffe_e00d, SequenceEnd = 0xfffe_e0dd;
    private const uint FirstPixelTag = 0x7fe0_0008; // of floating-point numbers; 7fe0,0010 of whole ones

    private const string ImplicitLittleEndian = "1.2.840.10008.1.2", ExplicitBigEndian = "1.2.840.10008.1.2.2";
    private const string Deflated = "1.2.840.10008.1.2.1.99";

    // Discs' contents, presentation states, structured reports, raw data, documents: they lie beside series, and are no slices.
    private static readonly string[] ClassesWithoutImage =
        ["1.2.840.10008.1.3.10", "1.2.840.10008.5.1.4.1.1.11.", "1.2.840.10008.5.1.4.1.1.88.", "1.2.840.10008.5.1.4.1.1.66",
            "1.2.840.10008.5.1.4.1.1.104."];

    /// <summary>Whether it is an object of another kind than an image.</summary>
    public bool IsOtherObject { get; private set; }

    /// <summary>Series Instance UID; empty if there is none.</summary>
    public string Series { get; private set; } = "";

    /// <summary>Voxels along y and x; 0 if it does not say.</summary>
    public (int Rows, int Columns) Size { get; private set; }

    /// <summary>Frames: above 1 the file is a volume by itself.</summary>
    public int Frames { get; private set; } = 1;

    /// <summary>Values a pixel: 1, or 3 of colours.</summary>
    public int Samples { get; private set; } = 1;

    /// <summary>mm between rows and between columns; null if it does not say.</summary>
    public double[]? PixelSpacing { get; private set; }

    /// <summary>The centre of the first voxel, mm, to the patient's left, back and head; null if it does not say.</summary>
    public double[]? Position { get; private set; }

    /// <summary>Unit vectors along a row and along a column, in the same axes; null if it does not say.</summary>
    public double[]? Orientation { get; private set; }

    /// <summary>Reads the header of a file.</summary>
    /// <returns>The header; null if it is no DICOM file.</returns>
    /// <exception cref="SharpSegException">It is damaged or cut off, or cannot be read.</exception>
    public static DicomHeader? Read(string file)
    {
        try
        {
            using var stream = System.IO.File.OpenRead(file);
            var header = new DicomHeader(file);
            return new Parser(stream, header).Run() ? header : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new SharpSegException($"`{file}`: cannot be read: {error.Message}", null, error);
        }
    }

    /// <summary>Whether a file has the mark that a DICOM file has after 128 bytes.</summary>
    public static bool HasMark(string file)
    {
        try
        {
            using var stream = System.IO.File.OpenRead(file);
            return HasMark(stream);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static bool HasMark(Stream stream)
    {
        Span<byte> start = stackalloc byte[MarkAt + 4];
        return stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false) == start.Length
            && start[MarkAt..].SequenceEqual("DICM"u8);
    }

    private void Take(uint tag, byte[] value, bool bigEndian)
    {
        switch (tag)
        {
            case SopClassTag:
                var sopClass = Text(value);
                IsOtherObject = ClassesWithoutImage.Any(
                    other => other.EndsWith('.') ? sopClass.StartsWith(other, StringComparison.Ordinal) : sopClass == other);
                break;
            case SeriesTag:
                Series = Text(value);
                break;
            case RowsTag:
                Size = (Word(value, bigEndian), Size.Columns);
                break;
            case ColumnsTag:
                Size = (Size.Rows, Word(value, bigEndian));
                break;
            case SamplesTag:
                Samples = Math.Max(1, Word(value, bigEndian));
                break;
            case FramesTag:
                Frames = Numbers(value, 1) is [>= 1 and <= int.MaxValue and var frames] ? (int)frames : 1;
                break;
            case PixelSpacingTag:
                PixelSpacing = Numbers(value, 2);
                break;
            case PositionTag:
                Position = Numbers(value, 3);
                break;
            case OrientationTag:
                Orientation = Numbers(value, 6);
                break;
        }
    }

    private static bool IsWanted(uint tag) => tag is SopClassTag or SeriesTag or RowsTag or ColumnsTag or FramesTag
        or SamplesTag or PixelSpacingTag or PositionTag or OrientationTag;

    private static int Word(byte[] value, bool bigEndian) => value.Length < 2 ? 0
        : bigEndian ? BinaryPrimitives.ReadUInt16BigEndian(value) : BinaryPrimitives.ReadUInt16LittleEndian(value);

    // Values are padded to an even length with a blank or a zero byte.
    private static string Text(byte[] value) => Encoding.Latin1.GetString(value).Trim(' ', '\0');

    private static double[]? Numbers(byte[] value, int count)
    {
        var words = Text(value).Split('\\');
        var numbers = words.Select(word => double.TryParse(word, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
            ? number : double.NaN).ToArray();
        return numbers.Length == count && numbers.All(double.IsFinite) ? numbers : null;
    }

    /// <summary>Goes through the elements of one file.</summary>
    private sealed class Parser(FileStream stream, DicomHeader header)
    {
        private readonly byte[] buffer = new byte[8];
        private readonly long length = stream.Length;
        private bool isExplicit = true;
        private bool bigEndian;
        private string syntax = "";

        private bool IsDone => stream.Position >= length;

        public bool Run()
        {
            var hasMark = HasMark(stream);
            stream.Position = hasMark ? MarkAt + 4 : 0;
            if (hasMark)
            {
                Meta();
            }
            else if (!BeginsBare())
            {
                return false;
            }

            while (!IsDone)
            {
                var element = Next();
                if (element.Tag >= FirstPixelTag)
                {
                    RequirePixels(element);
                    return true;
                }

                if (IsWanted(element.Tag) && element.Length is not Undefined)
                {
                    header.Take(element.Tag, Value(element), bigEndian);
                }
                else
                {
                    Skip(element, depth: 0);
                }
            }

            return header.IsOtherObject ? true : throw Damaged("it ends before its pixels");
        }

        /// <summary>Group 2, always in explicit little endian, says how the rest is written.</summary>
        private void Meta()
        {
            while (!IsDone)
            {
                var group = Word();
                stream.Position -= 2;
                if (group != 2)
                {
                    break;
                }

                var element = Next();
                if (element.Tag == TransferSyntaxTag)
                {
                    syntax = Text(Value(element));
                }
                else
                {
                    Skip(element, depth: 0);
                }
            }

            isExplicit = syntax != ImplicitLittleEndian;
            bigEndian = syntax == ExplicitBigEndian;
            if (syntax == Deflated)
            {
                throw new SharpSegException(
                    $"`{header.File}`: a DICOM file that is compressed as a whole (deflated)", "decompress it with dcmconv +te");
            }
        }

        /// <summary>Files older than PS3.10 begin with an element of group 8, and do not say how they are written.</summary>
        private bool BeginsBare()
        {
            if (length < 8)
            {
                return false;
            }

            stream.ReadExactly(buffer);
            stream.Position = 0;
            isExplicit = buffer[4] is >= (byte)'A' and <= (byte)'Z' && buffer[5] is >= (byte)'A' and <= (byte)'Z';
            return buffer is [8, 0, _, 0, ..];
        }

        private Element Next()
        {
            var tag = ((uint)Word() << 16) | Word();
            if (tag >> 16 == 0xfffe || !isExplicit)
            {
                return new(tag, "", Long());
            }

            Fill(2);
            var kind = Encoding.Latin1.GetString(buffer, 0, 2);
            if (!char.IsAsciiLetterUpper(kind[0]) || !char.IsAsciiLetterUpper(kind[1]))
            {
                throw Damaged("it is damaged");
            }

            if (!LongKinds.Contains(kind))
            {
                return new(tag, kind, Word());
            }

            Word(); // reserved
            return new(tag, kind, Long());
        }

        private byte[] Value(Element element)
        {
            if (element.Length > LongestValue)
            {
                throw Damaged("it is damaged");
            }

            RequireLeft(element.Length);
            var value = new byte[element.Length];
            stream.ReadExactly(value);
            return value;
        }

        private void Skip(Element element, int depth)
        {
            if (element.Length != Undefined)
            {
                RequireLeft(element.Length);
                stream.Position += element.Length;
                return;
            }

            if (depth > DeepestNesting)
            {
                throw Damaged("it is damaged");
            }

            // Sequences whose kind is unknown are written in implicit VR, little endian (PS3.5 6.2.2).
            var before = (isExplicit, bigEndian);
            (isExplicit, bigEndian) = element.Kind == "UN" ? (false, false) : before;
            while (Next() is var inner && inner.Tag is not (SequenceEnd or ItemEnd))
            {
                Skip(inner, depth + 1);
            }

            (isExplicit, bigEndian) = before;
        }

        /// <summary>That the pixels are there: as many bytes as announced, or, compressed, every fragment.</summary>
        private void RequirePixels(Element element)
        {
            if (element.Length != Undefined)
            {
                RequireLeft(element.Length);
                if (element.Length == 0)
                {
                    throw Damaged("it has no pixels");
                }

                return;
            }

            for (var items = 0; !(IsDone && items > 1);)
            {
                var inner = Next(); // the first one is a table of offsets
                if (inner.Tag == SequenceEnd)
                {
                    return;
                }

                if (inner.Tag != Item || inner.Length == Undefined)
                {
                    throw Damaged("it is damaged");
                }

                Skip(inner, depth: 0);
                items++;
            }
        }

        private void RequireLeft(long bytes)
        {
            if (bytes > length - stream.Position)
            {
                throw Damaged("it is cut off");
            }
        }

        private void Fill(int bytes)
        {
            RequireLeft(bytes);
            stream.ReadExactly(buffer, 0, bytes);
        }

        private ushort Word()
        {
            Fill(2);
            return bigEndian ? BinaryPrimitives.ReadUInt16BigEndian(buffer) : BinaryPrimitives.ReadUInt16LittleEndian(buffer);
        }

        private uint Long()
        {
            Fill(4);
            return bigEndian ? BinaryPrimitives.ReadUInt32BigEndian(buffer) : BinaryPrimitives.ReadUInt32LittleEndian(buffer);
        }

        private SharpSegException Damaged(string what) =>
            new($"`{header.File}`: this DICOM file is no whole slice: {what}", "copy that file again");
    }

    private readonly record struct Element(uint Tag, string Kind, uint Length);
}
