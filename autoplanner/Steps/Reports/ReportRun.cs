using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Imaging.Pictures;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.Backends;

namespace SharpSeg.AutoPlanner.Steps.Reports;

/// <summary>How a report is written.</summary>
/// <param name="Output">The page, NAME.html; NAME.json is written beside it.</param>
/// <param name="Pictures">How many cases are drawn: the worst ones and the median; their images are read.</param>
/// <param name="TimeLeft">Time until the report must be done; drawing stops before it is over. Null if there is no such
/// time.</param>
public sealed record ReportRequest(string Output, int Pictures = ReportRequest.DefaultPictures, Func<TimeSpan>? TimeLeft = null)
{
    /// <summary>The five worst cases and the median.</summary>
    public const int DefaultPictures = 6;

    /// <summary>Folder that also gets each drawn case as CASE.png; null for none.</summary>
    public string? PictureFolder { get; init; }

    /// <summary>Bytes of one page at most.</summary>
    internal int MostBytes { get; init; } = ReportRun.MostBytes;
}

/// <summary>What was written.</summary>
/// <param name="Page">The page to open.</param>
/// <param name="Json">The same for programs.</param>
/// <param name="CasePages">Pages of single cases; none where everything fits into one page.</param>
/// <param name="Pictures">Cases that were drawn.</param>
public sealed record ReportResult(string Page, string Json, int CasePages, int Pictures);

/// <summary>
/// Writes a report of a workspace or of scored segmentations: one page that opens from the disk, and report.json. A page that
/// would be larger than <see cref="MostBytes"/> becomes an index and one page per case, in a folder beside it.
/// </summary>
public static partial class ReportRun
{
    /// <summary>Bytes of one page at most.</summary>
    public const int MostBytes = 5_000_000;

    /// <summary>Reports a workspace: its plans, its runs, and the scores of its best model.</summary>
    /// <param name="work">The workspace.</param>
    /// <param name="request">Where to, and how many pictures.</param>
    /// <param name="processor">Says how much memory training takes; nothing is computed.</param>
    /// <param name="reporter">Receives progress.</param>
    /// <param name="cancel">Ends; nothing is written.</param>
    /// <exception cref="SharpSegException">It is no workspace, or the page cannot be written.</exception>
    public static ReportResult OfWorkspace(
        Workspace work, ReportRequest request, Backend processor, IReporter reporter, CancellationToken cancel)
    {
        CheckOutput(request.Output);
        reporter.Stage($"report {request.Output}");
        var content = ReportSource.Of(work, processor);
        var (dataset, gap) = DatasetOf(work);
        content = gap is null ? content : content with { Gaps = [.. content.Gaps, gap] };
        return Write(content, request, ScansOf(dataset?.TrainingCases ?? []), reporter, cancel);
    }

    /// <summary>Reports scored segmentations.</summary>
    /// <param name="title">What they are.</param>
    /// <param name="summary">Their scores, which name the files.</param>
    /// <param name="datasetJson">The dataset.json that describes them. Where it is a workspace's or a dataset's, the scans are
    /// found through it.</param>
    /// <param name="images">Folder of the scans; null looks for them as said. Cases without one are drawn on black.</param>
    /// <param name="request">Where to, and how many pictures.</param>
    /// <param name="reporter">Receives progress.</param>
    /// <param name="cancel">Ends; nothing is written.</param>
    /// <exception cref="SharpSegException">The folder has no scans, or the page cannot be written.</exception>
    public static ReportResult OfEvaluation(
        string title, EvaluationSummary summary, string datasetJson, string? images, ReportRequest request, IReporter reporter,
        CancellationToken cancel)
    {
        CheckOutput(request.Output);
        reporter.Stage($"report {request.Output}");
        var description = DatasetDescription.FromJson(JsonFile.ReadText(datasetJson), datasetJson);
        var cases = images is null ? ScansThrough(datasetJson) : PredictionInputs.Find([images], description, reporter.Warning);
        var content = new ReportContent
        {
            Title = title,
            Labels = description.Labels,
            Scores = ReportScores.Of("Scored segmentations", summary, _ => null),
        };
        return Write(content, request, ScansOf(cases), reporter, cancel);
    }

    /// <summary>Refuses a name that is no page's, lies in a dataset, or whose JSON file is something else's.</summary>
    /// <exception cref="SharpSegException">One of them.</exception>
    public static void CheckOutput(string output)
    {
        OutputFolder.CheckFile(output, ".html");
        var json = JsonOf(output);
        OutputFolder.RequireNoWorkspaceFile(json);
        if (File.Exists(json))
        {
            var isReport = false;
            try
            {
                isReport = JsonFile.Read(json).Text(ReportJson.FormatKey) == ReportJson.Format;
            }
            catch (SharpSegException)
            {
                // Whatever it is, it is no report.
            }

            if (!isReport)
            {
                throw new SharpSegException(
                    $"`{json}` would be replaced by the report's, and is none", "choose another name with -o, e.g. report.html");
            }
        }
    }

    [GeneratedRegex(@"^[0-9]+\.html\z")]
    private static partial Regex CasePage();

    private static string JsonOf(string page) => Path.ChangeExtension(page, ".json");

    private static (Dataset? Dataset, string? Gap) DatasetOf(Workspace work)
    {
        try
        {
            return (Dataset.Open(work.ReadDatasetFolder()), null);
        }
        catch (SharpSegException error)
        {
            return (null, $"{error.Message}; the pictures have no images");
        }
    }

    private static IReadOnlyList<DatasetCase> ScansThrough(string datasetJson)
    {
        try
        {
            var folder = Path.GetDirectoryName(Path.GetFullPath(datasetJson))!;
            var dataset = Dataset.Open(new Workspace(folder).RecordedDatasetFolder() ?? folder);
            return [.. dataset.TrainingCases.Concat(dataset.TestCases).DistinctBy(item => item.Id)];
        }
        catch (SharpSegException)
        {
            return []; // it describes the labels alone
        }
    }

    /// <summary>The file whose first channel is shown of a case; null where there is none.</summary>
    private static Func<string, string?> ScansOf(IReadOnlyList<DatasetCase> cases)
    {
        var byId = cases.ToDictionary(item => item.Id, StringComparer.Ordinal);
        return id => byId.TryGetValue(id, out var item) ? item.ImageFiles[0] : null;
    }

    private static ReportResult Write(
        ReportContent content, ReportRequest request, Func<string, string?> scanOf, IReporter reporter,
        CancellationToken cancel)
    {
        var (figures, gaps) = Draw(content, request, scanOf, reporter, cancel);
        content = content with { Gaps = [.. content.Gaps, .. gaps] };
        var pages = new ReportPage(content, figures);
        var page = pages.Whole();
        var casePages = 0;
        cancel.ThrowIfCancellationRequested();
        if (Encoding.UTF8.GetByteCount(page) > request.MostBytes && content.Scores is { } scores)
        {
            var folder = Path.Combine(
                Path.GetDirectoryName(Path.GetFullPath(request.Output))!,
                Path.GetFileNameWithoutExtension(request.Output) + "-cases");
            using var staged = new StagedFolder(folder); // an earlier index leads to the earlier pages until all are there
            foreach (var (item, i) in scores.Cases.Select((item, i) => (item, i + 1)))
            {
                cancel.ThrowIfCancellationRequested();
                AtomicFile.WriteText(
                    Path.Combine(staged.Path, $"{i}.html"),
                    pages.OfCase(item, "../" + Uri.EscapeDataString(Path.GetFileName(request.Output))));
                casePages++;
            }

            var places = scores.Cases.Select((item, i) => (item.Id, i + 1)).ToDictionary(StringComparer.Ordinal);
            page = pages.Index(item => $"{Uri.EscapeDataString(Path.GetFileName(folder))}/{places[item.Id]}.html");
            staged.Publish(name => CasePage().IsMatch(name));
        }

        AtomicFile.WriteText(request.Output, page);
        AtomicFile.WriteText(JsonOf(request.Output), ReportJson.Of(content));
        return new ReportResult(request.Output, JsonOf(request.Output), casePages, figures.Count);
    }

    /// <summary>Draws the worst cases and the median; one that cannot be drawn is named, the others are.</summary>
    private static (Dictionary<string, HtmlText> Figures, List<string> Gaps) Draw(
        ReportContent content, ReportRequest request, Func<string, string?> scanOf, IReporter reporter,
        CancellationToken cancel)
    {
        var (figures, gaps) = (new Dictionary<string, HtmlText>(StringComparer.Ordinal), new List<string>());
        var chosen = content.Scores is { } scores && request.Pictures > 0
            ? scores.Cases.Take(request.Pictures - 1).Append(scores.Median).OfType<ReportCase>().Distinct().ToArray()
            : [];
        var clock = new Stopwatch();
        var slowest = TimeSpan.Zero;
        for (var i = 0; i < chosen.Length; i++)
        {
            cancel.ThrowIfCancellationRequested();
            if (request.TimeLeft is { } left && left() < slowest * 1.5)
            {
                gaps.Add($"{chosen.Length - i} of {chosen.Length} cases are not drawn, the time is over; `sharpseg report` draws them");
                break;
            }

            clock.Restart();
            reporter.Progress((double)i / chosen.Length, $"case {i + 1}/{chosen.Length}, {chosen[i].Id}");
            try
            {
                figures[chosen[i].Id] = Draw(chosen[i], content, request, scanOf, $"image-{i}");
            }
            catch (SharpSegException error)
            {
                gaps.Add($"case `{chosen[i].Id}` is not drawn: {error.Message}");
            }

            slowest = clock.Elapsed > slowest ? clock.Elapsed : slowest;
        }

        return (figures, gaps);
    }

    private static HtmlText Draw(
        ReportCase item, ReportContent content, ReportRequest request, Func<string, string?> scanOf, string id)
    {
        var voxels = Load(item, content.Labels, scanOf);
        if (request.PictureFolder is { } folder)
        {
            Directory.CreateDirectory(folder);
            var name = SafeName.Require(item.Id, "the case id", request.Output);
            OverlayPicture.Write(
                Path.Combine(folder, name + ".png"), name, voxels,
                CaseLegend.Of(content.Scores!.Summary.Classes, item.Metrics));
        }

        return CaseFigure.Rows(voxels, id);
    }

    /// <summary>Reads a case as scoring does, and of its scan what is shown: it takes no more memory than scoring.</summary>
    private static CaseVoxels Load(ReportCase item, LabelScheme labels, Func<string, string?> scanOf)
    {
        // What was scored or drawn before.
        MemoryBudget.GiveBack(ImageFile.ReadGeometry(item.Metrics.ReferenceFile).Extent.Voxels);
        var (reference, prediction) = Evaluator.Load(
            new EvaluationCase(item.Id, item.Metrics.ReferenceFile, item.Metrics.PredictionFile), labels);
        var voxels = new CaseVoxels(reference, prediction.Voxels);
        return scanOf(item.Id) is { } scan
            ? voxels with { Image = ShownImage.Read(scan, reference.Extent, voxels.Planes) }
            : voxels;
    }
}
