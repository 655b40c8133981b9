using System.Text.Json.Nodes;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>The page to look at, of a workspace and of scored segmentations, and the page in a browser.</summary>
[Collection(TrainedWorkspaceTests.Readers)]
public sealed class ReportTests(TrainedWorkspace trained)
{
    [Fact]
    public void A_workspace_is_reported_whole()
    {
        using var folder = new TemporaryFolder();
        var before = FolderSnapshot.Of(trained.Work);
        var json = SharpSegProcess.Succeed("report", trained.Work, "-o", folder.At("r.html"), "--json").Json();
        before.AssertUnchanged();
        Assert.Equal(folder.At("r.html"), (string)json["report"]!);
        Assert.Equal(2, (int)json["pictures"]!); // all that there are
        var page = File.ReadAllText(folder.At("r.html"));
        foreach (var part in new[] { "worst", "cases", "curves", "matrix", "plan", "timing", "settings" })
        {
            Assert.Contains($"<h2 id=\"{part}\">", page, StringComparison.Ordinal);
        }

        Assert.Contains("median per axis of all spacings", page, StringComparison.Ordinal); // a reason of the plan
        var report = JsonNode.Parse(File.ReadAllText(folder.At("r.json")))!;
        var run = Assert.Single(report["runs"]!.AsArray())!;
        Assert.Equal((4, 2, 7L), ((int)run["iterations"]!, (int)run["epochs"]!, (long)run["seed"]!));
        Assert.Equal(
            (double)trained.Training.Json()["mean_foreground_dice"]!, (double)report["scores"]!["mean_foreground_dice"]!, 1e-12);
    }

    [Fact]
    public void Evaluate_leaves_a_report_beside_its_summary()
    {
        using var folder = new TemporaryFolder();
        var work = folder.Copy(trained.Work, "work");
        var validation = Path.Combine(work, "runs", "3d_fullres", "fold_0", "validation");
        var json = SharpSegProcess.Succeed("evaluate", validation, Path.Combine(trained.Dataset, "labelsTr"), "--json").Json();
        Assert.Equal(Path.Combine(validation, "report.html"), (string)json["report"]!);
        Assert.Contains("<image ", File.ReadAllText((string)json["report"]!), StringComparison.Ordinal); // found the scans
        var again = SharpSegProcess.Succeed("report", validation, "-o", folder.At("x.html"), "--images", Path.Combine(trained.Dataset, "imagesTr"));
        Assert.Contains("report: ", again.Output, StringComparison.Ordinal);
        Assert.Contains("<image ", File.ReadAllText(folder.At("x.html")), StringComparison.Ordinal);

        // A run's scores are against its own references: others are scored, and leave them alone.
        var kept = File.ReadAllBytes(Path.Combine(validation, "summary.json"));
        var labels = Path.Combine(trained.Dataset, "labelsTr");
        var others = folder.Copy(labels, "others");
        var printed = SharpSegProcess.Succeed("evaluate", validation, others);
        Assert.Contains($"summary.json stays the run's own, against `{labels}`", printed.Output, StringComparison.Ordinal);
        Assert.Equal(kept, File.ReadAllBytes(Path.Combine(validation, "summary.json")));
        SharpSegProcess.Succeed("evaluate", validation, others, "-o", folder.At("others.json"));
        Assert.True(File.Exists(folder.At("others.json")));
    }

    [Fact]
    public void What_is_no_workspace_and_no_scores_is_refused()
    {
        using var folder = new TemporaryFolder();
        foreach (var source in new[] { folder.At("nothing"), trained.Dataset })
        {
            var outcome = SharpSegProcess.Run("report", source, "-o", folder.At("r.html"));
            Assert.Equal(1, outcome.Code);
            Assert.False(File.Exists(folder.At("r.html")));
        }

        var unscored = Directory.CreateDirectory(folder.At("segmentations")).FullName; // as `predict` leaves them
        foreach (var name in new[] { "plans.json", "dataset.json" })
        {
            File.Copy(Path.Combine(trained.Work, name), Path.Combine(unscored, name));
        }

        var refused = SharpSegProcess.Run("report", unscored);
        refused.AssertErrorWithHint(1, "no summary.json");
        Assert.Contains($"sharpseg evaluate {unscored}", refused.Errors, StringComparison.Ordinal);
        Assert.Equal(1, SharpSegProcess.Run("report", trained.Work, "-o", Path.Combine(trained.Dataset, "r.html")).Code);
        Assert.Equal(1, SharpSegProcess.Run("report", trained.Work, "-o", Path.Combine(trained.Work, "plans.html")).Code);
        Assert.Equal(2, SharpSegProcess.Run("report", trained.Work, "--images", trained.Dataset).Code);
    }

    [FactWith(Needs.Browser)]
    public async Task In_a_browser_it_complains_of_nothing_asks_for_nothing_and_sorts()
    {
        using var folder = new TemporaryFolder();
        SharpSegProcess.Succeed("report", trained.Work, "-o", folder.At("r.html"));
        await using var browser = await Browser.Open(folder.At("r.html"));
        Assert.Equal([new Uri(folder.At("r.html")).AbsoluteUri], browser.Requests);

        const string Names = "[...document.querySelector('table.sort').tBodies[0].rows].map(r => r.cells[0].textContent).join()";
        string Click(string heading) => $"[...document.querySelectorAll('table.sort th button')].find(b => b.textContent === '{heading}').click()";
        await browser.Evaluate(Click("case"));
        var up = await browser.Evaluate(Names);
        await browser.Evaluate(Click("case"));
        var down = await browser.Evaluate(Names);
        Assert.Equal(2, up.Split(',').Length);
        Assert.Equal(up.Split(',').Order(StringComparer.Ordinal), up.Split(','));
        Assert.Equal(up.Split(',').Reverse(), down.Split(','));
        Assert.Equal("descending", await browser.Evaluate("document.querySelector('table.sort th').getAttribute('aria-sort')"));

        // By a class: numbers, not texts.
        await browser.Evaluate(Click("lower"));
        var values = await browser.Evaluate("[...document.querySelector('table.sort').tBodies[0].rows].map(r => r.cells[4].dataset.v).join()");
        double[] numbers = [.. values.Split(',').Select(v => double.Parse(v, System.Globalization.CultureInfo.InvariantCulture))];
        Assert.Equal(numbers.Order(), numbers);
        foreach (var width in new[] { 1280, 400 })
        {
            await browser.Resize(width);
            Assert.Equal("true", await browser.Evaluate("String(document.documentElement.scrollWidth <= innerWidth)"));
        }

        Assert.Empty(browser.Complaints);
    }
}
