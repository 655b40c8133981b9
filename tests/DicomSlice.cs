using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace SharpSeg.Tests;

/// <summary>One slice of a CT series, as a DICOM file (DICOM PS3.5, PS3.10). What is null is left out.</summary>
internal sealed record DicomSlice
{
    public const string ImplicitLittle = "1.2.840.10008.1.2", ExplicitLittle = "1.2.840.10008.1.2.1";
    public const string ExplicitBig = "1.2.840.10008.1.2.2", Jpeg = "1.2.840.10008.1.2.4.50";
    public const int Columns = 7, Bytes = 2;

    public string Syntax { get; init; } = ExplicitLittle;

    public string SopClass { get; init; } = "1.2.840.10008.5.1.4.1.1.2";

    /// <summary>Counts from 1.</summary>
    public int Instance { get; init; } = 1;

    public int Series { get; init; } = 3;

    public string? Position { get; init; } = @"-10\-20\30";

    public string? Orientation { get; init; } = @"1\0\0\0\1\0";

    public string? PixelSpacing { get; init; } = @"0.75\0.75";

    public int Rows { get; init; } = 6;

    public int? Frames { get; init; }

    /// <summary>Samples of a pixel: 3 for colours.</summary>
    public int Samples { get; init; } = 1;

    /// <summary>False writes the slice as before PS3.10: without mark and without group 2.</summary>
    public bool HasMark { get; init; } = true;

    /// <summary>Sequences within sequences, their lengths undefined, which stand before everything that counts.</summary>
    public int Nested { get; init; }

    /// <summary>Slice number `index` of an evenly stacked series, 2.5 mm apart.</summary>
    public static DicomSlice At(int index) => new()
    {
        Instance = index + 1, Position = string.Create(CultureInfo.InvariantCulture, $@"-10\-20\{30 + (2.5 * index)}"),
    };

    /// <summary>Writes slices into a folder: IM1, IM2, …</summary>
    /// <returns>The folder.</returns>
    public static string Write(string folder, IEnumerable<DicomSlice> slices)
    {
        Directory.CreateDirectory(folder);
        foreach (var (i, slice) in slices.Index())
        {
            File.WriteAllBytes(Path.Combine(folder, $"IM{i + 1}"), slice.ToBytes());
        }

        return folder;
    }

    public byte[] ToBytes()
    {
        var instance = $"1.2.826.0.1.3680043.2.1143.{Series}.{Instance}";
        using var all = new MemoryStream();
        if (HasMark)
        {
            using var meta = new MemoryStream();
            var group2 = new Writer(meta, ExplicitLittle);
            group2.Element(0x0002_0001, "OB", [0, 1]);
            group2.Text(0x0002_0002, "UI", SopClass);
            group2.Text(0x0002_0003, "UI", instance);
            group2.Text(0x0002_0010, "UI", Syntax);
            group2.Text(0x0002_0012, "UI", "1.2.826.0.1.3680043.2.1143");
            all.Write(new byte[128]);
            all.Write("DICM"u8);
            new Writer(all, ExplicitLittle).Element(0x0002_0000, "UL", BitConverter.GetBytes((int)meta.Length));
            all.Write(meta.ToArray());
        }

        var body = new Writer(all, Syntax);
        body.Text(0x0008_0008, "CS", @"ORIGINAL\PRIMARY\AXIAL");
        body.Text(0x0008_0016, "UI", SopClass);
        body.Text(0x0008_0018, "UI", instance);
        body.Text(0x0008_0020, "DA", "20260101");
        body.Text(0x0008_0030, "TM", "120000");
        body.Text(0x0008_0060, "CS", "CT");
        body.Text(0x0008_0070, "LO", "None");
        body.Sequence(0x0008_1140, Nested, unknown: false);
        body.Sequence(0x0009_1001, Nested, unknown: true);
        body.Text(0x0010_0010, "PN", "Phantom");
        body.Text(0x0010_0020, "LO", "1");
        body.Text(0x0018_0050, "DS", "2.5");
        body.Text(0x0020_000d, "UI", "1.2.826.0.1.3680043.2.1143.9");
        body.Text(0x0020_000e, "UI", $"1.2.826.0.1.3680043.2.1143.9.{Series}");
        body.Text(0x0020_0011, "IS", Series.ToString(CultureInfo.InvariantCulture));
        body.Text(0x0020_0013, "IS", Instance.ToString(CultureInfo.InvariantCulture));
        body.Text(0x0020_0032, "DS", Position);
        body.Text(0x0020_0037, "DS", Orientation);
        body.Word(0x0028_0002, Samples);
        body.Text(0x0028_0004, "CS", Samples == 1 ? "MONOCHROME2" : "RGB");
        body.Text(0x0028_0008, "IS", Frames?.ToString(CultureInfo.InvariantCulture));
        body.Word(0x0028_0010, Rows);
        body.Word(0x0028_0011, Columns);
        body.Text(0x0028_0030, "DS", PixelSpacing);
        body.Word(0x0028_0100, 16);
        body.Word(0x0028_0101, 16);
        body.Word(0x0028_0102, 15);
        body.Word(0x0028_0103, 0);
        body.Text(0x0028_1052, "DS", "-1024");
        body.Text(0x0028_1053, "DS", "2");
        var pixels = new byte[Rows * Columns * Bytes * Samples * (Frames ?? 1)];
        for (var i = 0; i < pixels.Length / Bytes; i++)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(pixels.AsSpan(Bytes * i), (ushort)(i + (100 * (Instance - 1))));
        }

        if (Syntax == Jpeg)
        {
            body.Fragments(pixels);
        }
        else
        {
            body.Element(0x7fe0_0010, "OW", pixels);
        }

        return all.ToArray();
    }

    private sealed class Writer(Stream stream, string syntax)
    {
        private readonly bool isExplicit = syntax != ImplicitLittle, bigEndian = syntax == ExplicitBig;

        public void Word(uint tag, int value)
        {
            var bytes = new byte[2];
            Put(bytes, (ushort)value);
            Element(tag, "US", bytes);
        }

        // Values have even lengths: texts end in a blank, identifiers in a zero byte.
        public void Text(uint tag, string kind, string? value)
        {
            if (value is not null)
            {
                var padded = value.Length % 2 == 0 ? value : value + (kind == "UI" ? "\0" : " ");
                Element(tag, kind, Encoding.ASCII.GetBytes(padded));
            }
        }

        public void Element(uint tag, string kind, byte[] value)
        {
            Head(tag, kind, (uint)value.Length);
            stream.Write(value);
        }

        /// <summary>A sequence of one item, in which there are another sequence and a position that is no slice's.</summary>
        public void Sequence(uint tag, int levels, bool unknown)
        {
            if (levels > 0)
            {
                // What is in a sequence of unknown kind is written in implicit VR.
                var within = unknown ? new Writer(stream, ImplicitLittle) : this;
                Head(tag, unknown ? "UN" : "SQ", uint.MaxValue);
                within.Head(0xfffe_e000, "", uint.MaxValue);
                within.Text(0x0020_0032, "DS", @"1\2\3");
                within.Sequence(0x0008_1140, levels - 1, unknown: false);
                within.Head(0xfffe_e00d, "", 0);
                within.Head(0xfffe_e0dd, "", 0);
            }
        }

        public void Fragments(byte[] data)
        {
            Head(0x7fe0_0010, "OB", uint.MaxValue);
            Head(0xfffe_e000, "", 0);
            Head(0xfffe_e000, "", (uint)data.Length);
            stream.Write(data);
            Head(0xfffe_e0dd, "", 0);
        }

        private void Head(uint tag, string kind, uint length)
        {
            Number((ushort)(tag >> 16));
            Number((ushort)tag);
            var hasKind = isExplicit && kind.Length > 0;
            stream.Write(hasKind ? Encoding.ASCII.GetBytes(kind) : []);
            if (hasKind && kind is not ("OB" or "OW" or "SQ" or "UN"))
            {
                Number((ushort)length);
            }
            else
            {
                stream.Write(hasKind ? [0, 0] : []);
                Number(length);
            }
        }

        private void Number(ushort value)
        {
            Span<byte> bytes = stackalloc byte[2];
            Put(bytes, value);
            stream.Write(bytes);
        }

        private void Number(uint value)
        {
            Span<byte> bytes = stackalloc byte[4];
            if (bigEndian)
            {
                BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
            }
            else
            {
                BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
            }

            stream.Write(bytes);
        }

        private void Put(Span<byte> bytes, ushort value)
        {
            if (bigEndian)
            {
                BinaryPrimitives.WriteUInt16BigEndian(bytes, value);
            }
            else
            {
                BinaryPrimitives.WriteUInt16LittleEndian(bytes, value);
            }
        }
    }
}
