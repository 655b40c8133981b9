using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Steps;
using CompareOptions = SharpSeg.Cli.Options.CompareOptions;

namespace SharpSeg.Cli.Commands;

/// <summary><c>sharpseg compare</c>: runs side by side.</summary>
internal static class CompareCommand
{
    public static Answer Run(CompareOptions options)
    {
        string[] folders = [.. options.Runs];
        if (folders.Length < 2)
        {
            throw new UsageException("one run has nothing to be compared with", "name two or more run folders");
        }

        var comparison = RunComparison.Of(folders);
        return new Answer(Text(comparison, options.Cases), Json(comparison));
    }

    private static string Text(RunComparison comparison, bool cases)
    {
        var runs = comparison.Runs;
        var text = new StringBuilder();
        for (var i = 0; i < runs.Count; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"{Letter(i)}  {runs[i].Name}\n");
        }

        var rows = new List<string[]> { Row("", i => Letter(i)) };
        rows.AddRange(comparison.Differing.Select(name => Row(name, i => runs[i].Settings.GetValueOrDefault(name) ?? "-")));
        for (var c = 0; c < runs[0].Summary.Classes.Count; c++)
        {
            var index = c;
            rows.Add(Row($"Dice {runs[0].Summary.Classes[c].Name}", i => Show(runs[i].Summary.ClassDice[index])));
        }

        rows.Add(Row("Dice foreground", i => Show(runs[i].Summary.ForegroundDice)));
        rows.Add(Row($"difference to {Letter(0)}", i => i == 0 ? "" : Signed(comparison.Foreground(i).Mean)));
        rows.Add(Row("95 % interval", i => i == 0 ? "" : Interval(comparison.Foreground(i))));
        rows.Add(Row("better / worse cases", i => i == 0 ? "" : BetterWorse(comparison.Foreground(i))));
        rows.Add(Row("iterations", i => runs[i].Iterations.ToString(CultureInfo.InvariantCulture)));
        rows.Add(Row("training, s", i => runs[i].Seconds.ToString("0", CultureInfo.InvariantCulture)));
        rows.Add(Row("s per iteration", i => PerIteration(runs[i]).ToString("0.000", CultureInfo.InvariantCulture)));
        text.Append('\n').Append(Layout(rows));
        if (cases)
        {
            text.Append('\n').Append(Layout([.. ByCase(comparison)]));
        }

        var count = runs[0].Summary.Cases.Count;
        return text.Append(
            CultureInfo.InvariantCulture,
            $"\n{Counted.Of(count, "case")}; intervals by the paired bootstrap over cases, {PairedDifference.Resamples} resamples: ")
            .Append("they say nothing about other seeds").ToString();

        string[] Row(string name, Func<int, string> cell) => [name, .. Enumerable.Range(0, runs.Count).Select(cell)];
    }

    /// <summary>The foreground Dice of every case, and by how much the others differ from the first.</summary>
    private static IEnumerable<string[]> ByCase(RunComparison comparison)
    {
        var others = Enumerable.Range(1, comparison.Runs.Count - 1).ToArray();
        var scores = others.Select(comparison.ByCase).ToArray();
        yield return ["case", Letter(0), .. others.SelectMany(i => new[] { Letter(i), $"{Letter(i)} − {Letter(0)}" })];
        for (var c = 0; c < comparison.Runs[0].Summary.Cases.Count; c++)
        {
            var index = c;
            yield return [
                scores[0][c].Case, Show(scores[0][c].First),
                .. scores.SelectMany(s => new[] { Show(s[index].Second), Signed(s[index].Second - s[index].First) })];
        }
    }

    private static JsonObject Json(RunComparison comparison) => new()
    {
        ["differing"] = new JsonArray([.. comparison.Differing.Select(name => (JsonNode)name)]),
        ["confidence"] = PairedDifference.Confidence,
        ["method"] = "paired bootstrap over cases",
        ["runs"] = new JsonArray([.. comparison.Runs.Select((run, i) =>
        {
            var json = Scores.Json(run.Summary);
            json["run"] = run.Name;
            json["settings"] = new JsonObject(run.Settings.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)pair.Value)));
            json["iterations"] = run.Iterations;
            json["training_seconds"] = run.Seconds;
            json["seconds_per_iteration"] = Scores.Number(PerIteration(run));
            if (i > 0)
            {
                json["difference"] = Json(comparison.Foreground(i));
                json["difference_per_class"] = new JsonObject(run.Summary.Classes.Select(
                    (item, c) => KeyValuePair.Create(item.Key, (JsonNode?)Json(comparison.OfClass(i, c)))));
                json["difference_per_case"] = new JsonObject(comparison.ByCase(i).Select(
                    item => KeyValuePair.Create(item.Case, (JsonNode?)Scores.Number(item.Second - item.First))));
            }

            return (JsonNode)json;
        })]),
    };

    private static JsonObject Json(PairedDifference difference) => new()
    {
        ["mean"] = Scores.Number(difference.Mean),
        ["low"] = Scores.Number(difference.Low),
        ["high"] = Scores.Number(difference.High),
        ["better"] = difference.Better,
        ["worse"] = difference.Worse,
        ["cases"] = difference.Cases,
    };

    private static string Layout(List<string[]> rows)
    {
        int[] widths = [.. Enumerable.Range(0, rows[0].Length).Select(column => rows.Max(row => row[column].Length))];
        return string.Concat(rows.Select(row => string.Join("  ", row.Select(
            (cell, column) => column == 0 ? cell.PadRight(widths[0]) : cell.PadLeft(widths[column]))).TrimEnd() + "\n"));
    }

    private static double PerIteration(ComparedRun run) => run.Iterations == 0 ? double.NaN : run.Seconds / run.Iterations;

    private static string Letter(int run) =>
        run < 26 ? ((char)('A' + run)).ToString() : (run + 1).ToString(CultureInfo.InvariantCulture);

    private static string Show(double dice) => double.IsNaN(dice) ? "-" : FormattableString.Invariant($"{dice:0.0000}");

    private static string Signed(double value) =>
        double.IsNaN(value) ? "-" : FormattableString.Invariant($"{value:+0.0000;−0.0000}");

    private static string Interval(PairedDifference difference) =>
        double.IsNaN(difference.Low) ? "-" : $"{Signed(difference.Low)} to {Signed(difference.High)}";

    private static string BetterWorse(PairedDifference difference) =>
        FormattableString.Invariant($"{difference.Better} / {difference.Worse} of {difference.Cases}");
}
