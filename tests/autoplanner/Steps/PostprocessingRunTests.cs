using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Steps;

/// <summary>The label rows of docs/method/evaluation.md §6, from files to files.</summary>
public sealed class PostprocessingRunTests
{
    private static readonly DatasetDescription Description =
        new("test", ["CT"], new LabelScheme([new("background", [0]), new("a", [1]), new("b", [2])]), ".nii.gz", null);

    private static readonly short[] Rows =
        [1, 1, 1, 0, 0, 0, 2, 2, 1, 1, 1, 0, 0, 0, 0, 0, 2, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1];

    [Fact]
    public void Steps_are_done_in_order_and_originals_stay()
    {
        using var folder = new TemporaryFolder();
        Write(folder.File("in", "x.nii.gz"), Rows);
        Write(
            folder.File("in", "clean.nii.gz"), [.. Rows.Select(label => (short)(label == 1 ? 1 : 0)).Take(24), .. new short[8]]);
        var original = File.ReadAllBytes(folder.File("in", "x.nii.gz"));
        var steps = new PostprocessingSteps([[1, 2], [2]], Connectivity.Full);

        var removed = PostprocessingRun.Execute(
            folder.File("in"), folder.File("out"), steps, Description, SilentReporter.Instance, default);

        Assert.Equal([("clean", 0L), ("x", 4L)], removed.Select(pair => (pair.Key, pair.Value)));
        var result = ImageFile.ReadLabels(folder.File("out", "x.nii.gz"));
        Assert.Equal(
            [1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 2, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], result.Voxels);
        Assert.Equal(ImageFile.ReadGeometry(folder.File("in", "x.nii.gz")).RawHeader, result.Geometry.RawHeader);
        Assert.Equal(original, File.ReadAllBytes(folder.File("in", "x.nii.gz")));
        Assert.Equal("keep the largest component of a+b, then of b", steps.Describe(Description.Labels));
    }

    /// <summary>A header says nothing of runs; what many of them take is known before they are joined.</summary>
    [Fact]
    public void Noise_that_does_not_fit_is_refused()
    {
        using var folder = new TemporaryFolder();
        var noise = Enumerable.Range(0, Rows.Length).Select(i => (short)(1 + (i % 2))).ToArray();
        Write(folder.File("in", "x.nii.gz"), noise);
        var budget = new MemoryBudget(MemoryBudget.SmallProgramBytes + PostprocessingRun.Bytes(noise.Length), IsGiven: true);
        var steps = new PostprocessingSteps([[1, 2]], Connectivity.Full);
        var error = Assert.Throws<SharpSegException>(() => PostprocessingRun.Execute(
            folder.File("in"), folder.File("out"), steps, Description, SilentReporter.Instance, default, budget));
        Assert.Contains("of memory are needed, --max-memory allows", error.Message, StringComparison.Ordinal);

        Write(folder.File("in", "x.nii.gz"), [.. noise.Select(_ => (short)0)]);
        PostprocessingRun.Execute(
            folder.File("in"), folder.File("out"), steps, Description, SilentReporter.Instance, default, budget);
    }

    [Fact]
    public void Unusable_folders_are_named()
    {
        using var folder = new TemporaryFolder();
        Says(folder.File("none"), folder.File("out"), "no such folder");
        Directory.CreateDirectory(folder.File("in"));
        Says(folder.File("in"), folder.File("out"), "no file ends in .nii.gz");
        Write(folder.File("in", "x.nii.gz"), [.. Rows.Take(31), 7]);
        Says(folder.File("in"), folder.File("in"), "cannot be the output as well");
        Says(folder.File("in"), folder.File("out"), "x.nii.gz", "label 7");

        static void Says(string input, string output, params string[] says)
        {
            var error = Assert.Throws<SharpSegException>(() =>
                PostprocessingRun.Execute(
                    input, output, PostprocessingSteps.None, Description, SilentReporter.Instance, default));
            Assert.All(says, part => Assert.Contains(part, error.Message, StringComparison.Ordinal));
        }
    }

    private static void Write(string path, short[] labels) => ImageFile.WriteLabels(
        path, labels, new ImageGeometry(new Extent(1, 4, 8), new Spacing(1, 2, 3), [3, 0, 0, 1, 0, 2, 0, 2, 0, 0, 1, 3], "", []),
        highestLabel: 9);
}
