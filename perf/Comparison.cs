using SharpSeg.AutoPlanner;
using SharpSeg.Cli;
using SharpSeg.Perf.Measuring;

namespace SharpSeg.Perf;

/// <summary>
/// <c>bench compare A.json B.json</c>: the rows that two results share. A difference counts only where it is larger than what
/// single runs of the two differ by.
/// </summary>
internal static class Comparison
{
    private const double OldFilesSpread = 10; // percent; results before 0.3 do not say how far runs lay apart

    /// <summary>Prints the comparison.</summary>
    /// <exception cref="SharpSegException">A file is no result, or nothing is in both.</exception>
    public static void Print(string before, string after, TextWriter output)
    {
        var (first, second) = (ResultFile.Read(before), ResultFile.Read(after));
        foreach (var (path, machine) in new[] { (before, first.Machine), (after, second.Machine) })
        {
            output.WriteLine(Readable.Line(
                $"{path}: {machine?.Text("processor")}, {machine?.Text("backend")}, commit "
                    + $"{machine?.Text("commit") ?? "unknown"}, load {Load(machine, "before")} to {Load(machine, "after")}"));
        }

        var others = second.Rows.ToLookup(Key);
        var pairs = first.Rows.Where(row => others.Contains(Key(row)))
            .Select(row => (Before: row, After: others[Key(row)].First())).ToArray();
        if (pairs.Length == 0)
        {
            throw new SharpSegException($"{before} and {after} have no row in common", "compare results of the same benchmarks");
        }

        output.WriteLine($"{"operation",-28}{"shape",-46}{"before ms",10}{"after ms",10}{"time",7}{"± %",6}");
        var (faster, slower, logs) = (0, 0, 0.0);
        foreach (var (row, other) in pairs)
        {
            var (a, b) = (row.RequiredNumber("milliseconds"), other.RequiredNumber("milliseconds"));
            var noise = Math.Sqrt(Math.Pow(Spread(row), 2) + Math.Pow(Spread(other), 2)) / 2;
            var change = 100 * ((b / a) - 1);
            var verdict = Math.Abs(change) <= noise ? "" : change < 0 ? "   faster" : "   slower";
            faster += verdict.EndsWith("faster", StringComparison.Ordinal) ? 1 : 0;
            slower += verdict.EndsWith("slower", StringComparison.Ordinal) ? 1 : 0;
            logs += Math.Log(b / a);
            output.WriteLine(
                $"{Shown(row, "op"),-28}{Shown(row, "shape"),-46}{a,10:F2}{b,10:F2}{b / a,7:F2}{noise,6:F0}{verdict}");
        }

        output.WriteLine(
            $"{pairs.Length} rows in both: time × {Math.Exp(logs / pairs.Length):F3} (geometric mean); {faster} faster, {slower} "
                + $"slower, {pairs.Length - faster - slower} within what single runs differ by");
    }

    private static string Load(JsonFile? machine, string when) => machine?.Number($"load_{when}")?.ToString() ?? "unknown";

    private static double Spread(JsonFile row) => row.Number("spread_percent") ?? OldFilesSpread;

    private static string Key(JsonFile row) =>
        string.Join('|', row.Text("group"), row.Text("op"), row.Text("shape"), row.Text("variant"));

    private static string Shown(JsonFile row, string name) => Readable.Line(row.Text(name) ?? "");
}
