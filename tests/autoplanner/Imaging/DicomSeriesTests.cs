using System.Globalization;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Imaging;

/// <summary>What a folder's slices must be to make up a volume; refusals name files and distances.</summary>
public sealed class DicomSeriesTests : IDisposable
{
    private const string Nowhere = "`IM4` does not say where it lies in the patient (0020,0032 and 0020,0037)";

    private readonly TemporaryFolder folder = new();

    [Fact]
    public void Slices_come_in_the_order_of_their_places_and_other_files_are_none()
    {
        var series = DicomSlice.Write(folder.File("scan"), new[] { 2, 0, 3, 1 }.Select(DicomSlice.At));
        File.WriteAllText(folder.File("scan", "notes.txt"), "of the scan");
        File.WriteAllText(folder.File("scan", ".DS_Store"), "of a Mac");
        File.WriteAllBytes(folder.File("scan", "DICOMDIR"), [.. new byte[128], .. "DICM"u8]);
        File.WriteAllBytes(
            folder.File("scan", "report"), new DicomSlice { SopClass = "1.2.840.10008.5.1.4.1.1.88.11", Series = 9 }.ToBytes());
        File.WriteAllBytes(folder.File("scan", "more", "IM9"), DicomSlice.At(9).ToBytes());
        Assert.Equal(["IM2", "IM4", "IM1", "IM3"], DicomSeries.Slices(series).Select(slice => Path.GetFileName(slice.File)));
    }

    [Fact]
    public void Slices_may_lie_in_any_direction()
    {
        var slices = Enumerable.Range(0, 20).Select(i => DicomSlice.At(i) with
        {
            Orientation = @"0.8\0.6\0\0\0\-1",
            Position = string.Create(CultureInfo.InvariantCulture, $@"{5 - (1.5 * i):F3}\{2 * i}\7"),
        });
        Assert.Equal(20, DicomSeries.Slices(DicomSlice.Write(folder.File("scan"), slices)).Count);
    }

    [Theory]
    [InlineData(@"-10\-20\37.5", null)]
    [InlineData(@"-10\-20\37.48", null)]     // rounded by the scanner
    [InlineData(@"-10.01\-20.01\37.5", null)]
    [InlineData(@"-10\-20\36.5", "`IM3` and `IM4` are 1.5 mm apart, other slices 2.5 mm")]
    [InlineData(@"-5\-20\37.5", "`IM3` and `IM4` are shifted by 5 mm against each other")]
    [InlineData(@"-10\-20\35.01", "`IM3` and `IM4` lie at the same place")]
    [InlineData(@"-10\-20", Nowhere)]
    [InlineData(null, Nowhere)]
    public void A_slice_out_of_its_place_is_refused(string? position, string? expected) =>
        Refuses(expected, Changed(slice => slice with { Position = position }));

    [Fact]
    public void A_slice_on_another_grid_is_refused()
    {
        Refuses(Nowhere, Changed(slice => slice with { Orientation = null }));
        Refuses(
            "`IM4` is turned against other slices (0020,0037)",
            Changed(slice => slice with { Orientation = @"0\1\0\1\0\0" }));
        Refuses("`IM4` has 5×7 pixels, other slices 6×7", Changed(slice => slice with { Rows = 5 }));
        Refuses(
            "`IM4` has pixels of 0.8×0.75 mm, other slices of 0.75×0.75",
            Changed(slice => slice with { PixelSpacing = @"0.8\0.75" }));
        Refuses(null, Changed(slice => slice with { PixelSpacing = @"0.7500004\0.75", Orientation = @"1\0.0001\0\0\1\0" }));
        Refuses(
            "`IM4` does not say how far its pixels lie apart (0028,0030)",
            Changed(slice => slice with { PixelSpacing = null }));
        Refuses(
            "the rows and columns of `IM1` are not at right angles (0020,0037)",
            Six().Select(slice => slice with { Orientation = @"1\0\0\1\0\0" }));
        Refuses("6 files, of which `IM4` has 2 frames", Changed(slice => slice with { Frames = 2 }));
        Refuses(
            "2 DICOM series in this folder: 5 files like `IM1`, 1 file like `IM4`",
            Changed(slice => slice with { Series = 8 }));
    }

    [Fact]
    public void Missing_and_doubled_slices_are_counted()
    {
        Refuses(
            "`IM2` and `IM3` are 5 mm apart, other slices 2.5 mm: a slice is missing",
            new[] { 0, 1, 3, 4, 5 }.Select(DicomSlice.At));
        Refuses(
            "`IM2` and `IM3` are 10 mm apart, other slices 2.5 mm: 3 slices are missing",
            new[] { 0, 1, 5, 6, 7 }.Select(DicomSlice.At));
        Refuses("2 slices at each of 6 places, such as `IM1` and `IM7`", Six().Concat(Six()));
        Refuses("3 slices at each of 1 place, such as `IM1` and `IM2`", Enumerable.Repeat(DicomSlice.At(0), 3));
    }

    [Fact]
    public void Stacks_that_are_sheared_or_uneven_bit_by_bit_are_refused()
    {
        // As by a gantry whose tilt is not stated; and by so little that only the whole shows it.
        Refuses(
            "its slices are sheared, as by a tilted gantry: from `IM1` to `IM6` they move 1.5 mm to the side",
            Moved(6, i => 0.3 * i, _ => 0));
        Refuses(
            "its slices are sheared, as by a tilted gantry: from `IM1` to `IM50` they move 0.98 mm to the side",
            Moved(50, i => 0.02 * i, _ => 0));
        Refuses(null, Moved(50, i => 0.007 * i, _ => 0));
        Refuses(
            "`IM151` lies 1.8 mm from where evenly stacked slices would have it",
            Moved(301, _ => 0, i => 1.8 * Math.Sin(Math.PI * i / 300)));
    }

    [Fact]
    public void A_file_that_is_no_slice_is_refused_unless_its_name_says_so()
    {
        var series = DicomSlice.Write(folder.File("scan"), Six());
        File.WriteAllText(folder.File("scan", "IM7.dcm"), "this is junk");
        var error = Assert.Throws<SharpSegException>(() => DicomSeries.Slices(series));
        Assert.Equal($"`{folder.File("scan", "IM7.dcm")}`: no DICOM file, among those of a series", error.Message);
        File.WriteAllBytes(folder.File("scan", "IM7.dcm"), DicomSlice.At(6).ToBytes()[..^20]);
        error = Assert.Throws<SharpSegException>(() => DicomSeries.Slices(series));
        Assert.Equal($"`{folder.File("scan", "IM7.dcm")}`: this DICOM file is no whole slice: it is cut off", error.Message);
        Assert.Equal("copy that file again", error.Hint);
        File.WriteAllText(folder.File("scan", "IM7.dcm"), "");
        Assert.Contains(
            "IM7.dcm`: the file is empty", Assert.Throws<SharpSegException>(() => DicomSeries.Slices(series)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_without_slices_says_where_there_are_some()
    {
        var deeper = DicomSlice.Write(folder.File("patient", "study", "series"), Six());
        var error = Assert.Throws<SharpSegException>(() => DicomSeries.Slices(folder.Path));
        Assert.Equal($"`{folder.Path}`: no DICOM image in this folder", error.Message);
        Assert.Equal($"a series lies deeper: give `{deeper}`", error.Hint);
    }

    public void Dispose() => folder.Dispose();

    private static IEnumerable<DicomSlice> Six() => Enumerable.Range(0, 6).Select(DicomSlice.At);

    private static IEnumerable<DicomSlice> Changed(Func<DicomSlice, DicomSlice> fourth) =>
        Six().Select((slice, i) => i == 3 ? fourth(slice) : slice);

    private static IEnumerable<DicomSlice> Moved(int count, Func<int, double> beside, Func<int, double> along) =>
        Enumerable.Range(0, count).Select(i => DicomSlice.At(i) with
        {
            Position = string.Create(CultureInfo.InvariantCulture, $@"-10\{beside(i) - 20:F4}\{30 + (2.5 * i) + along(i):F4}"),
        });

    private void Refuses(string? expected, IEnumerable<DicomSlice> slices)
    {
        var series = DicomSlice.Write(folder.File(Guid.NewGuid().ToString("N")), slices);
        var error = Record.Exception(() => DicomSeries.Slices(series));
        Assert.Equal(expected is null ? null : $"`{series}`: {expected}", error?.Message);
        Assert.True(error is null or SharpSegException);
    }
}
