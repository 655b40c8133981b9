using System.Globalization;
using System.Text;
using SharpSeg.AutoPlanner;
using SharpSeg.Cli;
using SharpSeg.Perf.Measuring;

namespace SharpSeg.Perf;

/// <summary><c>bench summary FOLDER</c>: every result of <c>--json</c> in a folder as one table.</summary>
internal static class Summary
{
    private const string Expected = "give a folder into which `bench … --json FOLDER/NAME.json` wrote";

    /// <summary>Prints it.</summary>
    /// <returns>0; 1 if a file in the folder is no result.</returns>
    /// <exception cref="SharpSegException">There is no result in the folder.</exception>
    public static int Print(string folder, TextWriter output)
    {
        if (!Directory.Exists(folder))
        {
            throw new SharpSegException($"summary {folder}: there is no such folder", Expected);
        }

        var files = Directory.GetFiles(folder, "*.json").Order(StringComparer.Ordinal).ToArray();
        var (rows, bad) = (new List<string>(), 0);
        foreach (var file in files)
        {
            try
            {
                output.Write(Readable.Lines(Describe(Path.GetFileNameWithoutExtension(file), JsonFile.Read(file), rows)));
            }
            catch (SharpSegException error)
            {
                output.WriteLine(Readable.Line($"{Path.GetFileName(file)}: not a result: {error.Message}"));
                bad++;
            }
        }

        if (files.Length == bad)
        {
            throw new SharpSegException($"summary {folder}: no result of `bench … --json` in it", Expected);
        }

        if (rows.Count > 0)
        {
            output.WriteLine(
                $"{"precision",-10}{"operation",-24}{"shape",-46}{"ms",10}{"± %",6}{"% limit",9}{"peer ms",12}{"ratio",7}"
                    + $"{"peak GB",9}");
            rows.ForEach(row => output.WriteLine(Readable.Line(row)));
        }

        return bad > 0 ? 1 : 0;
    }

    // Results of before ONNX Runtime could be the peer have PyTorch's name in their keys.
    private const string OlderTime = "pytorch_milliseconds";

    /// <summary>What a file says of its device; its rows are added to the others, once it is known to be a result.</summary>
    private static string Describe(string name, JsonFile file, List<string> rows)
    {
        var text = new StringBuilder();
        foreach (var source in new[] { "driver", "assembler" })
        {
            if ((file.Has(source) ? file.RequiredObjects(source) : []) is { Count: > 0 } kernels)
            {
                var most = kernels.Max(kernel => kernel.Number("registers"));
                var spills = kernels.Where(kernel => kernel.Number("spilled_bytes") > 0)
                    .Select(kernel => $"; {kernel.Text("kernel")} spills {kernel.Number("spilled_bytes")} bytes")
                    .DefaultIfEmpty("; none spills");
                text.Append($"{name}, {source}: {kernels.Count} kernels, at most {most} registers{string.Concat(spills)}\n");
            }
        }

        if (!file.Has("machine"))
        {
            return text.Length > 0 || file.Has("steps") // the latter of the script that `bench pack` packs
                ? text.ToString()
                : throw new SharpSegException($"{file.Source}: it has neither `machine` nor kernels");
        }

        var (machine, results) = ResultFile.Of(file);
        text.Append(
            $"{name}: {machine!.Text("backend")}; peak {Number(machine, "peak_gflops", "F0")} GFLOP/s, copy "
                + $"{Number(machine, "copy_gbytes_per_s", "F0")} GB/s; "
                + Peer(machine.OptionalObject("versions"))
                + (machine.Flag("complete") == false ? "; stopped before its end\n" : "\n"));
        if (file.OptionalObject("check") is { } check)
        {
            foreach (var variant in check.RequiredObjects("variants"))
            {
                text.Append(
                    $"    {variant.Text("variant"),-18}{variant.Number("passed"),4} of {variant.Number("run")} checks passed\n");
            }

            foreach (var failure in check.RequiredObjects("failures"))
            {
                text.Append($"    FAILED {failure.Text("variant")}: {failure.Text("check")}\n");
            }
        }

        rows.AddRange(results.Select(row =>
            $"{machine.Text("precision"),-10}{row.Text("op"),-24}{row.Text("shape"),-46}{Number(row, "milliseconds", "F3"),10}"
                + $"{Number(row, "spread_percent", "F0"),6}{Number(row, "percent_of_peak", "F0"),9}"
                + $"{Number(row, row.Has(OlderTime) ? OlderTime : "peer_milliseconds", "F3"),12}{Number(row, "ratio", "F2"),7}"
                + $"{(row.Number("peak_bytes") / 1e9)?.ToString("F2", CultureInfo.InvariantCulture),9}").ToArray());
        return text.ToString();
    }

    private static string Peer(JsonFile? versions) =>
        versions?.Text("peer") ?? (versions?.Text("pytorch") is { } older ? $"PyTorch {older}" : "compared with nothing");

    private static string Number(JsonFile row, string key, string format) =>
        row.Number(key)?.ToString(format, CultureInfo.InvariantCulture) ?? "";
}
