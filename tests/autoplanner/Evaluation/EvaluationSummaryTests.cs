using System.Text.Json;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Tests.Imaging;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Evaluation;

public sealed class EvaluationSummaryTests
{
    private static readonly LabelScheme Scheme = new([new("background", [0]), new("a", [1]), new("b", [2])]);
    private static readonly IReadOnlyList<EvaluatedClass> Classes = EvaluatedClass.Of(Scheme);

    [Fact]
    public void Means_leave_out_NaN()
    {
        var summary = EvaluationSummary.Of(
            Classes, [Case("1", .8, double.NaN), Case("2", .6, double.NaN), Case("3", double.NaN, .5)]);
        Assert.Equal(.7, summary.ClassDice[0], 1e-12);
        Assert.Equal(.5, summary.ClassDice[1], 1e-12);
        Assert.Equal(.6, summary.ForegroundDice, 1e-12);
        Assert.Equal((2, 1, 2), (summary.CasesUsed(0), summary.CasesUsed(1), summary.ClassesUsed));

        var oneClass = EvaluationSummary.Of(Classes, [Case("1", .8, double.NaN)]);
        Assert.Equal(.8, oneClass.ForegroundDice, 1e-12);
        Assert.True(double.IsNaN(EvaluationSummary.Of(Classes, [Case("1", double.NaN, double.NaN)]).ForegroundDice));
    }

    [Fact]
    public void Folds_are_merged_before_they_are_averaged()
    {
        var folds =
            new[] { EvaluationSummary.Of(Classes, [Case("1", .9, 1), Case("2", .9, 1)]),
                EvaluationSummary.Of(Classes, [Case("3", .3, 1)]) };
        Assert.Equal(.7, EvaluationSummary.Merge(folds).ClassDice[0], 1e-12);
        Assert.Contains(
            "`1`", Assert.Throws<SharpSegException>(() => EvaluationSummary.Merge([folds[0], folds[0]])).Message,
            StringComparison.Ordinal);
        Assert.Throws<SharpSegException>(() => EvaluationSummary.Merge([]));
    }

    [Fact]
    public void A_summary_survives_its_file_and_NaN_is_null()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("summary.json");
        var surface = Case("x", .5, double.NaN) with
        {
            Metrics = [.. Case("x", .5, double.NaN).Metrics.Select(metrics => metrics with { Hd95 = double.NaN, Nsd = 0 })],
        };
        var summary = EvaluationSummary.Of(Classes, [surface]);
        var json = SummaryJson.ToJson(summary);
        File.WriteAllText(path, json);
        using var document = JsonDocument.Parse(json);
        var mean = document.RootElement.GetProperty("mean");
        Assert.Equal(JsonValueKind.Null, mean.GetProperty("2").GetProperty("Dice").ValueKind);
        Assert.Equal(1, mean.GetProperty("1").GetProperty("n_undefined").GetInt32());
        Assert.Equal(1, document.RootElement.GetProperty("foreground_mean").GetProperty("n_classes_used").GetInt32());

        var read = SummaryJson.Read(path, Classes);
        Assert.Equal(json, SummaryJson.ToJson(read));
        Assert.Contains("foreground", SummaryTable.Of(read, perCase: true), StringComparison.Ordinal);
    }

    [Fact]
    public void The_references_own_files_are_read()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("summary.json");
        const string one = """{"Dice": NaN, "FN": 0, "FP": 0, "IoU": NaN, "TN": 8, "TP": 0, "n_pred": 0, "n_ref": 0}""";
        const string two = """{"Dice": 0.5, "FN": 1, "FP": 1, "IoU": "NaN", "TN": 8, "TP": 1, "n_pred": 2, "n_ref": 2}""";
        File.WriteAllText(
            path,
            $$"""{"mean": {}, "metric_per_case": [{"metrics": {"1": {{one}}, "2": {{two}}}, "prediction_file": "/a/NaN, b/case_9.nii.gz", "reference_file": "r"}]}""");
        var summary = SummaryJson.Read(path, Classes);
        Assert.Equal("case_9", summary.Cases[0].CaseId);
        Assert.True(double.IsNaN(summary.Cases[0].Metrics[0].Dice) && double.IsNaN(summary.Cases[0].Metrics[1].IoU));
        Assert.Equal(.5, summary.ForegroundDice);

        File.WriteAllText(path, """{"metric_per_case": [{"metrics": {}}]}""");
        Assert.Throws<SharpSegException>(() => SummaryJson.Read(path, Classes));
        File.WriteAllText(path, "{}");
        Assert.Throws<SharpSegException>(() => SummaryJson.Read(path, Classes));
    }

    /// <summary>A Dice of 5 would be averaged, compared and reported as if it were one.</summary>
    [Theory]
    [InlineData("Dice", "5")]
    [InlineData("Dice", "-0.1")]
    [InlineData("IoU", "1.01")]
    [InlineData("TP", "-1")]
    [InlineData("FN", "1e30")]
    [InlineData("HD95", "-2")]
    [InlineData("NSD", "2")]
    public void A_value_that_cannot_be_is_refused(string metric, string value)
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("summary.json");
        void Write(string number) => File.WriteAllText(
            path,
            """{"metric_per_case": [{"case": "c", "reference_file": "r", "prediction_file": "p", "metrics": {"1": {KEY: VALUE}, "2": {}}}]}"""
                .Replace("KEY: VALUE", $"\"{metric}\": {number}", StringComparison.Ordinal));
        Write("1");
        SummaryJson.Read(path, Classes);
        Write(value);
        var error = Assert.Throws<SharpSegException>(() => SummaryJson.Read(path, Classes));
        Assert.StartsWith($"{path}: metric_per_case[0].metrics.1.{metric}: ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_table_shows_classes_and_their_mean()
    {
        var table = SummaryTable.Of(EvaluationSummary.Of(Classes, [Case("1", .8, double.NaN), Case("2", .6, double.NaN)]));
        Assert.Equal(
            """
            case             class  name          Dice     IoU  n_pred  n_ref
            mean of 2 cases  1      a           0.7000  0.5000       3      5
            mean of 0 cases  2      b                -       -       3      5
            mean of 1 class         foreground  0.7000  0.5000       3      5

            """.ReplaceLineEndings("\n"),
            table);
    }

    [Fact]
    public void A_prediction_that_lies_elsewhere_in_space_is_warned_of()
    {
        using var folder = new TemporaryFolder();
        string predictions = Path.Combine(folder.Path, "p"), references = Path.Combine(folder.Path, "r");
        var extent = new Extent(2, 3, 4);
        var labels = new short[24];
        labels[5] = 1;
        void Write(string name, double[] affine) => ImageFile.WriteLabels(
            folder.File(name, "a.nii.gz"), labels, new ImageGeometry(extent, new Spacing(2, 1, 1), affine, "", []), 2);
        Write("r", [-1, 0, 0, 30, 0, -1, 0, 20, 0, 0, 2, -20]);
        Write("p", [-1, 0, 0, 30.00001, 0, -1, 0, 20, 0, 0, 2, -20]);
        Assert.Empty(Evaluator.EvaluateFolder(predictions, references, Scheme, ".nii.gz").Cases[0].Warnings);
        Write("p", [-1, 0, 0, 30, 0, 1, 0, 18, 0, 0, 2, -20]);
        var warning = Assert.Single(Evaluator.EvaluateFolder(predictions, references, Scheme, ".nii.gz").Cases[0].Warnings);
        Assert.Contains("elsewhere in space", warning, StringComparison.Ordinal);
        Assert.Contains("axes LAS and LPS", warning, StringComparison.Ordinal);
    }

    [Fact]
    public void A_case_has_all_its_warnings()
    {
        using var folder = new TemporaryFolder();
        string predictions = Path.Combine(folder.Path, "p"), references = Path.Combine(folder.Path, "r");
        void Write(string name, double height, double offset)
        {
            Directory.CreateDirectory(folder.File(name));
            File.WriteAllBytes(
                folder.File(name, "a.nii"),
                new NiftiBytes
                {
                    DataType = 2, PixDim = [1, 1, 1, height, 0, 0, 0, 0], Sform = 1,
                    Srow = [1, 0, 0, offset, 0, 1, 0, 0, 0, 0, height == 0 ? 1 : height, 0],
                }.Build(new double[24]));
        }

        Write("p", 2, 9);
        Write("r", 0, 0);
        var warnings = Evaluator.EvaluateFolder(
            predictions, references, Scheme, ".nii", new EvaluationOptions { Surface = true }).Cases[0].Warnings;
        Assert.Collection(
            warnings,
            spacing => Assert.Contains("a spacing of 0 mm along z", spacing, StringComparison.Ordinal),
            spacing => Assert.Contains("differs from reference spacing", spacing, StringComparison.Ordinal),
            place => Assert.Contains("elsewhere in space than the reference (by up to 9", place, StringComparison.Ordinal));
    }

    [Fact]
    public void Values_that_no_label_has_are_named()
    {
        using var folder = new TemporaryFolder();
        string predictions = Path.Combine(folder.Path, "p"), references = Path.Combine(folder.Path, "r");
        Write(folder.File("p", "a.nii.gz"), [1, 1, 0, 0], 1);
        Write(folder.File("r", "a.nii.gz"), [1, 9, 8, 0], 1);
        var item = Assert.Single(Evaluator.EvaluateFolder(predictions, references, Scheme, ".nii.gz").Cases);
        var warning = Assert.Single(item.Warnings);
        Assert.Contains("the reference has values that are not among the dataset's labels", warning, StringComparison.Ordinal);
        Assert.EndsWith(", which count as background: 8, 9", warning, StringComparison.Ordinal);
        Assert.Equal(1, item.Metrics[0].FalsePositives);
    }

    [Fact]
    public void Folders_are_compared_by_file_name()
    {
        using var folder = new TemporaryFolder();
        string predictions = Path.Combine(folder.Path, "p"), references = Path.Combine(folder.Path, "r");
        Write(folder.File("p", "a.nii.gz"), [1, 1, 0, 0], 1);
        Write(folder.File("r", "a.nii.gz"), [1, 0, 2, 0], 1);
        File.WriteAllText(folder.File("p", "._a.nii.gz"), "left by macOS");
        var summary = Evaluator.EvaluateFolder(
            predictions, references, Scheme, ".nii.gz", new EvaluationOptions { Surface = true });
        Assert.Equal(2.0 / 3, summary.ClassDice[0], 1e-12);
        Assert.Equal(0, summary.ClassDice[1]);
        Assert.Equal(0, summary.ClassMeans[1]["NSD"]);

        Write(folder.File("r", "b.nii.gz"), [1, 0, 2, 0], 1);
        Assert.Contains("`b`", Fails(new EvaluationOptions { RequireAll = true }), StringComparison.Ordinal);
        var partial = Evaluator.EvaluateFolder(predictions, references, Scheme, ".nii.gz");
        Assert.Single(partial.Cases);
        Assert.Equal(["b"], partial.Missing);

        Write(folder.File("p", "b.nii.gz"), [1, 0, 2, 0], 2);
        var warned = Evaluator.EvaluateFolder(predictions, references, Scheme, ".nii.gz");
        Assert.Contains(warned.Cases[1].Warnings, warning => warning.Contains("spacing", StringComparison.Ordinal));
        Write(folder.File("p", "b.nii.gz"), [1, 0, 2], 1);
        Assert.Contains("case `b`", Fails(new EvaluationOptions()), StringComparison.Ordinal);
        Write(folder.File("p", "c.nii.gz"), [1, 0, 2], 1);
        Assert.Contains("`c`", Fails(new EvaluationOptions()), StringComparison.Ordinal);

        string Fails(EvaluationOptions options) =>
            Assert.Throws<SharpSegException>(
                () => Evaluator.EvaluateFolder(predictions, references, Scheme, ".nii.gz", options)).Message;
    }

    private static void Write(string path, short[] labels, double spacing) => ImageFile.WriteLabels(
        path, labels,
        new ImageGeometry(
            new Extent(1, 1, labels.Length), new Spacing(1, 1, spacing), [spacing, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0],
            "none", []), 9);

    private static CaseMetrics Case(string id, params double[] dice) => new(
        id, "reference", "prediction",
        [
            .. dice.Select(value => new ClassMetrics
            {
                Dice = value, IoU = double.IsNaN(value) ? double.NaN : 0.5, TruePositives = 2, FalsePositives = 1,
                FalseNegatives = 3, TrueNegatives = 4,
            }),
        ]);
}
