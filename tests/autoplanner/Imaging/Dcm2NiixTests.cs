using System.Diagnostics;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Engine.Tensors;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Imaging;

/// <summary>
/// DICOM series through dcm2niix: the image is the one that dcm2niix itself writes, and what it leaves out or changes is refused.
/// The former is skipped, with the reason, where it is not installed; the latter is tried with a program in its place.
/// </summary>
public sealed class Dcm2NiixTests
{
    private const int Columns = DicomSlice.Columns, Rows = 6, Slices = 4;

    [FactWithDcm2Niix]
    public void A_series_is_what_the_converter_makes_of_it()
    {
        using var folder = new TemporaryFolder();
        var series = Series(folder, "scan");                            // names without an ending, as scanners give them
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
        Series(folder, Path.Combine("all", "patient_1"));
        Series(folder, Path.Combine("all", "patient_2"));
        var description = new DatasetDescription("d", ["CT"], new([new("background", [0]), new("a", [1])]), ".nii.gz", null);
        var cases = PredictionInputs.Find([Path.Combine(folder.Path, "all")], description);
        Assert.Equal(["patient_1", "patient_2"], cases.Select(item => item.Id));
        Assert.Equal(new Extent(Slices, Rows, Columns), Dataset.LoadImage(cases[1], description).Extent);
    }

    [FactWithDcm2Niix]
    public void A_series_of_which_it_leaves_a_slice_out_is_refused()
    {
        // High-throughput JPEG 2000, which it does not know: it warns, goes on and ends with 0.
        using var folder = new TemporaryFolder();
        var series = Series(folder, "scan");
        File.WriteAllBytes(
            Path.Combine(series, "IM4"), (DicomSlice.At(3) with { Syntax = "1.2.840.10008.1.2.4.201" }).ToBytes());
        Assert.Contains(
            "4 slices, of which dcm2niix makes an image of 3: Warning: Unsupported transfer syntax",
            Assert.Throws<SharpSegException>(() => ImageFile.Read(series)).Message, StringComparison.Ordinal);
    }

    [FactWithShell]
    public void An_image_of_all_slices_is_taken_with_what_the_converter_doubts()
    {
        using var folder = new TemporaryFolder();
        var series = Series(folder, "scan");
        var (image, doubt) = Dcm2Niix.Read(
            StandIn(folder, "Warning: Unable to determine manufacturer (0008,0070)", Slices), series);
        Assert.Equal(new Extent(Slices, Rows, Columns), image.Extent);
        Assert.Null(doubt);
        Assert.Contains("-d 0 ", File.ReadAllText(folder.File("arguments")), StringComparison.Ordinal); // no sub-folders
        const string missing = "Warning: Missing images? Expected 4 images, but instance number ranges from 1 to 9";
        (_, doubt) = Dcm2Niix.Read(StandIn(folder, missing, Slices), series);
        Assert.Equal($"dcm2niix says of it: {missing}", doubt);
    }

    [FactWithShell]
    public void Another_number_of_slices_or_of_images_is_refused()
    {
        using var folder = new TemporaryFolder();
        var series = Series(folder, "scan");
        Assert.Equal(
            $"`{series}`: 4 slices, of which dcm2niix makes an image of 3: Warning: Unsupported transfer syntax",
            Refused(StandIn(folder, "Warning: Unsupported transfer syntax", 3)));
        Assert.Equal(
            $"`{series}`: dcm2niix makes 2 images of it (series_0, series_1): Slices not stacked: echo varies",
            Refused(StandIn(folder, "Slices not stacked: echo varies", 2, 2)));
        File.Delete(folder.File("prepared", "series_1.nii"));

        // Two times in one file, which a model of two channels would take for them: dim[0] and dim[4] of NIfTI.
        var volumes = StandIn(folder, "", Slices);
        var image = File.ReadAllBytes(folder.File("prepared", "series_0.nii"));
        (image[40], image[48]) = (4, 2);
        File.WriteAllBytes(folder.File("prepared", "series_0.nii"), [.. image, .. image[^(Slices * Rows * Columns * 4)..]]);
        Assert.Equal($"`{series}`: dcm2niix makes an image of 2 volumes of it", Refused(volumes));
        Assert.Equal(
            $"`{series}`: dcm2niix cannot convert it as it is: Warning: Interslice distance varies",
            Refused(StandIn(folder, "Warning: Interslice distance varies", Slices)));

        string Refused(string program) => Assert.Throws<SharpSegException>(() => Dcm2Niix.Read(program, series)).Message;
    }

    [FactWithShell]
    public void Files_that_make_up_no_volume_do_not_reach_the_converter()
    {
        using var folder = new TemporaryFolder();
        var series = Series(folder, "scan");
        File.Delete(Path.Combine(series, "IM3"));
        Assert.Contains(
            "`IM2` and `IM4` are 5 mm apart",
            Assert.Throws<SharpSegException>(() => Dcm2Niix.Read(StandIn(folder, "", 3), series)).Message,
            StringComparison.Ordinal);
        Assert.False(File.Exists(folder.File("arguments")));
    }

    [FactWithShell]
    public void Colours_are_refused_by_name()
    {
        using var folder = new TemporaryFolder();
        var series = DicomSlice.Write(
            folder.File("scan"), Enumerable.Range(0, Slices).Select(i => DicomSlice.At(i) with { Samples = 3 }));
        Assert.Contains(
            "`IM1` is a colour image of 3 samples a pixel",
            Assert.Throws<SharpSegException>(() => Dcm2Niix.Read(StandIn(folder, "", Slices), series)).Message,
            StringComparison.Ordinal);
        Assert.False(File.Exists(folder.File("arguments")));
    }

    private static string Series(TemporaryFolder folder, string name) =>
        DicomSlice.Write(folder.File(name), Enumerable.Range(0, Slices).Select(DicomSlice.At));

    /// <summary>A program that writes prepared images where the converter would, and says what it is to say.</summary>
    private static string StandIn(TemporaryFolder folder, string says, params int[] slicesOfImages)
    {
        foreach (var (i, slices) in slicesOfImages.Index())
        {
            var extent = new Extent(slices, Rows, Columns);
            ImageFile.WriteFloats(
                folder.File("prepared", $"series_{i}.nii"), new float[extent.Voxels],
                MedicalImage.Of(extent, new Spacing(2.5, 0.75, 0.75), new float[extent.Voxels]).Geometry);
        }

        var program = folder.File("dcm2niix");
        File.WriteAllText(
            program,
            $"""
            #!/bin/sh
            echo "$*" > "{folder.File("arguments")}"
            while [ "$1" != -o ]; do shift; done
            cp "{Path.GetDirectoryName(folder.File("prepared", "x"))}"/*.nii "$2"
            echo '{says}'
            """);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        return program;
    }

    [AttributeUsage(AttributeTargets.Method)]
    private sealed class FactWithShellAttribute : FactAttribute
    {
        public FactWithShellAttribute()
        {
            if (OperatingSystem.IsWindows())
            {
                Skip = "the stand-in for dcm2niix is a script of the shell";
            }
        }
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
