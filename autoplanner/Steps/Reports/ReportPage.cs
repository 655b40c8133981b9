using System.Globalization;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Imaging.Pictures;
using SharpSeg.AutoPlanner.Training;

namespace SharpSeg.AutoPlanner.Steps.Reports;

/// <summary>
/// The report as pages. What needs attention comes first: findings, worst cases, all cases from the worst to the best, curves;
/// then what explains them. Every figure says what good and bad look like and what to do.
/// </summary>
/// <param name="content">What is shown.</param>
/// <param name="figures">Slices of the cases that are drawn, by name of the case; null for one that could not be drawn.</param>
internal sealed class ReportPage(ReportContent content, IReadOnlyDictionary<string, HtmlText> figures)
{
    private const int MostClassColumns = 12; // wider tables are read by nobody; sorting by one class needs its column
    private const int ChartWidth = 480, ChartHeight = 250;

    private readonly ReportScores? scores = content.Scores;

    /// <summary>Place of each case, from 1 for the worst.</summary>
    private readonly Dictionary<string, int> places = content.Scores?.Cases
        .Select((item, i) => KeyValuePair.Create(item.Id, i + 1)).ToDictionary(StringComparer.Ordinal) ?? [];

    /// <summary>Everything in one page.</summary>
    public string Whole() => Page(
        text => Cases(text, _ => true), MostClassColumns, item => figures.ContainsKey(item.Id) ? "#" + Anchor(item) : null);

    /// <summary>The page that links to a page for every case.</summary>
    /// <param name="addressOf">Address of a case's page.</param>
    public string Index(Func<ReportCase, string> addressOf) => Page(
        text => text.Add(
            $"<p>There is too much to see for one page: every case has its own, linked from the table, the worst ones first.</p>\n"),
        classColumns: 0, addressOf);

    /// <summary>The page of one case.</summary>
    /// <param name="item">The case.</param>
    /// <param name="index">Address of the index.</param>
    public string OfCase(ReportCase item, string index)
    {
        var body = new HtmlText();
        body.Add($"<p><a href=\"{index}\">All cases of {content.Title}</a></p>\n<h1>{item.Id}</h1>\n");
        Cases(body, other => other.Id == item.Id);
        return HtmlPage.Of($"{item.Id} – {content.Title}", body);
    }

    private string Page(Action<HtmlText> cases, int classColumns, Func<ReportCase, string?> linkTo)
    {
        var body = new HtmlText();
        Head(body);
        body.Add($"<h2 id=\"worst\">Worst cases</h2>\n");
        cases(body);
        Table(body, classColumns, linkTo);
        Curves(body);
        Matrix(body);
        Plan(body);
        Timing(body);
        Settings(body);
        return HtmlPage.Of($"{content.Title} – report", body);
    }

    private void Head(HtmlText body)
    {
        body.Add($"<h1>{content.Title}</h1>\n");
        if (scores is not null)
        {
            body.Add($"<p class=\"lead\">Mean foreground Dice <b>{Show(scores.Summary.ForegroundDice)}</b> over {Counted.Of(scores.Summary.Cases.Count, "case")}</p>\n");
            body.Add($"<p class=\"soft\">{scores.Source}. Each class: ");
            for (var c = 0; c < scores.Summary.Classes.Count; c++)
            {
                body.Add($"{(c == 0 ? "" : ", ")}{scores.Summary.Classes[c].Name} {Show(scores.Summary.ClassDice[c])}");
            }

            body.Add($".</p>\n");
        }

        body.Add($"<nav><a href=\"#worst\">Worst cases</a><a href=\"#cases\">All cases</a>");
        foreach (var (name, title, isThere) in new[]
        {
            ("curves", "Curves", content.Runs.Count > 0), ("matrix", "Configurations and folds", content.Runs.Count > 0),
            ("plan", "Plan", content.Plans.Count > 0), ("timing", "Time and memory", content.Runs.Count > 0),
            ("settings", "Settings", content.Runs.Count > 0),
        })
        {
            body.Add(isThere ? HtmlText.Of($"<a href=\"#{name}\">{title}</a>") : new HtmlText());
        }

        body.Add($"</nav>\n");
        var findings = Findings.Of(content);
        if (findings.Count > 0)
        {
            body.Add($"<ul class=\"notes\">\n");
            foreach (var finding in findings)
            {
                body.Add($"<li>{HtmlText.Prose(finding)}</li>\n");
            }

            body.Add($"</ul>\n");
        }
    }

    private void Cases(HtmlText body, Func<ReportCase, bool> isShown)
    {
        if (scores is null)
        {
            body.Add($"<p>No case is scored yet.</p>\n");
            return;
        }

        var drawn = scores.Cases.Where(item => isShown(item) && (figures.ContainsKey(item.Id))).ToArray();
        foreach (var item in drawn)
        {
            var place = item == scores.Median ? "the median case" : $"number {places[item.Id]} from the bottom";
            body.Add($"<article class=\"case\" id=\"{Anchor(item)}\"><h3>{item.Id}: Dice {Show(item.Dice)}</h3>\n");
            body.Add($"<p class=\"soft\">{place} of {scores.Cases.Count}{(item.Fold is null ? "" : $", validated in fold {item.Fold}")}</p>\n");
            foreach (var warning in item.Metrics.Warnings)
            {
                body.Add($"<p class=\"notes\">{HtmlText.Prose(warning)}</p>\n");
            }

            body.Add(figures[item.Id]);
            Legend(body, item);
            body.Add($"</article>\n");
        }

        if (drawn.Length == 0)
        {
            body.Add($"<p>No picture was drawn.</p>\n");
            Legend(body, scores.Cases.First(isShown));
        }
        else
        {
            body.Add($"<p class=\"caption\">Slices that show much of the reference, and of those the ones with most wrong voxels, seen from the feet and from the front: the letters are the patient's sides (R right, L left, A front, P back, S head, I feet). <b>Good:</b> both outlines run along the same visible edge. <b>Bad:</b> whole pieces missing or in the wrong place, or outlines that stop at a straight line. <b>What to do:</b> if the reference looks wrong, correct it; if the scan is unlike the others (another contrast, field of view or orientation), more such scans must be in the training; if only fine edges differ, train longer.</p>\n");
        }
    }

    private void Legend(HtmlText body, ReportCase item)
    {
        body.Add($"<ul class=\"legend\">");
        var classes = scores!.Summary.Classes;
        for (var c = 0; c < classes.Count; c++)
        {
            var metrics = item.Metrics.Metrics[c];
            var color = classes[c].Labels.Count == 1 // a region has no colour: its labels have
                ? HtmlText.Of($" style=\"--c:{LabelPalette.Css(classes[c].Labels[0])}\"")
                : new HtmlText();
            body.Add($"<li><i{color}></i>{classes[c].Name}: Dice {Show(metrics.Dice)}{(metrics.Hd95 is { } hd95 ? $", HD95 {Show(hd95, "0.0")} mm" : "")}, {Voxels(metrics)}</li>");
        }

        body.Add($"</ul>\n");
    }

    private void Table(HtmlText body, int classColumns, Func<ReportCase, string?> linkTo)
    {
        body.Add($"<h2 id=\"cases\">All cases</h2>\n");
        if (scores is null)
        {
            body.Add($"<p>No case is scored yet.</p>\n");
            return;
        }

        var classes = scores.Summary.Classes;
        var shown = Enumerable.Range(0, Math.Min(classes.Count, classColumns)).ToArray();
        var hasDistances = scores.Summary.MetricNames.Contains("HD95");
        var hasFolds = scores.Cases.Any(item => item.Fold is not null);
        body.Add($"<div class=\"scroll\"><table class=\"sort\"><thead><tr><th>case</th>{(hasFolds ? HtmlText.Of($"<th>fold</th>") : null)}<th class=\"n\">mean Dice</th><th>worst class</th>");
        foreach (var c in shown)
        {
            body.Add($"<th class=\"n\">{classes[c].Name}</th>");
        }

        foreach (var c in hasDistances ? shown : [])
        {
            body.Add($"<th class=\"n\">{classes[c].Name}, HD95 mm</th>");
        }

        body.Add($"</tr></thead><tbody>\n");
        foreach (var item in scores.Cases)
        {
            var name = linkTo(item) is { } address
                ? HtmlText.Of($"<a href=\"{address}\">{item.Id}</a>")
                : HtmlText.Plain(item.Id);
            var worst = Enumerable.Range(0, classes.Count).Where(c => !double.IsNaN(item.Metrics.Metrics[c].Dice))
                .OrderBy(c => item.Metrics.Metrics[c].Dice).Select(c => classes[c].Name).FirstOrDefault() ?? "";
            body.Add($"<tr><td>{name}</td>{(hasFolds ? HtmlText.Of($"<td>{item.Fold}</td>") : null)}{Cell(item.Dice, "0.000", true)}<td>{worst}</td>");
            foreach (var c in shown)
            {
                body.Add(Cell(item.Metrics.Metrics[c].Dice, "0.000", true));
            }

            foreach (var c in hasDistances ? shown : [])
            {
                body.Add(Cell(item.Metrics.Metrics[c].Hd95 ?? double.NaN, "0.00", false));
            }

            body.Add($"</tr>\n");
        }

        body.Add($"</tbody></table></div>\n");
        var cut = classes.Count <= shown.Length ? ""
            : shown.Length == 0 ? " The classes are on the pages of the cases."
            : $" The first {shown.Length} of {classes.Count} classes have a column; report.json has all.";
        body.Add($"<p class=\"caption\">Dice of every case and class, the worst first; a heading sorts by its column. An empty cell: the class is in neither map, or the distance does not exist. <b>Good:</b> the column of a class changes little from case to case. <b>Bad:</b> a few cases far below the others pull the mean down. <b>What to do:</b> look at those cases above before changing the network.{cut}</p>\n");
    }

    private void Curves(HtmlText body)
    {
        var runs = content.Runs.Where(run => run.Log?.Epochs.Count > 0).ToArray();
        if (content.Runs.Count == 0)
        {
            return;
        }

        body.Add($"<h2 id=\"curves\">Curves</h2>\n");
        if (runs.Length == 0)
        {
            body.Add($"<p>No run has finished an epoch yet.</p>\n");
            return;
        }

        body.Add($"<figure><div class=\"charts\">\n");
        foreach (var run in runs)
        {
            body.Add($"<h3>{run.Name}</h3>\n");
            foreach (var chart in TrainingCurves.Of(run.Log!.Epochs))
            {
                body.Add(SvgPen.Draw(chart, ChartWidth, ChartHeight, $"{run.Name}: {chart.Title}"));
            }
        }

        body.Add($"</div>\n<figcaption>Loss (lower is better) and pseudo-Dice, measured on validation patches while training. <b>Good:</b> both losses fall together and flatten out; the moving average rises and flattens. <b>Bad:</b> a validation loss that rises while the training loss falls (it learns its cases by heart); a pseudo-Dice at 0 (it finds nothing); jumps up to the last epoch (the learning rate did not come down). <b>What to do:</b> still rising at the end: train longer; learning by heart: more cases; nothing found: check labels with <code>sharpseg verify</code>. The pseudo-Dice only shows the way: scores of whole cases are in the table above. Under <code>--max-time</code> the second chart also has the mean Dice of a few whole validation cases, scored on the way.</figcaption></figure>\n");
    }

    private void Matrix(HtmlText body)
    {
        if (content.Runs.Count == 0)
        {
            return;
        }

        string[] folds =
        [
            .. content.Runs.Select(run => run.Fold).Distinct()
                .OrderBy(fold => fold.Length).ThenBy(fold => fold, StringComparer.Ordinal),
        ];
        body.Add($"<h2 id=\"matrix\">Configurations and folds</h2>\n<div class=\"scroll\"><table><thead><tr><th>configuration</th>");
        foreach (var fold in folds)
        {
            body.Add($"<th>{(int.TryParse(fold, out _) ? $"fold {fold}" : fold)}</th>");
        }

        body.Add($"<th>mean of folds</th></tr></thead><tbody>\n");
        foreach (var group in content.Runs.GroupBy(run => run.Configuration))
        {
            body.Add($"<tr><th>{group.Key}</th>");
            foreach (var fold in folds)
            {
                var run = group.FirstOrDefault(run => run.Fold == fold);
                body.Add(run?.Dice is { } dice ? Cell(dice, "0.000", true) : HtmlText.Of($"<td class=\"soft\">{run?.State ?? "left"}</td>"));
            }

            body.Add(Cell(EvaluationSummary.MeanOfNumbers(group.Where(run => run.Fold != "every-case").Select(run => run.Dice ?? double.NaN)), "0.000", true)).Add($"</tr>\n");
        }

        body.Add($"</tbody></table></div>\n<p class=\"caption\">Mean foreground Dice of each run's own validation cases. <b>Good:</b> all folds of a row are alike. <b>Bad:</b> one fold far below the others: it holds hard or faulty cases, or its training failed. <b>What to do:</b> look at that fold's cases and curves. The score of a configuration is that of all cases together, which differs a little from the mean of its folds. <i>every-case</i> trained on what it is scored on: its Dice proves nothing.</p>\n");
        if (content.Best is { } best)
        {
            body.Add($"<div class=\"scroll\"><table><thead><tr><th>candidate</th><th class=\"n\">Dice, cross-validated</th><th></th></tr></thead><tbody>\n");
            foreach (var score in best.Scores)
            {
                var wins = score.Competes && score.Candidate.ToString() == best.Winner.ToString();
                body.Add($"<tr><td>{score.Candidate.ToString()}</td>{Cell(score.Dice, "0.0000", true)}<td>{(wins ? $"chosen; after postprocessing {Show(best.DiceAfter, "0.0000")}" : score.Competes ? "" : "does not compete")}</td></tr>\n");
            }

            body.Add($"</tbody></table></div>\n<p class=\"caption\">What <code>find-best</code> compared. <b>Good:</b> the winner leads clearly. <b>Bad:</b> differences below 0.005 or so are luck as often as not. <b>What to do:</b> of equals, take the one that predicts faster.</p>\n");
        }
    }

    private void Plan(HtmlText body)
    {
        if (content.Plans.Count == 0)
        {
            return;
        }

        body.Add($"<h2 id=\"plan\">Plan, with its reasons</h2>\n");
        foreach (var plan in content.Plans)
        {
            body.Add($"<h3>{plan.Name}: {plan.Plans.PlansName}</h3>\n<div class=\"scroll\"><table><thead><tr><th>what</th><th>result</th><th>why</th></tr></thead><tbody>\n");
            if (plan.Result is { } result)
            {
                foreach (var decision in result.Decisions)
                {
                    body.Add($"<tr><td>{(decision.Configuration is null ? "" : decision.Configuration + ": ")}{decision.Subject}</td><td>{decision.Result}</td><td>{decision.Rule}{(decision.Inputs.Length > 0 ? HtmlText.Of($"<br><span class=\"soft\">from {decision.Inputs}</span>") : null)}</td></tr>\n");
                }
            }
            else
            {
                foreach (var configuration in plan.Plans.Configurations.Values)
                {
                    body.Add($"<tr><td>{configuration.Name}: spacing</td><td>{string.Join("×", configuration.Spacing.Select(v => v.ToString("0.###", CultureInfo.InvariantCulture)))} mm</td><td></td></tr>");
                    body.Add($"<tr><td>{configuration.Name}: patch_size</td><td>{string.Join("×", configuration.PatchSize)}</td><td></td></tr>");
                    body.Add($"<tr><td>{configuration.Name}: batch_size</td><td>{configuration.BatchSize}</td><td></td></tr>\n");
                }
            }

            body.Add($"</tbody></table></div>\n");
            if (plan.Result is null)
            {
                body.Add($"<p class=\"caption\">The reasons are not shown: the rules, run again on the fingerprint, give other numbers. The plan was made with options of its own (memory, spacing), or edited, or comes from elsewhere. <code>sharpseg plan … --explain</code> prints reasons.</p>\n");
            }
        }

        body.Add($"<p class=\"caption\">What the rules made of the dataset. <b>Good:</b> the patch covers the structures and some of what is around them; the target spacing is near that of most scans. <b>Bad:</b> a patch much smaller than the organ, a spacing coarser than the finest detail that counts. <b>What to do:</b> <code>sharpseg plan --memory</code> or <code>--spacing</code> plans anew under another name (<code>--plan NAME</code>).</p>\n");
    }

    private void Timing(HtmlText body)
    {
        if (content.Runs.Count == 0)
        {
            return;
        }

        body.Add($"<h2 id=\"timing\">Time and memory</h2>\n<div class=\"scroll\"><table class=\"sort\"><thead><tr><th>run</th><th class=\"n\">epochs</th><th class=\"n\">iterations</th><th class=\"n\">training time</th><th class=\"n\">s an iteration</th><th class=\"n\">predicted peak memory</th></tr></thead><tbody>\n");
        foreach (var run in content.Runs.Where(run => run.Log is not null))
        {
            var log = run.Log!;
            var plan = content.Plans.FirstOrDefault(plan => run.Configuration == NameIn(plan, run));
            var peak = plan?.PeakBytes.GetValueOrDefault(run.Configuration.Split('@')[0]) ?? 0;
            body.Add($"<tr><td>{run.Name}</td><td class=\"n\">{log.Epochs.Count}</td><td class=\"n\">{log.Iterations}</td><td class=\"n\" data-v=\"{log.Seconds:0.0}\">{Time(log.Seconds)}</td>{Cell(log.Iterations == 0 ? double.NaN : log.Seconds / log.Iterations, "0.000", false)}<td class=\"n\" data-v=\"{peak}\">{(peak > 0 ? MemoryPlan.Size(peak) : "")}</td></tr>\n");
        }

        body.Add($"</tbody></table></div>\n<p class=\"caption\">Time includes validation after each epoch. The memory is that of the planned batch, counted, not measured; a shortened schedule may train with a smaller batch. <b>Good:</b> folds of one configuration take the same time. <b>Bad:</b> one much slower than its twins: the machine was busy, or short of memory. <b>What to do:</b> train on a quiet machine; <code>--max-time</code> fits the schedule to what is left.</p>\n");

        static string NameIn(ReportPlan plan, ReportRunOf run) => plan.Name == Workspaces.Workspace.DefaultPlan
            ? run.Configuration.Split('@')[0] : $"{run.Configuration.Split('@')[0]}@{plan.Name}";
    }

    private void Settings(HtmlText body)
    {
        if (content.Runs.Count == 0)
        {
            return;
        }

        body.Add($"<h2 id=\"settings\">Settings</h2>\n<div class=\"scroll\"><table><thead><tr><th>run</th><th>state</th><th>device</th><th>precision</th><th class=\"n\">seed</th><th class=\"n\">batch</th><th>schedule</th><th class=\"n\">training cases</th><th class=\"n\">validation cases</th></tr></thead><tbody>\n");
        foreach (var run in content.Runs)
        {
            body.Add($"<tr><td>{run.Name}</td><td>{run.State}</td>");
            body.Add(run.Log is { } log
                ? HtmlText.Of($"<td>{log.Device}</td><td>{log.Precision}</td><td class=\"n\">{log.Seed}</td><td class=\"n\">{log.Schedule.BatchSize}</td><td>{log.Schedule.Epochs} epochs of {log.Schedule.IterationsPerEpoch} iterations{(log.Schedule.TimeBudget is { } budget ? $", fitted to {Time(budget.TotalSeconds)}" : "")}</td><td class=\"n\">{log.TrainingCases}</td><td class=\"n\">{log.ValidationCases}</td></tr>\n")
                : HtmlText.Of($"<td colspan=\"7\" class=\"soft\">no log</td></tr>\n"));
        }

        body.Add($"</tbody></table></div>\n<p class=\"caption\">With the same seed, device, precision and number of threads a training gives the same bytes. <b>Good:</b> all folds of a configuration have the same settings. <b>Bad:</b> folds of unequal length count alike in an average. <b>What to do:</b> <code>train --resume --epochs</code> extends the shorter one.</p>\n");
    }

    private static HtmlText Cell(double value, string format, bool isShare) => double.IsNaN(value)
        ? HtmlText.Of($"<td class=\"n\" data-v=\"\"></td>")
        : isShare
        ? HtmlText.Of($"<td class=\"n bar\" data-v=\"{value:0.######}\" style=\"--v:{100 * Math.Clamp(value, 0, 1):0}%\">{Show(value, format)}</td>")
        : HtmlText.Of($"<td class=\"n\" data-v=\"{value:0.######}\">{Show(value, format)}</td>");

    /// <summary>An id for links within the page: names may hold anything, their place in the order does not.</summary>
    private string Anchor(ReportCase item) => $"case-{places[item.Id]}";

    private static string Show(double value, string format = "0.000") =>
        double.IsNaN(value) ? "–" : value.ToString(format, CultureInfo.InvariantCulture);

    private static string Voxels(ClassMetrics metrics) => double.IsNaN(metrics.TruePositives)
        ? "not labelled in this case"
        : FormattableString.Invariant(
            $"{metrics.TruePositives + metrics.FalseNegatives:0} voxels drawn, {metrics.TruePositives + metrics.FalsePositives:0} found");

    private static string Time(double seconds) => TimeSpan.FromSeconds(seconds) is var time && time.TotalDays >= 1
        ? FormattableString.Invariant($"{(int)time.TotalDays} d {time.Hours} h")
        : time.TotalHours >= 1 ? FormattableString.Invariant($"{time.Hours} h {time.Minutes} min")
        : time.TotalMinutes >= 1 ? FormattableString.Invariant($"{time.Minutes} min {time.Seconds} s")
        : FormattableString.Invariant($"{seconds:0.0} s");
}
