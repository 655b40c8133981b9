using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace SharpSeg.Perf;

/// <summary><c>bench summary FOLDER</c>: every result of <c>--json</c> in a folder as one table.</summary>
internal static class Summary
{
    /// <summary>Prints it.</summary>
    /// <returns>0; 1 if a file in the folder is no result.</returns>
    /// <exception cref="ArgumentException">There is no result in the folder.</exception>
    public static int Print(string folder, TextWriter output)
    {
        if (!Directory.Exists(folder))
        {
            throw new ArgumentException($"summary {folder}: there is no such folder");
        }

        var files = Directory.GetFiles(folder, "*.json").Order(StringComparer.Ordinal).ToArray();
        var (rows, bad) = (new List<string>(), 0);
        foreach (var file in files)
        {
            try
            {
                Describe(Path.GetFileNameWithoutExtension(file), JsonNode.Parse(File.ReadAllText(file)), rows, output);
            }
            catch (Exception error) when (error is JsonException or InvalidOperationException or FormatException)
            {
                output.WriteLine($"{Path.GetFileName(file)}: not a result: {error.Message}");
                bad = 1;
            }
        }

        if (rows.Count == 0 && files.Length == bad)
        {
            throw new ArgumentException($"summary {folder}: no result of `bench … --json` in it");
        }

        if (rows.Count > 0)
        {
            output.WriteLine(
                $"{"precision",-10}{"operation",-24}{"shape",-46}{"ms",10}{"± %",6}{"% limit",9}{"PyTorch ms",12}{"ratio",7}"
                    + $"{"peak GB",9}");
            rows.ForEach(output.WriteLine);
        }

        return bad;
    }

    private static void Describe(string name, JsonNode? file, List<string> rows, TextWriter output)
    {
        foreach (var source in new[] { "driver", "assembler" })
        {
            if (file?[source] is JsonArray { Count: > 0 } kernels)
            {
                var most = kernels.Max(kernel => (int?)kernel?["registers"]);
                var spills = kernels.Where(kernel => (int?)kernel?["spilled_bytes"] > 0)
                    .Select(kernel => $"; {kernel?["kernel"]} spills {kernel?["spilled_bytes"]} bytes").DefaultIfEmpty("; none spills");
                output.WriteLine(
                    $"{name}, {source}: {kernels.Count} kernels, at most {most} registers{string.Concat(spills)}");
            }
        }

        if (file?["machine"] is not { } machine)
        {
            return;
        }

        output.WriteLine(
            $"{name}: {machine["backend"]}; peak {Number(machine["peak_gflops"], "F0")} GFLOP/s, copy "
                + $"{Number(machine["copy_gbytes_per_s"], "F0")} GB/s; PyTorch "
                + $"{machine["versions"]?["pytorch"] ?? "not compared with"}{((bool?)machine["complete"] == false ? "; stopped before its end" : "")}");
        if (file["check"] is { } check)
        {
            foreach (var variant in check["variants"]!.AsArray())
            {
                output.WriteLine($"    {variant?["variant"],-18}{variant?["passed"],4} of {variant?["run"]} checks passed");
            }

            foreach (var failure in check["failures"]!.AsArray())
            {
                output.WriteLine($"    FAILED {failure?["variant"]}: {failure?["check"]}");
            }
        }

        foreach (var row in file["results"]!.AsArray())
        {
            var peak = (double?)row?["peak_bytes"] / 1e9;
            rows.Add(
                $"{machine["precision"],-10}{row?["op"],-24}{row?["shape"],-46}{Number(row?["milliseconds"], "F3"),10}"
                    + $"{Number(row?["spread_percent"], "F0"),6}{Number(row?["percent_of_peak"], "F0"),9}"
                    + $"{Number(row?["pytorch_milliseconds"], "F3"),12}{Number(row?["ratio"], "F2"),7}"
                    + $"{peak?.ToString("F2", CultureInfo.InvariantCulture),9}");
        }
    }

    private static string Number(JsonNode? node, string format) =>
        ((double?)node)?.ToString(format, CultureInfo.InvariantCulture) ?? "";
}
