using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Tests.Inference;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Steps;

/// <summary>Folders of saved probabilities become one folder of segmentations, or a clear error.</summary>
public sealed class EnsembleRunTests
{
    private static readonly DatasetDescription Plain = new("test", ["CT"], InferenceFixtures.TwoLabels, ".nii.gz", null);
    private static readonly Extent Size = new(2, 1, 2);

    [Fact]
    public void Three_members_are_averaged_on_the_scans_own_grid()
    {
        using var folder = new TemporaryFolder();
        Member(folder, "a", "x", [.9f, .1f, .6f, .5f]);
        Member(folder, "b", "x", [.4f, .1f, .3f, .5f]);
        Member(folder, "c", "x", [.4f, .8f, .3f, .5f]);
        var written = EnsembleRun.Execute(
            Paths(folder, "a", "b", "c"), folder.File("out"), Plain, SavedProbabilities.Full, SilentReporter.Instance, default);

        Assert.Equal([folder.File("out", "x.nii.gz")], written);
        var (scan, result) = (ImageFile.ReadLabels(folder.File("a", "x.nii.gz")), ImageFile.ReadLabels(written[0]));
        Assert.Equal([1, 0, 0, 0], result.Voxels); // means of label 1: .567, .333, .4, and .5, where background wins the tie
        Assert.Equal(scan.Geometry.RawHeader, result.Geometry.RawHeader);
        using var mean = ProbabilityFile.Open(ProbabilityFile.PathOf(folder.File("out"), "x"), InferenceFixtures.TwoLabels);
        var label1 = new float[4];
        mean.Read(1, 0, label1);
        Assert.Equal([1.7 / 3, 1.0 / 3, .4, .5], label1.Select(value => (double)value), (a, b) => Math.Abs(a - b) < 1e-6);
        Assert.True(File.Exists(folder.File("out", "dataset.json")));
    }

    [Fact]
    public void Regions_need_more_than_one_half_and_inner_ones_come_last()
    {
        using var folder = new TemporaryFolder();
        foreach (var (
            name, whole, core) in new[] { ("a", new[] { .9f, .9f, .2f, .5f }, new[] { .2f, .9f, .1f, .1f }),
            ("b", [.7f, .7f, .7f, .5f], [.2f, .3f, .1f, .1f]) })
        {
            ImageFile.WriteLabels(folder.File(name, "x.nii.gz"), new short[4], Geometry(Size), 2);
            ProbabilityFile.Write(
                ProbabilityFile.PathOf(folder.File(name), "x"), "x", new GivenMaps(Size, [whole, core]),
                InferenceFixtures.Regions, SavedProbabilities.Compact);
        }

        var regions = Plain with { Labels = InferenceFixtures.Regions };
        var written = EnsembleRun.Execute(
            Paths(folder, "a", "b"), folder.File("out"), regions, SavedProbabilities.None, SilentReporter.Instance, default);
        Assert.Equal([1, 2, 0, 0], ImageFile.ReadLabels(written[0]).Voxels);
    }

    /// <summary>
    /// A single folder, labelled again where another scan of the patient lies: at half the spacing, run backwards.
    /// </summary>
    [Theory]
    [InlineData(SavedProbabilities.Full)]
    [InlineData(SavedProbabilities.Compact)]
    public void Labels_are_decided_on_the_grid_of_another_scan(SavedProbabilities saved)
    {
        using var folder = new TemporaryFolder();
        Member(folder, "a", "x", [0.9f, 0.2f, 0.3f, 0.7f], saved: saved);      // (2, 1, 2)
        var finer = new ImageGeometry(
            new Extent(2, 1, 4), new Spacing(3, 2, 0.5), [0.5, 0, 0, 5.75, 0, -2, 0, 8, 0, 0, 3, 9], "", []);
        ImageFile.WriteFloats(folder.File("like", "x_0000.nii.gz"), new float[8], finer);
        var warnings = new List<string>();
        var written = EnsembleRun.Execute(
            [folder.File("a")], folder.File("out"), Plain, SavedProbabilities.Compact, new Warned(warnings), default,
            like: folder.File("like"));

        // x of the scan runs back from 7 to 6 mm; the new centres are at 5.75, 6.25, 6.75 and 7.25: at its voxels 1.25 (its
        // border), 0.75, 0.25 and −0.25 (its border). Label 1 has there 0.2, 0.375, 0.725, 0.9 and 0.7, 0.6, 0.4, 0.3.
        var result = ImageFile.ReadLabels(written[0]);
        Assert.Equal([0, 0, 1, 1, 1, 1, 0, 0], result.Voxels);
        Assert.Equal(finer.Spacing, result.Spacing);
        Assert.Equal(finer.Affine, result.Geometry.Affine, (a, b) => Math.Abs(a - b) < 1e-5);
        Assert.Empty(warnings);
        using var kept = ProbabilityFile.Open(ProbabilityFile.PathOf(folder.File("out"), "x"), InferenceFixtures.TwoLabels);
        var label1 = new float[8];
        kept.Read(1, 0, label1);
        Assert.Equal(
            [0.2f, 0.375f, 0.725f, 0.9f, 0.7f, 0.6f, 0.4f, 0.3f], label1, (a, b) => Math.Abs(a - b) < 2e-5);

        // one scan serves all cases; a part of it that was not predicted is said
        ImageFile.WriteFloats(
            folder.File("one.nii.gz"), new float[2], new ImageGeometry(
                new Extent(1, 1, 2), new Spacing(3, 2, 1), [1, 0, 0, 7, 0, -2, 0, 8, 0, 0, 3, 9], "", []));
        written = EnsembleRun.Execute(
            [folder.File("a")], folder.File("out"), Plain, SavedProbabilities.None, new Warned(warnings), default,
            like: folder.File("one.nii.gz"));
        Assert.Equal([1, 0], ImageFile.ReadLabels(written[0]).Voxels);
        Assert.Contains("1 of 2 voxels lie outside", Assert.Single(warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void Grids_that_cannot_be_meant_are_refused_by_name()
    {
        using var folder = new TemporaryFolder();
        Member(folder, "a", "x", new float[4]);
        Directory.CreateDirectory(folder.File("like"));
        Says("no scan of the case `x`");
        ImageFile.WriteFloats(folder.File("like", "x.nii.gz"), new float[4], Geometry(Size, shift: 500));
        Says("no voxel in common");
        ImageFile.WriteFloats(folder.File("like", "x_0000.nrrd"), new float[4], Geometry(Size));
        Says("both `x.nii.gz` and `x_0000.nrrd`");

        void Says(string what)
        {
            var error = Assert.Throws<SharpSegException>(() => EnsembleRun.Execute(
                [folder.File("a")], folder.File("out"), Plain, SavedProbabilities.None, SilentReporter.Instance, default,
                like: folder.File("like")));
            Assert.Contains(what, error.Message, StringComparison.Ordinal);
            Assert.NotNull(error.Hint);
        }
    }

    [Fact]
    public void Folders_that_do_not_match_are_refused_by_name_before_anything_is_written()
    {
        using var folder = new TemporaryFolder();
        Member(folder, "a", "x", new float[4]);
        Member(folder, "b", "x", new float[4]);
        Member(folder, "b", "y", new float[4]);
        Directory.CreateDirectory(folder.File("empty"));
        Says(["a", "b"], "y.probabilities.safetensors", folder.File("a"));
        Says(["b", "a"], "y.probabilities.safetensors", folder.File("a"));
        Says(["a", "empty"], folder.File("empty"), "no class probabilities");
        Says(["a", "none"], folder.File("none"), "no such folder");
        Says(["a"], "two or more");

        Member(folder, "larger", "x", new float[6], new Extent(3, 1, 2));
        Says(["a", "larger"], ProbabilityFile.PathOf(folder.File("larger"), "x"), "3×1×2", "2×1×2");

        Member(folder, "moved", "x", new float[4], shift: 5);
        Says(["a", "moved"], folder.File("moved", "x.nii.gz"), "elsewhere in space");

        Member(folder, "torn", "x", new float[4]);
        ImageFile.WriteLabels(folder.File("torn", "x.nii.gz"), new short[6], Geometry(new Extent(3, 1, 2)), 1);
        Says(["a", "torn"], folder.File("torn", "x.nii.gz"), "3×1×2");
        File.Delete(folder.File("torn", "x.nii.gz"));
        Says(["a", "torn"], folder.File("torn", "x.nii.gz"), "no such file");

        var output = Assert.Throws<SharpSegException>(() =>
            EnsembleRun.Execute(
                Paths(folder, "a", "a"), folder.File("a"), Plain, SavedProbabilities.None, SilentReporter.Instance, default));
        Assert.Contains("cannot be the output as well", output.Message, StringComparison.Ordinal);

        void Says(string[] names, params string[] says)
        {
            var error = Assert.Throws<SharpSegException>(() =>
                EnsembleRun.Execute(
                    Paths(folder, names), folder.File("out"), Plain, SavedProbabilities.None, SilentReporter.Instance,
                    default));
            Assert.All(says, part => Assert.Contains(part, error.Message, StringComparison.Ordinal));
            Assert.NotNull(error.Hint);
            Assert.False(Directory.Exists(folder.File("out")));
        }
    }

    [Fact]
    public void Members_that_write_a_label_as_different_values_are_refused_by_name()
    {
        using var folder = new TemporaryFolder();
        foreach (var name in new[] { "a", "b", "c" })
        {
            Member(folder, name, "x", new float[4]);
        }

        LabelEntry[] entries = [.. InferenceFixtures.TwoLabels.Entries];
        DatasetDescription With(params int[] values) =>
            Plain with { Labels = new LabelScheme(entries, originalValues: values) };
        File.WriteAllText(folder.File("a", "dataset.json"), With(0, 255).ToJson());
        File.WriteAllText(folder.File("b", "dataset.json"), With(0, 7).ToJson());
        File.WriteAllText(folder.File("c", "dataset.json"), With(0, 255).ToJson());
        var error = Assert.Throws<SharpSegException>(() => Average("a", "b"));
        Assert.Equal(
            $"`{folder.File("b", "dataset.json")}`: `{entries[1].Name}` has the value 7, but 255 in the other dataset.json",
            error.Message);
        Assert.False(Directory.Exists(folder.File("out")));
        Average("a", "c");

        void Average(params string[] names) => EnsembleRun.Execute(
            Paths(folder, names), folder.File("out"), With(0, 255), SavedProbabilities.None, SilentReporter.Instance, default);
    }

    private static string[] Paths(TemporaryFolder folder, params string[] names) => [.. names.Select(name => folder.File(name))];

    /// <summary>A folder as predict leaves it: the probability of label 1, and a segmentation for its header.</summary>
    private static void Member(
        TemporaryFolder folder, string name, string id, float[] label1, Extent? size = null, double shift = 0,
        SavedProbabilities saved = SavedProbabilities.Full)
    {
        var extent = size ?? Size;
        ImageFile.WriteLabels(folder.File(name, id + ".nii.gz"), new short[extent.Voxels], Geometry(extent, shift), 1);
        ProbabilityFile.Write(
            ProbabilityFile.PathOf(folder.File(name), id), id, new GivenMaps(extent, [[.. label1.Select(p => 1 - p)], label1]),
            InferenceFixtures.TwoLabels, saved);
    }

    private sealed class Warned(List<string> warnings) : IReporter
    {
        public void Stage(string name)
        {
        }

        public void Progress(double fraction, string detail)
        {
        }

        public void Info(string line)
        {
        }

        public void Warning(string line) => warnings.Add(line);
    }

    private static ImageGeometry Geometry(Extent size, double shift = 0) =>
        new(size, new Spacing(3, 2, 1), [-1, 0, 0, 7 + shift, 0, -2, 0, 8, 0, 0, 3, 9], "", []);
}
