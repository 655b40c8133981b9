using SharpSeg.AutoPlanner.Batches;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Tests.Batches;
using SharpSeg.AutoPlanner.Tests.Imaging;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Datasets;

/// <summary>Cases whose label maps do not show every class (docs/method/datasets.md §10), from dataset.json to scores.</summary>
public sealed class PartialLabelsTests
{
    private static readonly double[] OnlyA = [.. DatasetFolder.LabelValues.Select(value => value == 2 ? 0 : value)];

    private static readonly LabelScheme Regions = new(
        [new("background", [0]), new("whole", [1, 2]), new("core", [2])], [1, 2],
        labelled: new Dictionary<string, IReadOnlyList<string>> { ["x"] = ["core"] });

    [Theory]
    [InlineData("labelled")]
    [InlineData("labeled")]
    public void Classes_that_a_case_lacks_are_read_and_written_again(string key)
    {
        using var folder = Described($$""", "{{key}}": {"c": ["a"], "b": ["a", "b"]}""", onlyA: "c");
        var labels = Dataset.Open(folder.Path).Description.Labels;
        Assert.True(labels.Partial.Any);
        Assert.Equal([1], labels.Partial.Of("c"));
        Assert.Empty(labels.Partial.Of("b"));                   // shows all
        Assert.Empty(labels.Partial.Of("a"));                   // is not listed: shows all
        var again = DatasetDescription.FromJson(Dataset.Open(folder.Path).Description.ToJson()).Labels;
        Assert.Equal([1], again.Partial.Of("c"));
        Assert.False(again.WithoutCases().Partial.Any);         // a model carries no names of cases
        Assert.Equal(again.HeadCount, again.WithoutCases().HeadCount);
    }

    [Theory]
    [InlineData("""{"c": ["a", "d"]}""", "case `c` names `d`, which is no class")]
    [InlineData("""{"c": ["background"]}""", "case `c` names `background`, which is no class")]
    [InlineData("""{"c": []}""", "case `c` shows no class")]
    [InlineData("""{"c": "a"}""", "`labelled.c` is \"a\", not a list")]
    [InlineData("""["c"]""", "`labelled` is [\"c\"], not an object")]
    [InlineData("""{"c": ["a"]}, "labeled": {}""", "both `labelled` and `labeled`")]
    [InlineData("""{"d": ["a"]}""", "`labelled` names `d`, which is no training case")]
    [InlineData("""{"a": ["a"], "b": ["a"], "c": ["a"]}""", "by `labelled`, no training case shows `b`")]
    public void What_cannot_be_meant_is_refused_by_name(string value, string problem)
    {
        using var folder = Described($$""", "labelled": {{value}}""", onlyA: "c");
        var error = Assert.Throws<SharpSegException>(() => Dataset.Open(folder.Path));
        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
        Assert.Contains(
            DatasetVerifier.Verify(folder.Path),
            finding => finding.Severity == Severity.Error && finding.Message.Contains(problem, StringComparison.Ordinal));
    }

    [Fact]
    public void A_label_map_that_shows_what_it_is_said_to_lack_is_an_error()
    {
        using var folder = Described(""", "labelled": {"b": ["a"], "c": ["a"]}""", onlyA: "c");
        var dataset = Dataset.Open(folder.Path);
        dataset.LoadLabels(dataset.TrainingCases[2]);
        var error = Assert.Throws<SharpSegException>(() => dataset.LoadLabels(dataset.TrainingCases[1]));
        Assert.Contains("case `b`: the label map has the value 2", error.Message, StringComparison.Ordinal);
        var found = Assert.Single(DatasetVerifier.Verify(folder.Path));
        Assert.Equal(("b", Severity.Error), (found.Case, found.Severity));
        Assert.Contains("2 (8 voxels)", found.Message, StringComparison.Ordinal);
    }

    /// <summary>
    /// A voxel of a labelled region inside one that is not labelled is expected, and is no location of the latter.
    /// </summary>
    [Fact]
    public void Regions_that_a_case_lacks_have_no_locations_and_no_target()
    {
        Assert.Equal([0], Regions.Partial.Of("x"));
        Assert.Equal([1], Regions.UnexpectedLabels("x"));
        var lists = ForegroundLocations.Sample([0, 2, 2], new Extent(1, 1, 3), Regions, Regions.Partial.Of("x"));
        Assert.Equal(["(1, 2)", "2"], lists.Select(list => list.Key));
        Assert.Equal([0, 2], lists.Select(list => list.Count));

        var target = new float[6];
        new SupervisionTargets(Regions.Regions, null).Write([0, 2, 2], new(1, 1, 3), new(1, 1, 3), target, [0]);
        Assert.Equal([0, 0, 0, 1, 0, 1], target);
    }

    [Fact]
    public void Batches_say_what_each_sample_lacks()
    {
        MemoryCase[] cases = [Case("whole"), Case("partial")];
        using var loader = new BatchLoader(cases, [], new LoaderSettings
        {
            Backend = Processor.Sampling, Profile = Profile.Modern, Channels = 1, BatchSize = 4, Workers = 0,
            Geometry = PatchGeometry.For(Profile.Modern, new(4, 4, 4), is2D: false), Heads = 3,
            UnlabelledHeads = new() { ["whole"] = [], ["partial"] = [2] },
            TrainingIterations = 8, ValidationIterations = 0, Seed = 5,
        });
        var seen = new HashSet<string>();
        for (var i = 0; i < 8; i++)
        {
            using var batch = loader.Get(isTraining: true, 0, i);
            Assert.Equal(2, batch.Targets.Count);
            for (var n = 0; n < 4; n++)
            {
                seen.Add(batch.Origins[n].CaseId);
                Assert.Equal([0, 0, batch.Origins[n].CaseId == "partial" ? 1 : 0], batch.Targets[1][(3 * n)..(3 * (n + 1))]);
            }
        }

        Assert.Equal(2, seen.Count);
    }

    [Fact]
    public void Pseudo_dice_leaves_out_what_a_sample_lacks()
    {
        var dice = new PseudoDice(new LabelScheme([new("background", [0]), new("a", [1]), new("b", [2])]));

        // The second sample does not show b: what is found of it may be right. A missed voxel of a is missed.
        dice.Count([1, 2, 0, 2, 2, 1], [1, 2, 2, 0, 1, 1], [0, 0, 0, 0, 0, 1]);
        Assert.Equal([2 * 2 / 5.0, 2 / 3.0], dice.PerClass());

        var regions = new PseudoDice(Regions);
        regions.Count([1, 1, 1, -1], [0, 1, 0, 1], [1, 0]);
        Assert.Equal([null, 2 / 3.0], regions.PerClass());
    }

    [Fact]
    public void Scores_leave_out_what_the_reference_lacks()
    {
        using var folder = Described(""", "labelled": {"c": ["a"]}""", onlyA: "c");
        var labels = Dataset.Open(folder.Path).Description.Labels;

        // Every case is predicted as it is; in c the class b is found, though its label map cannot say whether rightly.
        foreach (var (i, id) in new[] { "a", "b", "c" }.Index())
        {
            var found = id == "c" ? DatasetFolder.LabelValues : DatasetFolder.LabelsOf(i);
            folder.Nifti($"found/{id}.nii.gz", new NiftiBytes { DataType = 2 }, found);
        }

        var summary = Evaluator.EvaluateFolder(
            Path.Combine(folder.Path, "found"), Path.Combine(folder.Path, "labelsTr"), labels, ".nii.gz",
            new EvaluationOptions { Surface = true });
        Assert.Equal([1, 1], summary.ClassDice);
        Assert.Equal([3, 2], [summary.CasesUsed(0), summary.CasesUsed(1)]);
        Assert.True(double.IsNaN(summary.Cases[2].Metrics[1].FalsePositives));
        Assert.Equal(0, summary.CasesWithoutDistance(1));
        var read = SummaryJson.Read(Written(folder, summary), EvaluatedClass.Of(labels));
        Assert.Equal(summary.ClassDice, read.ClassDice);
        Assert.Equal(2, read.CasesUsed(1));
    }

    /// <summary>
    /// In the first case b has two parts, in the second a small part of b is found that the label map does not show. Taken for an
    /// error it would be removed, at the cost of the first case; where the second does not show b, nothing speaks for that.
    /// </summary>
    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Postprocessing_is_not_decided_by_what_a_case_lacks(bool said, bool removed)
    {
        var scheme = new LabelScheme(
            [new("background", [0]), new("a", [1]), new("b", [2])],
            labelled: said ? new Dictionary<string, IReadOnlyList<string>> { ["1"] = ["a"] } : null);
        (short[] Reference, short[] Found)[] cases =
        [
            ([1, 0, 1, 0, 2, 2, 2, 2, 2, 2, 2, 2, 0, 2], [1, 0, 1, 0, 2, 2, 2, 2, 2, 2, 2, 2, 0, 2]),
            ([1, 0, 1, 0, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0], [1, 0, 1, 0, 2, 2, 2, 0, 2, 2, 0, 2, 0, 2]),
        ];
        var decided = PostprocessingDecision.Modern(
            2, index => (Map(cases[index].Reference), Map(cases[index].Found)), scheme, nameOf: index => $"{index}");
        Assert.Equal(removed, decided.Steps.LabelSets.Any(set => set.SequenceEqual([2])));
    }

    [Fact]
    public void Classes_that_no_case_of_a_fold_shows_are_known()
    {
        var labels = new LabelScheme(
            [new("background", [0]), new("a", [1]), new("b", [2])],
            labelled: new Dictionary<string, IReadOnlyList<string>> { ["x"] = ["a"], ["y"] = ["a"] });
        Assert.Equal([1], labels.Partial.ShownByNone(["x", "y"], 2));
        Assert.Empty(labels.Partial.ShownByNone(["x", "z"], 2));
        Assert.Empty(labels.Partial.ShownByNone([], 2));
    }

    private static DatasetFolder Described(string more, string onlyA)
    {
        var folder = DatasetFolder.V2("a", "b", "c");
        folder.Nifti($"labelsTr/{onlyA}.nii.gz", new NiftiBytes { DataType = 2 }, OnlyA);
        folder.Text("dataset.json", $$"""
            {"channel_names": {"0": "CT"}, "labels": {{DatasetFolder.TwoLabels}}, "numTraining": 3, "file_ending": ".nii.gz"{{more}}}
            """);
        return folder;
    }

    private static string Written(DatasetFolder folder, EvaluationSummary summary)
    {
        folder.Text("summary.json", SummaryJson.ToJson(summary));
        return folder.File("summary.json");
    }

    private static MemoryCase Case(string id)
    {
        var shape = new Extent(8, 8, 8);
        return new MemoryCase(id, shape, new float[shape.Voxels], new short[shape.Voxels], [1, 2]);
    }

    private static LabelImage Map(short[] row) =>
        new(new ImageGeometry(new Extent(1, 1, row.Length), new Spacing(1, 1, 1), new double[12], "none", []), row);
}
