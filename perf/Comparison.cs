using System.Text.Json.Nodes;

namespace SharpSeg.Perf;

/// <summary>
/// <c>bench compare A.json B.json</c>: the rows that two results share. A difference counts only where it is larger than what
/// single runs of the two differ by.
/// </summary>
internal static class Comparison
{
    private const double OldFilesSpread = 10; // percent; results before 0.3 do not say how far runs lay apart

    /// <summary>Prints the comparison.</summary>
    /// <exception cref="ArgumentException">A file is no result, or nothing is in both.</exception>
    public static void Print(string before, string after, TextWriter output)
    {
        var (first, second) = (Read(before), Read(after));
        foreach (var (path, file) in new[] { (before, first), (after, second) })
        {
            var machine = file["machine"];
            output.WriteLine(
                $"{path}: {machine?["processor"]}, {machine?["backend"]}, commit {machine?["commit"] ?? "unknown"}, load "
                    + $"{machine?["load_before"] ?? "unknown"} to {machine?["load_after"] ?? "unknown"}");
        }

        var others = second["results"]!.AsArray().ToLookup(Key);
        var pairs = first["results"]!.AsArray().Select(row => (Before: row!, After: others[Key(row)].FirstOrDefault()))
            .Where(pair => pair.After is not null).ToArray();
        if (pairs.Length == 0)
        {
            throw new ArgumentException($"{before} and {after} have no row in common");
        }

        output.WriteLine($"{"operation",-28}{"shape",-46}{"before ms",10}{"after ms",10}{"time",7}{"± %",6}");
        var (faster, slower, logs) = (0, 0, 0.0);
        foreach (var (row, other) in pairs)
        {
            var (a, b) = ((double)row["milliseconds"]!, (double)other!["milliseconds"]!);
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

    private static double Spread(JsonNode row) => (double?)row["spread_percent"] ?? OldFilesSpread;

    private static string Key(JsonNode? row) => $"{row?["group"]}|{row?["op"]}|{row?["shape"]}|{row?["variant"]}";

    private static string Shown(JsonNode row, string name) => $"{row[name]}";

    private static JsonObject Read(string path)
    {
        try
        {
            return JsonNode.Parse(File.ReadAllText(path)) is JsonObject file && file["results"] is JsonArray rows
                && rows.All(row => row?["milliseconds"] is JsonValue)
                ? file
                : throw new ArgumentException($"{path}: no result of `bench … --json`");
        }
        catch (System.Text.Json.JsonException error)
        {
            throw new ArgumentException($"{path}: no JSON: {error.Message}");
        }
    }
}
