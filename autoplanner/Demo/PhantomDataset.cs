using System.Text;
using SharpSeg.AutoPlanner.Imaging;

namespace SharpSeg.AutoPlanner.Demo;

/// <summary>
/// Writes a deterministic dataset of <see cref="PhantomCase"/>s in nnU-Net's raw format, so that everything can be tried with
/// nothing to download.
/// </summary>
internal static class PhantomDataset
{
    /// <summary>With fewer cases, five folds say nothing.</summary>
    public const int MinimumCases = 24;

    /// <summary>Refuses a number of cases that would say nothing.</summary>
    /// <exception cref="SharpSegException">Too few cases.</exception>
    public static void RequireEnough(int cases)
    {
        if (cases < MinimumCases)
        {
            throw new SharpSegException($"{cases} phantom cases are too few", $"ask for {MinimumCases} or more with --cases");
        }
    }

    /// <summary>Refuses to continue a dataset of another number of cases.</summary>
    /// <exception cref="SharpSegException">It has another one, or more than that already.</exception>
    public static void RequireSame(string folder, int cases)
    {
        var (images, description) = (Path.Combine(folder, "imagesTr"), Path.Combine(folder, "dataset.json"));
        var written = Directory.Exists(images) ? Directory.GetFiles(images, "phantom_*_0000.nii.gz").Length : 0;
        if (File.Exists(description) ? written != cases : written > cases) // it is written last
        {
            throw new SharpSegException(
                $"`{folder}` has {written} cases, not {cases}",
                File.Exists(description) ? $"`--cases {written}` continues it; without --resume it is made anew"
                    : "give --cases as before; without --resume it is made anew");
        }
    }

    /// <summary>Writes the dataset; files that exist already are left as they are (they are the same).</summary>
    /// <param name="folder">Dataset folder, made if need be.</param>
    /// <param name="cases">Number of cases, at least <see cref="MinimumCases"/>.</param>
    /// <param name="reporter">Receives progress after every case.</param>
    /// <param name="cancel">Stops between cases.</param>
    /// <exception cref="SharpSegException">Too few cases.</exception>
    public static void Write(string folder, int cases, IReporter reporter, CancellationToken cancel = default)
    {
        RequireEnough(cases);
        var images = Directory.CreateDirectory(Path.Combine(folder, "imagesTr")).FullName;
        var labels = Directory.CreateDirectory(Path.Combine(folder, "labelsTr")).FullName;
        for (var i = 0; i < cases; i++)
        {
            cancel.ThrowIfCancellationRequested();
            var id = $"phantom_{i:000}";
            var imageFile = Path.Combine(images, id + "_0000.nii.gz");
            var labelFile = Path.Combine(labels, id + ".nii.gz");
            if (!File.Exists(imageFile) || !File.Exists(labelFile))
            {
                var phantom = PhantomCase.Create(i);
                var geometry = new ImageGeometry(phantom.Extent, phantom.Spacing, Affine(phantom.Spacing), "", []);
                ImageFile.WriteFloats(imageFile, phantom.Image, geometry);
                ImageFile.WriteLabels(labelFile, phantom.Labels, geometry, highestLabel: 2);
            }

            reporter.Progress((i + 1.0) / cases, $"case {i + 1}/{cases}");
        }

        AtomicFile.WriteText(Path.Combine(folder, "dataset.json"), Description(cases));
    }

    private static double[] Affine(Spacing s) => [s.X, 0, 0, 0, 0, s.Y, 0, 0, 0, 0, s.Z, 0];

    private static string Description(int cases) => new StringBuilder()
        .AppendLine("{")
        .AppendLine("  \"name\": \"Phantom\",")
        .AppendLine("  \"channel_names\": { \"0\": \"synthetic MRI\" },")
        .AppendLine("  \"labels\": { \"background\": 0, \"head\": 1, \"tail\": 2 },")
        .AppendLine(FormattableString.Invariant($"  \"numTraining\": {cases},"))
        .AppendLine("  \"file_ending\": \".nii.gz\"")
        .AppendLine("}")
        .ToString();
}
