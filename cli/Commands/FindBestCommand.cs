using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Steps.Reports;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Cli.Options;

namespace SharpSeg.Cli.Commands;

/// <summary><c>sharpseg find-best</c>: choose by cross-validation.</summary>
internal static class FindBestCommand
{
    public static Answer Run(FindBestOptions options, IReporter reporter, CancellationToken cancel)
    {
        var clock = Stopwatch.StartNew();
        var folds = Choices.Folds(options.Folds);
        var work = new Workspace(options.Work);
        string[] plans = [.. options.Plans];
        var result = FindBestRun.Execute(
            new FindBestRequest(
                work, folds, !options.NoEnsemble, options.TrainedOnly, !options.NoPostprocessing, options.Work,
                plans is [] ? null : plans, options.Budget),
            reporter, cancel);

        var json = Scores.Json(result.Summary);
        json["mean_foreground_dice_before_postprocessing"] = Scores.Number(result.Best.DiceBefore);
        json["seconds"] = clock.Elapsed.TotalSeconds;
        json["best"] = work.BestFile;
        json["configurations"] = Texts(result.Best.Winner.Configurations);
        json["folds"] = Texts(result.Best.Folds);
        json["postprocessing"] = JsonNode.Parse(result.Best.ToJson())!["postprocessing"]!.DeepClone();
        json["scores"] = JsonNode.Parse(result.Best.ToJson())!["scores"]!.DeepClone();
        json["segmentations"] = result.Folder;
        string[] commands = [.. Commands(options.Work, work, result.Best)];
        json["commands"] = Texts(commands);
        var report = ReportCommand.Beside(
            () => ReportCommand.OfWorkspace(
                work, new ReportRequest(Path.Combine(options.Work, "report.html")), reporter, cancel),
            json, reporter);
        return new Answer(Text(options.Work, result, commands).TrimEnd() + report, json) { Facts = Facts.Of(work) };
    }

    private static string Text(string work, FindBestResult result, IReadOnlyList<string> commands)
    {
        var best = result.Best;
        var text = new StringBuilder(Table(best));
        text.Append('\n')
            .Append(
                $"best: {best.Winner}, {Counted.Noun(best.Folds.Count, "fold")} {string.Join(", ", best.Folds)}; "
                    + $"{best.Postprocessing.Describe(result.Labels)}\n");
        text.Append($"\n{SummaryTable.Of(result.Summary)}");
        text.Append($"\nsegmentations: {result.Folder}\nchoice: {Path.Combine(work, "best.json")}\npredict: {commands[0]}\n");
        if (commands.Count > 1)
        {
            text.Append("the same, step by step:\n");
            foreach (var command in commands.Skip(1))
            {
                text.Append($"  {command}\n");
            }
        }

        return text.ToString();
    }

    /// <summary>One row per candidate, the best one marked; postprocessing is decided only for it.</summary>
    public static string Table(BestModel best)
    {
        const string Before = "mean foreground Dice", After = "after postprocessing";
        var width = Math.Max("configuration".Length, best.Scores.Max(score => score.Candidate.ToString().Length));
        var text = new StringBuilder($"  {"configuration".PadRight(width)}  {Before}  {After}\n");
        foreach (var score in best.Scores)
        {
            var wins = score.Competes && score.Candidate.ToString() == best.Winner.ToString();
            var row =
                $"{(wins ? '*' : ' ')} {score.Candidate.ToString().PadRight(width)}  {Show(score.Dice).PadLeft(Before.Length)}  "
                + (wins ? Show(best.DiceAfter) : score.Competes ? "" : "(does not compete)").PadLeft(After.Length);
            text.Append(row.TrimEnd()).Append('\n');
        }

        return text.ToString();
    }

    /// <summary>The command that predicts with the choice, then the commands that do the same step by step.</summary>
    private static IEnumerable<string> Commands(string work, Workspace workspace, BestModel best)
    {
        string Member(string name) => workspace.Locate(name) is var (located, configuration) && located.Plan is { } plan
            ? $"--plan {plan} -c {configuration}"
            : $"-c {name}";

        yield return $"sharpseg predict {work} -i SCANS -o SEGMENTATIONS";
        var steps = best.Postprocessing.LabelSets.Count > 0;
        var folds = string.Join(',', best.Folds);
        var members = best.Winner.Configurations;
        if (members.Count == 1)
        {
            yield return $"sharpseg predict {work} -i SCANS -o {(steps ? "PLAIN" : "SEGMENTATIONS")} {Member(members[0])} -f "
                + $"{folds}";
        }
        else
        {
            foreach (var name in members)
            {
                yield return $"sharpseg predict {work} -i SCANS -o MEMBERS/{name} {Member(name)} -f {folds} --save-probabilities";
            }

            yield return $"sharpseg ensemble {string.Join(' ', members.Select(name => $"MEMBERS/{name}"))} -o "
                + $"{(steps ? "PLAIN" : "SEGMENTATIONS")}";
        }

        if (steps)
        {
            yield return $"sharpseg postprocess PLAIN -o SEGMENTATIONS --work {work}";
        }
    }

    private static string Show(double dice) => double.IsNaN(dice) ? "-" : FormattableString.Invariant($"{dice:0.0000}");

    private static JsonArray Texts(IEnumerable<string> texts) => new([.. texts.Select(text => (JsonNode)text)]);
}
