using System.Globalization;
using System.Text;

namespace SharpSeg.AutoPlanner.Planning;

/// <summary>
/// A plan as readable text: each number with the rule that produced it beside it, and with the numbers that went in.
/// </summary>
public static class PlanTable
{
    private const int MostResultWidth = 44;

    /// <summary>One block for the dataset and one per configuration; columns: what, result, rule.</summary>
    /// <param name="result">The planner's result.</param>
    /// <param name="explain">Adds a line with the inputs below each decision.</param>
    /// <param name="peakBytes">Predicted peak of training per configuration (<c>PeakMemory</c>); null = not shown.</param>
    public static string Write(PlanResult result, bool explain = false, IReadOnlyDictionary<string, long>? peakBytes = null)
    {
        var text = new StringBuilder();
        text.Append(result.Plans.DatasetName).Append(": plans ").Append(result.Plans.PlansName).Append('\n');
        WriteBlock(
            text, "dataset", result, [.. result.Decisions.Where(decision => decision.Configuration is null)], explain, peakBytes);
        foreach (var name in Names(result))
        {
            WriteBlock(
                text, name, result, [.. result.Decisions.Where(decision => decision.Configuration == name)], explain, peakBytes);
        }

        return text.ToString();
    }

    private static IEnumerable<string> Names(PlanResult result) =>
        result.Plans.Configurations.Keys.Concat(result.Decisions.Select(decision => decision.Configuration).OfType<string>())
            .Distinct();

    private static void WriteBlock(
        StringBuilder text, string title, PlanResult result, IReadOnlyList<PlanDecision> decisions, bool explain,
        IReadOnlyDictionary<string, long>? peakBytes)
    {
        text.Append('\n').Append(title);
        if (result.Plans.Configurations.TryGetValue(title, out var configuration))
        {
            text.Append("  (spacing ").Append(PlanText.Millimetres(configuration.Spacing));
            text.Append(", median size ").Append(PlanText.Sizes(configuration.MedianImageSize));
            if (result.MemoryEstimates.TryGetValue(title, out var estimate))
            {
                text.Append(", E ").Append(PlanText.Count(estimate));
            }

            if (peakBytes is not null && peakBytes.TryGetValue(title, out var peak))
            {
                text.Append(", training peaks at ").Append(PlanText.Number(Math.Round(peak / 1e9, 2))).Append(" GB");
            }

            text.Append(')');
            if (configuration.InheritsFrom is { } parent)
            {
                text.Append("  everything else as ").Append(parent);
            }
        }

        text.Append('\n');
        var subjectWidth = decisions.Select(decision => decision.Subject.Length).DefaultIfEmpty(0).Max();
        var resultWidth = decisions.Select(decision => Math.Min(MostResultWidth, decision.Result.Length)).DefaultIfEmpty(0).Max();
        foreach (var decision in decisions)
        {
            text.Append("  ").Append(decision.Subject.PadRight(subjectWidth))
                .Append("  ").Append(decision.Result.PadRight(resultWidth));
            text.Append("  ").Append(decision.Rule).Append('\n');
            if (explain && decision.Inputs.Length > 0)
            {
                text.Append(' ', subjectWidth + 4).Append("from ").Append(decision.Inputs).Append('\n');
            }
        }
    }
}

/// <summary>Numbers of a plan as text, the same everywhere: at most six decimals, × between axes.</summary>
internal static class PlanText
{
    /// <summary>One number.</summary>
    public static string Number(double value) => value.ToString("0.######", CultureInfo.InvariantCulture);

    /// <summary>A large whole number with separators of thousands.</summary>
    public static string Count(double value) => value.ToString("#,0", CultureInfo.InvariantCulture);

    /// <summary>Sizes of the axes.</summary>
    public static string Sizes(IEnumerable<double> values) => string.Join("×", values.Select(Number));

    /// <summary>Sizes of the axes.</summary>
    public static string Sizes(IEnumerable<int> values) => string.Join("×", values);

    /// <summary>Spacing of the axes.</summary>
    public static string Millimetres(IEnumerable<double> values) => Sizes(values) + " mm";

    /// <summary>One group per stage, digits run together: `133 333`.</summary>
    public static string Stages(IEnumerable<int[]> rows) => string.Join(" ", rows.Select(row => string.Concat(row)));
}
