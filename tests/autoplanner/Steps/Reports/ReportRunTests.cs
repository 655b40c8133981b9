using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Steps.Reports;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Steps.Reports;

/// <summary>Reports of made-up scores: what they say, and what they refuse.</summary>
public sealed class ReportRunTests : IDisposable
{
    private static readonly Extent Size = new(4, 6, 8);

    private readonly TemporaryFolder folder = new();
    private readonly string description;

    public ReportRunTests()
    {
        description = folder.File("work", "dataset.json");
        File.WriteAllText(description, """
            {"name": "d", "channel_names": {"0": "CT"}, "labels": {"background": 0, "<i>a</i>": 1, "b": 2}, "file_ending": ".nii.gz"}
            """);
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public void The_worst_case_comes_first_and_the_median_is_drawn()
    {
        var result = Report(6, pictures: 3);
        var page = File.ReadAllText(result.Page);
        Assert.Equal(3, result.Pictures);
        Assert.Equal(0, result.CasePages);
        var order = Enumerable.Range(0, 6).Select(i => page.IndexOf($"case{i}&lt;&amp;", StringComparison.Ordinal)).ToArray();
        Assert.True(order[0] >= 0 && order[0] < order[1], "the worst case first");
        Assert.Contains("number 1 from the bottom of 6", page, StringComparison.Ordinal);
        Assert.Contains("the median case of 6", page, StringComparison.Ordinal);
        Assert.Equal(3, page.Split("<article class=\"case\"").Length - 1);
        Assert.Equal(9, page.Split("class=\"plane\"").Length - 1); // three planes each
        Assert.Equal(9, page.Split("<image ").Length - 1);
        Assert.Contains("&lt;i&gt;a&lt;/i&gt;", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<i>a</i>", page, StringComparison.Ordinal);

        var json = JsonNode.Parse(File.ReadAllText(result.Json))!;
        Assert.Equal("sharpseg-report", (string)json["format"]!);
        var cases = json["scores"]!["cases_worst_first"]!.AsArray();
        Assert.Equal(Enumerable.Range(0, 6).Select(i => $"case{i}<&"), cases.Select(item => (string)item!["case"]!));
        Assert.Equal("case3<&", (string)json["scores"]!["median_case"]!);
    }

    [Fact]
    public void A_picture_shows_both_label_maps_where_they_are()
    {
        var page = File.ReadAllText(Report(1, pictures: 1).Page);

        // The reference has 2×4 voxels of label 1 in the middle of a slice, of 6 rows and 8 columns.
        Assert.Contains("d=\"M2 2h4v2h-4v-2z\"", page, StringComparison.Ordinal);

        // The prediction misses the column that lies to the patient's left, on the right of the picture.
        Assert.Contains("d=\"M3 2h3v2h-3v-2z\"", page, StringComparison.Ordinal);
        Assert.Contains("<b class=\"l\">R</b><b class=\"r\">L</b><b class=\"t\">A</b><b class=\"b\">P</b>", page, StringComparison.Ordinal);
    }

    [Fact]
    public void The_cases_that_are_drawn_are_also_files()
    {
        var result = ReportRun.OfEvaluation(
            "t", Scores(4), description, folder.File("images"),
            new ReportRequest(folder.File("out", "r.html"), Pictures: 2) { PictureFolder = folder.File("out", "overlays") },
            SilentReporter.Instance, default);
        Assert.Equal(2, result.Pictures);
        var files = Directory.GetFiles(folder.File("out", "overlays")).Select(file => Path.GetFileName(file)).Order();
        Assert.Equal(["case0<&.png", "case2<&.png"], files);
        var png = Png.Read(folder.File("out", "overlays", "case0<&.png"));
        Assert.True(png is { Width: > 900, Height: > 900 }, $"{png.Width}×{png.Height}");

        // Two thirds of the picture's width is the reference's and the prediction's: the colour of label 1 is in both.
        var color = SharpSeg.AutoPlanner.Imaging.Pictures.LabelPalette.Of(1);
        foreach (var third in new[] { 0, 1, 2 })
        {
            var found = Enumerable.Range(0, png.Width * (png.Height - 60)).Count(i => i % png.Width * 3 / png.Width == third
                && Math.Abs(png.Samples[3 * i] - color.R) < 16 && Math.Abs(png.Samples[(3 * i) + 1] - color.G) < 16
                && Math.Abs(png.Samples[(3 * i) + 2] - color.B) < 16);
            Assert.True(third == 0 ? found == 0 : found > 500, $"{found} pixels in third {third}");
        }
    }

    [Fact]
    public void What_cannot_be_drawn_is_named_and_the_rest_is_there()
    {
        var summary = Scores(3);
        File.Delete(summary.Cases[1].PredictionFile);
        var result = ReportRun.OfEvaluation(
            "t", summary, description, null, new ReportRequest(folder.File("out", "r.html")), SilentReporter.Instance, default);
        Assert.Equal(2, result.Pictures);
        var page = File.ReadAllText(result.Page);
        Assert.Contains("Not shown: case <code>case1&lt;&amp;</code> is not drawn", page.Replace("`", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Equal(2, page.Split("<article class=\"case\"").Length - 1);
    }

    [Fact]
    public void A_page_that_would_be_too_large_becomes_an_index_and_pages()
    {
        var many = Enumerable.Range(0, 150).Select(i => new CaseMetrics(
            $"case_{i:00000}", "r", "p", [.. Enumerable.Range(0, 2).Select(_ => ClassMetrics.FromCounts(1 + i, 10, 10, 10))]));
        var summary = EvaluationSummary.Of(Classes, many);
        var result = ReportRun.OfEvaluation(
            "t", summary, description, null, new ReportRequest(folder.File("out", "report.html"), Pictures: 0) { MostBytes = 40_000 },
            SilentReporter.Instance, default);
        Assert.Equal(150, result.CasePages);
        var page = File.ReadAllText(result.Page);
        Assert.InRange(new FileInfo(result.Page).Length, 1, 40_000);
        Assert.Contains("href=\"report-cases/1.html\"", page, StringComparison.Ordinal);
        var first = File.ReadAllText(folder.File("out", "report-cases", "1.html"));
        Assert.Contains("<h1>case_00000</h1>", first, StringComparison.Ordinal);
        Assert.Contains("href=\"../report.html\"", first, StringComparison.Ordinal);

        // Pages of cases that are no longer scored go with the others.
        ReportRun.OfEvaluation(
            "t", EvaluationSummary.Of(Classes, summary.Cases.Skip(1)), description, null,
            new ReportRequest(result.Page, Pictures: 0) { MostBytes = 40_000 }, SilentReporter.Instance, default);
        Assert.Equal(149, Directory.GetFileSystemEntries(folder.File("out", "report-cases")).Length);
        Assert.Equal(
            ["report-cases", "report.html", "report.json"],
            Directory.GetFileSystemEntries(folder.File("out")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_report_replaces_no_other_file()
    {
        var before = File.ReadAllText(description);
        var refused = Assert.Throws<SharpSegException>(() => Report(1, 1, Path.ChangeExtension(description, ".html")));
        Assert.Contains("dataset.json` would be replaced", refused.Message, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllText(description));
        Assert.Throws<SharpSegException>(() => Report(1, 1, folder.File("out", "report.txt")));
        Report(1, 1, folder.File("out", "again.html"));
        Report(1, 1, folder.File("out", "again.html")); // its own it replaces
    }

    private static IReadOnlyList<EvaluatedClass> Classes => [new("1", "<i>a</i>", [1]), new("2", "b", [2])];

    private ReportResult Report(int cases, int pictures, string? output = null) => ReportRun.OfEvaluation(
        "t", Scores(cases), description, folder.File("images"), new ReportRequest(output ?? folder.File("out", "report.html"), pictures),
        SilentReporter.Instance, default);

    /// <summary>Case i misses 6 − i of the 32 voxels of label 1, at least one.</summary>
    private EvaluationSummary Scores(int cases)
    {
        var geometry = new ImageGeometry(Size, new Spacing(1, 1, 1), [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0], "", []);
        Directory.CreateDirectory(folder.File("out"));
        var scored = Enumerable.Range(0, cases).Select(i =>
        {
            var (reference, prediction) = (new short[Size.Voxels], new short[Size.Voxels]);
            var image = Enumerable.Range(0, reference.Length).Select(v => (float)(v % 7)).ToArray();
            for (var v = 0; v < reference.Length; v++)
            {
                int x = v % 8, y = v / 8 % 6;
                reference[v] = (short)(x is >= 2 and < 6 && y is 2 or 3 && x is >= 2 and < 6 ? 1 : 0);
                prediction[v] = (short)(reference[v] == 1 && (i > 0 || x != 5) ? 1 : 0);
            }

            for (var missed = 6 - i; i > 0 && missed > 0; missed--)
            {
                prediction[Array.IndexOf(prediction, (short)1)] = 0;
            }

            string File(string kind) => folder.File(kind, $"case{i}<&{(kind == "images" ? "_0000" : "")}.nii.gz");
            ImageFile.WriteFloats(File("images"), image, geometry);
            ImageFile.WriteLabels(File("references"), reference, geometry, 2);
            ImageFile.WriteLabels(File("predictions"), prediction, geometry, 2);
            return new EvaluationCase($"case{i}<&", File("references"), File("predictions"));
        }).ToArray();
        return Evaluator.Evaluate(
            scored, SharpSeg.AutoPlanner.Datasets.DatasetDescription.FromJson(System.IO.File.ReadAllText(description)).Labels);
    }
}
