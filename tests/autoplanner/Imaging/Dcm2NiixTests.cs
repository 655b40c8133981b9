using System.Diagnostics;
using System.Globalization;
using System.Text;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Imaging;

/// <summary>
/// DICOM series through dcm2niix: the image is the one that dcm2niix itself writes. Skipped, with the reason, where it is not
/// installed.
/// </summary>
public sealed class Dcm2NiixTests
{
    private const int Columns = 7, Rows = 6, Slices = 4;

    [FactWithDcm2Niix]
    public void A_series_is_what_the_converter_makes_of_it()
    {
        using var folder = new TemporaryFolder();
        var series = Series(folder, "scan", "IM");                      // names without an ending, as scanners give them
        var image = ImageFile.Read(series);
        Assert.Equal(new Extent(Slices, Rows, Columns), image.Extent);
        Assert.Equal((2.5, 0.75, 0.75), (image.Spacing.Z, image.Spacing.Y, image.Spacing.X));

        var own = Path.GetDirectoryName(folder.File("own", "x"))!;
        using (var process = Process.Start(
            new ProcessStartInfo(
                Dcm2Niix.Program!, ["-z", "n", "-b", "n", "-f", "a", "-o", own, series])
            { RedirectStandardOutput = true })!)
        {
            process.StandardOutput.ReadToEnd();
            process.WaitForExit();
        }

        var expected = ImageFile.Read(Path.Combine(own, "a.nii"));
        Assert.Equal(expected.Geometry.Affine, image.Geometry.Affine);
        Assert.Equal(expected.Geometry.RawHeader, image.Geometry.RawHeader);
        Assert.Equal(expected.Channels[0], image.Channels[0]);

        // Stored values times the slope plus the intercept: Hounsfield units.
        Assert.Contains(image.Channels[0], value => value == (2 * 5) - 1024);

        var path = folder.File("labels.nii.gz");
        ImageFile.WriteLabels(path, new short[image.Extent.Voxels], image.Geometry, 1);
        Assert.Equal(expected.Geometry.Affine, ImageFile.ReadGeometry(path).Affine);
        Assert.Equal(image.Spacing, ImageFile.ReadGeometry(path).Spacing);
    }

    [FactWithDcm2Niix]
    public void A_folder_of_series_is_a_case_each()
    {
        using var folder = new TemporaryFolder();
        Series(folder, Path.Combine("all", "patient_1"), "a", ".dcm");
        Series(folder, Path.Combine("all", "patient_2"), "b", ".dcm");
        var description = new DatasetDescription("d", ["CT"], new([new("background", [0]), new("a", [1])]), ".nii.gz", null);
        var cases = PredictionInputs.Find([Path.Combine(folder.Path, "all")], description);
        Assert.Equal(["patient_1", "patient_2"], cases.Select(item => item.Id));
        Assert.Equal(new Extent(Slices, Rows, Columns), Dataset.LoadImage(cases[1], description).Extent);
    }

    [FactWithDcm2Niix]
    public void Several_series_in_one_folder_and_none_are_one_line()
    {
        using var folder = new TemporaryFolder();
        var mixed = Series(folder, "mixed", "a", number: 3);
        Series(folder, "mixed", "b", number: 8);
        Assert.Contains(
            "dcm2niix found 2 images in it", Assert.Throws<SharpSegException>(() => ImageFile.Read(mixed)).Message,
            StringComparison.Ordinal);
        File.WriteAllText(folder.File("broken", "1.dcm"), "no DICOM file");
        var broken = Path.Combine(folder.Path, "broken");
        var error = Assert.Throws<SharpSegException>(() => ImageFile.Read(broken));
        Assert.Contains("dcm2niix found no image in it", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [FactWithDcm2Niix]
    public void A_series_that_lacks_a_slice_is_refused()
    {
        // dcm2niix warns, writes an image whose slices are evenly stacked, and that image is not what was scanned.
        using var folder = new TemporaryFolder();
        var series = Series(folder, "scan", "a");
        File.Delete(Path.Combine(series, "a2"));
        var error = Assert.Throws<SharpSegException>(() => ImageFile.Read(series));
        Assert.Contains(
            "cannot convert it as it is: Warning: Interslice distance varies", error.Message, StringComparison.Ordinal);
        Assert.Contains("lacks slices", error.Hint!, StringComparison.Ordinal);
    }

    [FactWithDcm2Niix]
    public void A_series_with_an_empty_file_is_refused()
    {
        using var folder = new TemporaryFolder();
        var series = Series(folder, "scan", "a");
        File.WriteAllText(Path.Combine(series, "a7"), "");
        var error = Assert.Throws<SharpSegException>(() => ImageFile.Read(series));
        Assert.Contains("a7`: the file is empty", error.Message, StringComparison.Ordinal);
    }

    private static string Series(TemporaryFolder folder, string name, string file, string ending = "", int number = 3)
    {
        for (var slice = 0; slice < Slices; slice++)
        {
            File.WriteAllBytes(folder.File(name, $"{file}{slice}{ending}"), Slice(slice, number));
        }

        return Path.Combine(folder.Path, name);
    }

    /// <summary>One slice of a CT series: explicit VR, little endian (DICOM PS3.5, PS3.10).</summary>
    private static byte[] Slice(int slice, int series)
    {
        using var meta = new MemoryStream();
        const string ctImage = "1.2.840.10008.5.1.4.1.1.2", explicitLittleEndian = "1.2.840.10008.1.2.1";
        var instance = $"1.2.826.0.1.3680043.2.1143.{series}.{slice + 1}";
        Element(meta, 0x0002, 0x0001, "OB", [0, 1]);
        Text(meta, 0x0002, 0x0002, "UI", ctImage);
        Text(meta, 0x0002, 0x0003, "UI", instance);
        Text(meta, 0x0002, 0x0010, "UI", explicitLittleEndian);
        Text(meta, 0x0002, 0x0012, "UI", "1.2.826.0.1.3680043.2.1143");

        using var all = new MemoryStream();
        all.Write(new byte[128]);
        all.Write("DICM"u8);
        Element(all, 0x0002, 0x0000, "UL", BitConverter.GetBytes((int)meta.Length));
        all.Write(meta.ToArray());
        Text(all, 0x0008, 0x0008, "CS", "ORIGINAL\\PRIMARY\\AXIAL");
        Text(all, 0x0008, 0x0016, "UI", ctImage);
        Text(all, 0x0008, 0x0018, "UI", instance);
        Text(all, 0x0008, 0x0020, "DA", "20260101");
        Text(all, 0x0008, 0x0030, "TM", "120000");
        Text(all, 0x0008, 0x0060, "CS", "CT");
        Text(all, 0x0008, 0x0070, "LO", "None");
        Text(all, 0x0010, 0x0010, "PN", "Phantom");
        Text(all, 0x0010, 0x0020, "LO", "1");
        Text(all, 0x0018, 0x0050, "DS", "2.5");
        Text(all, 0x0020, 0x000d, "UI", "1.2.826.0.1.3680043.2.1143.9");
        Text(all, 0x0020, 0x000e, "UI", $"1.2.826.0.1.3680043.2.1143.9.{series}");
        Text(all, 0x0020, 0x0011, "IS", series.ToString(CultureInfo.InvariantCulture));
        Text(all, 0x0020, 0x0013, "IS", (slice + 1).ToString(CultureInfo.InvariantCulture));
        Text(all, 0x0020, 0x0032, "DS", string.Create(CultureInfo.InvariantCulture, $"-10\\-20\\{30 + (2.5 * slice)}"));
        Text(all, 0x0020, 0x0037, "DS", "1\\0\\0\\0\\1\\0");
        Word(all, 0x0028, 0x0002, 1);
        Text(all, 0x0028, 0x0004, "CS", "MONOCHROME2");
        Word(all, 0x0028, 0x0010, Rows);
        Word(all, 0x0028, 0x0011, Columns);
        Text(all, 0x0028, 0x0030, "DS", "0.75\\0.75");
        Word(all, 0x0028, 0x0100, 16);
        Word(all, 0x0028, 0x0101, 16);
        Word(all, 0x0028, 0x0102, 15);
        Word(all, 0x0028, 0x0103, 0);
        Text(all, 0x0028, 0x1052, "DS", "-1024");
        Text(all, 0x0028, 0x1053, "DS", "2");
        var pixels = new byte[Rows * Columns * 2];
        for (var i = 0; i < Rows * Columns; i++)
        {
            BitConverter.TryWriteBytes(pixels.AsSpan(2 * i), (ushort)(i + (100 * slice)));
        }

        Element(all, 0x7fe0, 0x0010, "OW", pixels);
        return all.ToArray();
    }

    private static void Word(Stream stream, int group, int element, ushort value) =>
        Element(stream, group, element, "US", BitConverter.GetBytes(value));

    // Values have even lengths: texts end in a blank, identifiers in a zero byte.
    private static void Text(Stream stream, int group, int element, string kind, string value) => Element(
        stream, group, element, kind,
        Encoding.ASCII.GetBytes(value.Length % 2 == 0 ? value : value + (kind == "UI" ? "\0" : " ")));

    private static void Element(Stream stream, int group, int element, string kind, byte[] value)
    {
        stream.Write(BitConverter.GetBytes((ushort)group));
        stream.Write(BitConverter.GetBytes((ushort)element));
        stream.Write(Encoding.ASCII.GetBytes(kind));
        if (kind is "OB" or "OW")
        {
            stream.Write([0, 0]);
            stream.Write(BitConverter.GetBytes(value.Length));
        }
        else
        {
            stream.Write(BitConverter.GetBytes((ushort)value.Length));
        }

        stream.Write(value);
    }

    [AttributeUsage(AttributeTargets.Method)]
    private sealed class FactWithDcm2NiixAttribute : FactAttribute
    {
        public FactWithDcm2NiixAttribute()
        {
            if (Dcm2Niix.Program is null)
            {
                Skip = "dcm2niix is not on the PATH";
            }
        }
    }
}
