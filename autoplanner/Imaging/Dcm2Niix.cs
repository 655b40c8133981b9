using System.ComponentModel;
using System.Diagnostics;

namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>
/// Reads the DICOM series of a folder through dcm2niix, the converter of Chris Rorden that most neuroimaging software uses, where
/// it is on the PATH. It writes a NIfTI file into a temporary folder, which is read as any other; segmentations then carry that
/// file's geometry.
/// </summary>
internal static class Dcm2Niix
{
    private const string ProgramName = "dcm2niix";
    private const int LongestSeconds = 600;
    private const string UnevenSlices = "Interslice distance varies"; // a warning of it, with which it goes on

    // Words of the warnings of it that mean that the image is not, or not where, the series is. Others are about tags and names.
    private static readonly string[] Doubtful =
        ["missing", "unsupported", "not large enough", "orientation", "spatial", "flipped", "voxel size", "slice thickness",
            "not stacked", UnevenSlices, "gantry tilt", "illegal dicom", "intensity scal"];

    /// <summary>The program; null if it is not on the PATH.</summary>
    public static string? Program => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Where(folder => folder.Length > 0)
        .Select(folder => Path.Combine(folder, OperatingSystem.IsWindows() ? ProgramName + ".exe" : ProgramName))
        .FirstOrDefault(File.Exists);

    /// <summary>Reads the series of a folder.</summary>
    /// <returns>The image, and what the program doubts of its place or its completeness; null for nothing.</returns>
    /// <exception cref="SharpSegException">The files are not the slices of one volume, or the program refuses them.</exception>
    public static (MedicalImage Image, string? Doubt) Read(string program, string folder)
    {
        var slices = DicomSeries.Slices(folder);
        if (slices.FirstOrDefault(slice => slice.Samples > 1) is { } colour)
        {
            throw new SharpSegException(
                $"`{folder}`: `{Path.GetFileName(colour.File)}` is a colour image of {colour.Samples} samples a pixel, "
                    + $"which {ProgramName} stores as triples in one volume",
                "convert it to one file a channel, or to grey, and give that");
        }

        using var scratch = ScratchFolder.Make("dicom");
        var (said, exit) = Convert(program, folder, scratch.Path);
        var images = Directory.GetFiles(scratch.Path, "*.nii").Order(StringComparer.Ordinal).ToArray();
        var doubts = said.Where(line => Doubtful.Any(word => line.Contains(word, StringComparison.OrdinalIgnoreCase))).ToArray();
        var reason = doubts.FirstOrDefault() ?? said.LastOrDefault(line => line.Contains("rror", StringComparison.Ordinal))
            ?? said.LastOrDefault() ?? "it gave no reason";
        if (images.Length > 1)
        {
            throw new SharpSegException(
                $"`{folder}`: {ProgramName} makes {images.Length} images of it "
                    + $"({string.Join(", ", images.Select(Path.GetFileNameWithoutExtension))}): {reason}",
                $"convert it with `{ProgramName} -o NIFTI {folder}`, look at the images and give the one you want");
        }

        if (images.Length == 0 || exit != 0 || said.Any(line => line.Contains(UnevenSlices, StringComparison.Ordinal)))
        {
            // It leaves an image of even slices even where it could not make them even.
            var failure = images.Length == 0 ? "makes no image of it" : "cannot convert it as it is";
            throw new SharpSegException(
                $"`{folder}`: {ProgramName} {failure}: {reason}",
                "convert it yourself with another program, look at the image and give that");
        }

        var image = ImageFile.Read(images[0]);
        DicomSeries.RequireWhole(folder, slices, image, ProgramName, reason);
        return (image, doubts.Length == 0 ? null : $"{ProgramName} says of it: {string.Join("; ", doubts.Distinct())}");
    }

    /// <summary>Converts without compression, without a JSON file, and without looking into sub-folders.</summary>
    /// <returns>The lines that the program said, and its exit code.</returns>
    private static (string[] Said, int Exit) Convert(string program, string folder, string output)
    {
        var start = new ProcessStartInfo(
            program, ["-z", "n", "-b", "n", "-d", "0", "-f", "series_%s", "-o", output, Path.GetFullPath(folder)])
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        };
        try
        {
            using var process = Process.Start(start)!;
            var errors = process.StandardError.ReadToEndAsync();
            var lines = process.StandardOutput.ReadToEndAsync();
            if (!process.WaitForExit(TimeSpan.FromSeconds(LongestSeconds)))
            {
                process.Kill(entireProcessTree: true);
                throw new SharpSegException(
                    $"`{folder}`: {ProgramName} has not finished after {LongestSeconds} s",
                    "convert it yourself, and give the image");
            }

            var said = (errors.Result + "\n" + lines.Result)
                .Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            return (said, process.ExitCode);
        }
        catch (Win32Exception error)
        {
            throw new SharpSegException($"`{program}`: cannot be run: {error.Message}", $"install {ProgramName} again", error);
        }
    }
}
