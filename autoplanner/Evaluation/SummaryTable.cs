using System.Globalization;
using System.Text;

namespace SharpSeg.AutoPlanner.Evaluation;

/// <summary>A summary as plain text: classes and their mean, optionally every case.</summary>
public static class SummaryTable
{
    private static readonly string[] Shown = ["Dice", "IoU", "HD95", "NSD", "n_pred", "n_ref"];

    /// <summary>The table, with a header line and a line for the foreground mean at the end.</summary>
    public static string Of(EvaluationSummary summary, bool perCase = false)
    {
        var metrics = Shown.Where(summary.MetricNames.Contains).ToArray();
        var rows = new List<string[]>();
        if (perCase)
        {
            foreach (var item in summary.Cases)
            {
                for (var c = 0; c < summary.Classes.Count; c++)
                {
                    rows.Add(
                        [item.CaseId, summary.Classes[c].Key, summary.Classes[c].Name,
                            .. metrics.Select(name => Text(name, item.Metrics[c][name]!.Value))]);
                }
            }
        }

        for (var c = 0; c < summary.Classes.Count; c++)
        {
            rows.Add(
            [
                $"mean of {Counted.Of(summary.CasesUsed(c), "case")}", summary.Classes[c].Key, summary.Classes[c].Name,
                .. metrics.Select(name => Text(name, summary.ClassMeans[c][name])),
            ]);
        }

        rows.Add(
            [$"mean of {Counted.Of(summary.ClassesUsed, "class", "classes")}", "", "foreground", .. metrics.Select(
                name => Text(name, summary.ForegroundMean[name]))]);
        return Layout(["case", "class", "name", .. metrics.Select(name => name == "HD95" ? "HD95 (mm)" : name)], rows);
    }

    private static string Layout(string[] header, List<string[]> rows)
    {
        var widths =
            header.Select(
                (title, column) =>
                    rows.Max(row => row[column].Length) is var most && most > title.Length ? most : title.Length).ToArray();
        var text = new StringBuilder();
        foreach (var row in rows.Prepend(header))
        {
            // Words to the left, numbers to the right.
            var cells = row.Select((cell, column) => column < 3 ? cell.PadRight(widths[column]) : cell.PadLeft(widths[column]));
            text.Append(string.Join("  ", cells).TrimEnd()).Append('\n');
        }

        return text.ToString();
    }

    private static string Text(string metric, double value) => double.IsNaN(value)
        ? "-"
        : value.ToString(
            metric.StartsWith("n_", StringComparison.Ordinal) ? "0" : metric == "HD95" ? "0.00" : "0.0000",
            CultureInfo.InvariantCulture);
}
