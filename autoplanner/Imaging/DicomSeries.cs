using System.Globalization;

namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>
/// The DICOM series of a folder: which files are its slices, and whether they make up a volume. Converters leave out what they
/// cannot read and stack what is left, mostly without a word, so that this is looked at before.
/// </summary>
internal static class DicomSeries
{
    // Positions and directions are rounded when they are written.
    private const double EvenTo = 0.01;          // of a step between slices
    private const double RoundedTo = 0.02;       // mm, where that is not much of a step
    private const double RoundedMost = 0.05;     // of a step
    private const double SameTo = 1e-3;          // of a distance between pixels; of a unit vector
    private const double DriftTo = 0.5;          // of a voxel, by which a slice may lie beside its place, however many there are

    private const string ConvertYourself = "or convert it yourself (dcm2niix), look at the image and give that";

    // Files that people and programs put beside slices. Anything else that is no DICOM file could be a slice that was damaged.
    private static readonly string[] OtherEndings =
        [".txt", ".json", ".xml", ".csv", ".tsv", ".html", ".htm", ".pdf", ".md", ".log", ".md5", ".sha256", ".bval", ".bvec",
            ".ini", ".inf", ".db", ".exe"];

    /// <summary>Whether a file is the table of contents of a disc, which has the mark of DICOM files and is no slice.</summary>
    public static bool IsContents(string file) =>
        Path.GetFileName(file).Equals("DICOMDIR", StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether a name or the mark within says that a file is a DICOM file.</summary>
    public static bool IsDicom(string file) =>
        new FileInfo(file) is { Exists: true, Length: > 0 } // opening a pipe would wait for a writer
        && (file.EndsWith(".dcm", StringComparison.OrdinalIgnoreCase) || DicomHeader.HasMark(file));

    /// <summary>Whether a folder holds DICOM files.</summary>
    public static bool IsIn(string folder)
    {
        const int looked = 20; // files; a series has few files of other kinds, if any
        try
        {
            return Candidates(folder).Take(looked).Any(IsDicom);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>The first folder below one that holds DICOM files; null for none within a few levels.</summary>
    public static string? Below(string folder)
    {
        const int depth = 4, looked = 1000; // patient, study and series, and as much to look at as does not take long
        var options = new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = depth };
        return Directory.EnumerateDirectories(folder, "*", options).Take(looked).Order(StringComparer.Ordinal)
            .FirstOrDefault(IsIn);
    }

    /// <summary>The slices of a folder's series, once they are known to make up a volume.</summary>
    /// <param name="folder">The folder; its sub-folders are not looked at.</param>
    /// <returns>The files' headers in the order of their places, or one header of a file that is a volume or an image.</returns>
    /// <exception cref="SharpSegException">
    /// A file is damaged, there are none, they are of several series, or their slices are not evenly stacked: the line names the
    /// files.
    /// </exception>
    public static IReadOnlyList<DicomHeader> Slices(string folder)
    {
        var slices = new List<DicomHeader>();
        foreach (var file in Candidates(folder).Order(StringComparer.Ordinal))
        {
            if (new FileInfo(file).Length == 0)
            {
                throw new SharpSegException(
                    $"`{file}`: the file is empty, or it is a pipe or a device", "complete the series; pipes cannot be read");
            }

            if (DicomHeader.Read(file) is { } header)
            {
                slices.AddRange(header.IsOtherObject ? [] : [header]);
            }
            else if (ImageFile.EndingOf(file) is null
                && !OtherEndings.Contains(Path.GetExtension(file), StringComparer.OrdinalIgnoreCase))
            {
                throw new SharpSegException(
                    $"`{file}`: no DICOM file, among those of a series",
                    "copy that file again, or, if it is no slice, take it away");
            }
        }

        if (slices.Count == 0)
        {
            throw new SharpSegException(
                $"`{folder}`: no DICOM image in this folder",
                Below(folder) is { } deeper
                    ? $"a series lies deeper: give `{deeper}`"
                    : "give the folder that holds the files of one series");
        }

        RequireOneSeries(folder, slices);
        if (slices.Count == 1)
        {
            return slices;
        }

        if (slices.Find(slice => slice.Frames > 1) is { } volume)
        {
            throw new SharpSegException(
                $"`{folder}`: {Counted.Of(slices.Count, "file")}, of which `{Name(volume)}` has {volume.Frames} frames",
                "a file with several frames is a volume by itself: give it a folder of its own");
        }

        RequireOneGrid(folder, slices);
        return Stacked(folder, slices);
    }

    /// <summary>What a program makes of a series must be one volume of all its slices.</summary>
    /// <param name="folder">For messages.</param>
    /// <param name="slices">What <see cref="Slices"/> found.</param>
    /// <param name="image">What the program read.</param>
    /// <param name="program">Its name.</param>
    /// <param name="said">What it said.</param>
    /// <exception cref="SharpSegException">It is not.</exception>
    public static void RequireWhole(
        string folder, IReadOnlyList<DicomHeader> slices, MedicalImage image, string program, string? said = null)
    {
        if (slices.Count > 1 && image.Extent.Z != slices.Count)
        {
            throw new SharpSegException(
                $"`{folder}`: {slices.Count} slices, of which {program} makes an image of {image.Extent.Z}"
                    + (said is null ? "" : $": {said}"),
                "convert it yourself with another program, look at the image and give that");
        }

        if (image.Channels.Count != slices[0].Samples)
        {
            // Times or echoes would be taken for the channels of a model.
            throw new SharpSegException(
                $"`{folder}`: {program} makes an image of {image.Channels.Count} volumes of it",
                $"convert it with `dcm2niix -o NIFTI {folder}`, take them apart and give the one you want");
        }
    }

    private static IEnumerable<string> Candidates(string folder) =>
        Directory.EnumerateFiles(folder).Where(file => !Path.GetFileName(file).StartsWith('.') && !IsContents(file));

    private static string Name(DicomHeader slice) => Path.GetFileName(slice.File);

    private static string Mm(double value) => value.ToString("0.###", CultureInfo.InvariantCulture) + " mm";

    private static void RequireOneSeries(string folder, List<DicomHeader> slices)
    {
        var series = slices.GroupBy(slice => slice.Series).OrderByDescending(group => group.Count()).ToArray();
        if (series.Length > 1)
        {
            const int shown = 3;
            string[] list = [.. series.Select(group => $"{Counted.Of(group.Count(), "file")} like `{Name(group.First())}`")];
            throw new SharpSegException(
                $"`{folder}`: {series.Length} DICOM series in this folder: {Counted.First(list, shown)}",
                "give the folder that holds the files of one series");
        }
    }

    private static void RequireOneGrid(string folder, List<DicomHeader> slices)
    {
        // What most files say is right, and what one says otherwise is wrong.
        var size = slices.GroupBy(slice => slice.Size).MaxBy(group => group.Count())!.Key;
        var spacing = Typical(slices, slice => slice.PixelSpacing);
        var orientation = Typical(slices, slice => slice.Orientation);
        foreach (var slice in slices)
        {
            var wrong = slice.Size != size
                ? $"has {slice.Size.Rows}×{slice.Size.Columns} pixels, other slices {size.Rows}×{size.Columns}"
                : slice.Position is null || slice.Orientation is null
                    ? "does not say where it lies in the patient (0020,0032 and 0020,0037)"
                : slice.PixelSpacing is null ? "does not say how far its pixels lie apart (0028,0030)"
                : Differ(slice.PixelSpacing, spacing!, SameTo * spacing!.Min())
                    ? $"has pixels of {Text(slice.PixelSpacing)} mm, other slices of {Text(spacing!)}"
                : Differ(slice.Orientation, orientation!, SameTo) ? "is turned against other slices (0020,0037)"
                : null;
            if (wrong is not null)
            {
                throw new SharpSegException(
                    $"`{folder}`: `{Name(slice)}` {wrong}",
                    $"give the folder that holds the slices of one volume, {ConvertYourself}");
            }
        }
    }

    private static double[]? Typical(List<DicomHeader> slices, Func<DicomHeader, double[]?> of) => slices
        .Select(of).OfType<double[]>().GroupBy(value => string.Join('\\', value)).MaxBy(group => group.Count())?.First();

    private static bool Differ(double[] a, double[] b, double by) =>
        a.Zip(b).Any(pair => Math.Abs(pair.First - pair.Second) > by);

    private static string Text(double[] spacing) =>
        string.Join('×', spacing.Select(value => value.ToString("0.####", CultureInfo.InvariantCulture)));

    /// <summary>Slices lie one beside the other along their normal, each as far from the next.</summary>
    private static DicomHeader[] Stacked(string folder, List<DicomHeader> slices)
    {
        var normal = Normal(folder, slices[0]);
        var ordered = slices.OrderBy(slice => Along(slice)).ToArray();
        var steps = ordered.Skip(1).Zip(ordered, (next, slice) => Along(next) - Along(slice)).ToArray();
        var longest = steps.Max();
        double[] apart = [.. steps.Where(step => step > EvenTo * longest).Order()]; // the others lie at one place
        var usual = apart.Length > 0 ? apart[(apart.Length - 1) / 2] : 0;
        var tolerance = Math.Clamp(RoundedTo, EvenTo * usual, RoundedMost * usual);
        RequireNoneTwice(folder, ordered, steps, tolerance);
        for (var i = 0; i < steps.Length; i++)
        {
            if (Math.Abs(steps[i] - usual) > tolerance)
            {
                var missing = Math.Round(steps[i] / usual) - 1;
                throw Uneven(
                    folder,
                    $"{Pair(ordered, i)} are {Mm(steps[i])} apart, other slices {Mm(usual)}"
                        + (missing >= 1 ? $": {(missing == 1 ? "a slice is" : $"{missing} slices are")} missing" : ""));
            }
        }

        var beside = Enumerable.Range(0, steps.Length).Select(i => Beside(ordered[i], ordered[i + 1])).ToArray();
        var (worst, drift) = (Array.IndexOf(beside, beside.Max()), ordered.Max(slice => Beside(ordered[0], slice)));
        if (beside[worst] > tolerance || drift > DriftTo * ordered[0].PixelSpacing!.Min())
        {
            throw Uneven(
                folder,
                beside.Count(value => value > tolerance / 2) > steps.Length / 2 || beside[worst] <= tolerance
                    ? $"its slices are sheared, as by a tilted gantry: from `{Name(ordered[0])}` to `{Name(ordered[^1])}` they "
                        + $"move {Mm(drift)} to the side"
                    : $"{Pair(ordered, worst)} are shifted by {Mm(beside[worst])} against each other");
        }

        // Small unevennesses that add up.
        var step = (Along(ordered[^1]) - Along(ordered[0])) / steps.Length;
        var off = ordered.Select((slice, i) => Math.Abs(Along(slice) - Along(ordered[0]) - (i * step))).ToArray();
        var furthest = Array.IndexOf(off, off.Max());
        return off[furthest] <= DriftTo * usual ? ordered : throw Uneven(
            folder, $"`{Name(ordered[furthest])}` lies {Mm(off[furthest])} from where evenly stacked slices would have it");

        double Along(DicomHeader slice) => Dot(slice.Position!, normal);

        double Beside(DicomHeader a, DicomHeader b)
        {
            double[] way = [.. b.Position!.Zip(a.Position!, (to, from) => to - from)];
            var along = Dot(way, normal);
            return Math.Sqrt(way.Zip(normal, (part, unit) => Math.Pow(part - (along * unit), 2)).Sum());
        }
    }

    private static void RequireNoneTwice(string folder, DicomHeader[] ordered, double[] steps, double tolerance)
    {
        var twice = Enumerable.Range(0, steps.Length).Where(i => steps[i] <= tolerance).ToArray();
        if (twice.Length == 0)
        {
            return;
        }

        var places = ordered.Length - twice.Length;
        throw twice.Length >= places && ordered.Length % places == 0
            ? new SharpSegException(
                $"`{folder}`: {ordered.Length / places} slices at each of {Counted.Of(places, "place")}, such as "
                    + Pair(ordered, twice[0]),
                "a series of several volumes (of time, echoes, b-values): give the folder of one, " + ConvertYourself)
            : new SharpSegException(
                $"`{folder}`: {Pair(ordered, twice[0])} lie at the same place"
                    + (twice.Length > 1 ? $", and {Counted.Of(twice.Length - 1, "more pair")}" : ""),
                $"take away the slice that is too many, {ConvertYourself}");
    }

    private static string Pair(DicomHeader[] ordered, int first) => $"`{Name(ordered[first])}` and `{Name(ordered[first + 1])}`";

    private static SharpSegException Uneven(string folder, string what) =>
        new($"`{folder}`: {what}", $"complete the series or straighten it, {ConvertYourself}");

    private static double[] Normal(string folder, DicomHeader slice)
    {
        var (row, column) = (slice.Orientation![..3], slice.Orientation[3..]);
        double[] normal =
        [
            (row[1] * column[2]) - (row[2] * column[1]), (row[2] * column[0]) - (row[0] * column[2]),
            (row[0] * column[1]) - (row[1] * column[0]),
        ];
        var length = Math.Sqrt(Dot(normal, normal));
        return Math.Abs(length - 1) <= EvenTo
            ? [.. normal.Select(part => part / length)]
            : throw new SharpSegException(
                $"`{folder}`: the rows and columns of `{Name(slice)}` are not at right angles (0020,0037)",
                "its header is damaged");
    }

    private static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();
}
