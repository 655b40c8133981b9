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

    /// <summary>The program; null if it is not on the PATH.</summary>
    public static string? Program => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Where(folder => folder.Length > 0)
        .Select(folder => Path.Combine(folder, OperatingSystem.IsWindows() ? ProgramName + ".exe" : ProgramName))
        .FirstOrDefault(File.Exists);

    /// <summary>Whether a file is the table of contents of a disc, which has the mark of DICOM files and is no slice.</summary>
    public static bool IsContents(string file) =>
        Path.GetFileName(file).Equals("DICOMDIR", StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether a folder holds DICOM files: by their ending, or by the mark that each has after 128 bytes.</summary>
    public static bool IsSeries(string folder)
    {
        const int looked = 20; // files; a series has few files of other kinds, if any
        try
        {
            return Directory.EnumerateFiles(folder).Where(file => !Path.GetFileName(file).StartsWith('.') && !IsContents(file))
                .Take(looked)
                .Where(file => new FileInfo(file).Length > 0) // opening a pipe would wait for a writer
                .Any(file => file.EndsWith(".dcm", StringComparison.OrdinalIgnoreCase) || HasMark(file));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>The first folder below one that holds DICOM files; null for none within a few levels.</summary>
    public static string? SeriesBelow(string folder)
    {
        const int depth = 4, looked = 1000; // patient, study and series, and as much to look at as does not take long
        var options = new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = depth };
        return Directory.EnumerateDirectories(folder, "*", options).Take(looked).Order(StringComparer.Ordinal)
            .FirstOrDefault(IsSeries);
    }

    /// <summary>Reads the series of a folder.</summary>
    /// <exception cref="SharpSegException">The program refuses it, or the folder holds several series.</exception>
    public static MedicalImage Read(string program, string folder)
    {
        var files = Directory.EnumerateFiles(folder);
        if (files.FirstOrDefault(file => new FileInfo(file) is { Exists: true, Length: 0 }) is { } empty)
        {
            // The converter would leave the slice out, or wait for the pipe's writer.
            throw new SharpSegException(
                $"`{empty}`: the file is empty, or it is a pipe or a device", "complete the series; pipes cannot be read");
        }

        using var scratch = ScratchFolder.Make("dicom");
        var (said, refused) = Convert(program, folder, scratch.Path);
        var images = Directory.GetFiles(scratch.Path, "*.nii").Order(StringComparer.Ordinal).ToArray();
        return images switch
        {
            // It leaves an image of even slices even where it could not make them even.
            [_] when refused => throw new SharpSegException(
                $"`{folder}`: {ProgramName} cannot convert it as it is: {said}",
                "the series lacks slices, or they are not evenly spaced: complete it, or convert it yourself, look at "
                    + "the image and give that"),
            [var one] => ImageFile.Read(one),
            [] =>
                throw new SharpSegException(
                    $"`{folder}`: {ProgramName} found no image in it: {said}",
                    "give the folder that holds the files of one series"),
            _ => throw new SharpSegException(
                $"`{folder}`: {ProgramName} found {images.Length} images in it "
                    + $"({string.Join(", ", images.Select(Path.GetFileNameWithoutExtension))})",
                $"give a folder with the files of one series, or convert it with `{ProgramName} -o NIFTI {folder}` and give "
                    + "the image you want"),
        };
    }

    private static bool HasMark(string file)
    {
        Span<byte> start = stackalloc byte[132];
        try
        {
            using var stream = File.OpenRead(file);
            return stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false) == start.Length
                && start[128..].SequenceEqual("DICM"u8);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Converts without compression and without a JSON file.</summary>
    /// <returns>The program's message that tells most, and whether it says that the image is not what the series is.</returns>
    private static (string Said, bool Refused) Convert(string program, string folder, string output)
    {
        var start = new ProcessStartInfo(
            program, ["-z", "n", "-b", "n", "-f", "series_%s", "-o", output, Path.GetFullPath(folder)])
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
            var uneven = said.FirstOrDefault(line => line.Contains(UnevenSlices, StringComparison.Ordinal));
            return (
                uneven ?? said.LastOrDefault(line => line.Contains("rror", StringComparison.Ordinal))
                    ?? said.LastOrDefault() ?? "it gave no reason",
                process.ExitCode != 0 || uneven is not null);
        }
        catch (Win32Exception error)
        {
            throw new SharpSegException($"`{program}`: cannot be run: {error.Message}", $"install {ProgramName} again", error);
        }
    }
}
