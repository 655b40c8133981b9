using System.Globalization;
using System.Text.RegularExpressions;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// What a command says it will take is what it takes, shown under a hard limit of the operating system
/// (docs/method/memory.md).
/// </summary>
public sealed partial class MemoryTests : IDisposable
{
    private const double Tolerance = 1.1; // of what is printed

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [FactWith(Needs.Bash)]
    public void Preprocessing_with_resampling_takes_what_it_says()
    {
        var work = folder.At("work");
        SharpSegProcess.Succeed("plan", Large(), "-o", work, "--spacing", "1.03,0.97,1.02", "--memory", "1GB");
        string[] command = ["preprocess", work, "-c", "3d_fullres"];
        var need = Printed(SharpSegProcess.Succeed(command));
        Assert.InRange(need, 350e6, 600e6);
        Directory.Delete(Path.Combine(work, "preprocessed"), recursive: true);
        var outcome = SharpSegProcess.RunInMemory((long)(need * Tolerance), command);
        Assert.True(outcome.Code == 0, outcome.Errors);
    }

    /// <summary>
    /// The plan believes what it is told; where that is not there, one line names the file, the need and what to do.
    /// </summary>
    [FactWith(Needs.Bash)]
    public void Out_of_memory_is_one_line_with_file_need_and_remedy()
    {
        var (dataset, work) = (Large(), folder.At("work"));
        SharpSegProcess.Succeed("plan", dataset, "-o", work, "--memory", "1GB");
        var (image, labels) = (
            Path.Combine(dataset, "imagesTr", "case_0_0000.nii"), Path.Combine(dataset, "labelsTr", "case_0.nii"));
        string[][] commands =
        [
            ["preprocess", work, "-c", "2d", "--max-memory", "8G"],
            ["plan", dataset, "-o", folder.At("other"), "--max-memory", "8G"],
            ["verify", dataset, "--max-memory", "8G"],
            ["verify", dataset, "--fix", folder.At("repaired"), "--max-memory", "8G"],
            ["evaluate", labels, labels, "-d", Path.Combine(dataset, "dataset.json"), "--no-surface", "--max-memory", "8G"],
        ];
        foreach (var command in commands)
        {
            // An image is 79 MB, a label map half as much.
            var needsLess = command[0] is "evaluate" or "verify";
            var outcome = SharpSegProcess.RunInMemory(needsLess ? 110_000_000 : 140_000_000, command);
            outcome.AssertErrorWithHint(
                1, "out of memory", command[0] == "evaluate" ? labels : Path.GetFileName(image), "MB are needed");
        }

        Assert.Empty(Directory.EnumerateFiles(folder.At("work"), "case_0*", SearchOption.AllDirectories));
    }

    /// <summary>The limit of the operating system is as good as --max-memory: nothing is begun.</summary>
    [FactWith(Needs.Bash)]
    public void What_does_not_fit_into_the_process_limit_is_refused_before()
    {
        var (dataset, work) = (Large(), folder.At("work"));
        SharpSegProcess.RunInMemory(250_000_000, "plan", dataset, "-o", work)
            .AssertErrorWithHint(1, "MB of memory are needed, there are 237 MB");
        Assert.False(File.Exists(Path.Combine(work, "plans.json")));
    }

    /// <summary>The peak that a command printed, bytes.</summary>
    private static double Printed(Outcome outcome)
    {
        var match = Peak().Match(outcome.Errors);
        Assert.True(match.Success, outcome.Errors);
        return double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) * (match.Groups[2].Value == "GB" ? 1e9 : 1e6);
    }

    [GeneratedRegex(@"memory: .*?, ([\d.]+) (GB|MB) of [\d.]+ [GM]B with")]
    private static partial Regex Peak();

    /// <summary>A dataset of one case that is large enough to be worked on in steps.</summary>
    private string Large()
    {
        var size = new Extent(300, 256, 256);
        var dataset = folder.At("Dataset001_Large");
        TinyDataset.Describe(Directory.CreateDirectory(dataset).FullName, cases: 1, channels: 1);
        File.WriteAllText(
            Path.Combine(dataset, "dataset.json"),
            File.ReadAllText(Path.Combine(dataset, "dataset.json")).Replace(".nii.gz", ".nii", StringComparison.Ordinal));
        Directory.CreateDirectory(Path.Combine(dataset, "imagesTr"));
        Directory.CreateDirectory(Path.Combine(dataset, "labelsTr"));
        var values = new float[size.Voxels];
        var labels = new short[size.Voxels];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = 1 + (i * 7919L % 101);
            labels[i] = (short)(i / 65536 is > 100 and < 150 && i % 256 is > 50 and < 120 ? 1 + (i / 256 % 2) : 0);
        }

        var geometry = TinyDataset.Geometry(size, new Spacing(1, 1, 1));
        ImageFile.WriteFloats(Path.Combine(dataset, "imagesTr", "case_0_0000.nii"), values, geometry);
        ImageFile.WriteLabels(Path.Combine(dataset, "labelsTr", "case_0.nii"), labels, geometry, highestLabel: 2);
        return dataset;
    }
}
