using System.Diagnostics;
using System.Text.Json.Nodes;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>The benchmarks' command line; what they measure is not a test.</summary>
public sealed class BenchTests
{
    private const string Before =
        """{"machine": {"processor": "p", "commit": "c1"}, "results": [{"group": "conv", "op": "forward", "shape": "s", "variant": null, "milliseconds": 10, "spread_percent": 4}, {"group": "conv", "op": "forward", "shape": "t", "variant": null, "milliseconds": 10, "spread_percent": 40}]}""";

    [Fact]
    public void Help_explains_and_words_that_nobody_knows_get_the_nearest()
    {
        var help = Bench("--help");
        Assert.Equal(0, help.Code);
        Assert.Contains("whole training steps", help.Output, StringComparison.Ordinal);
        Assert.Contains("compare BEFORE.json AFTER.json", help.Output, StringComparison.Ordinal);
        Bench("kernel").AssertError(2, "unknown word kernel, did you mean kernels?");
        Bench("kernels", "--secnods", "1").AssertError(2, "did you mean --seconds?");
        Bench("kernels", "--seconds", "soon").AssertError(2, "--seconds soon");
        Bench("preprocess", "--only", "zzzz", "--no-pytorch", "--seconds", "0.01").AssertError(2, "--only zzzz: no row");
    }

    [Fact]
    public void Two_results_are_compared_beyond_what_runs_differ_by()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.At("before.json"), Before);
        File.WriteAllText(
            folder.At("after.json"),
            Before.Replace("\"milliseconds\": 10", "\"milliseconds\": 8", StringComparison.Ordinal)
                .Replace("c1", "c2", StringComparison.Ordinal));
        var outcome = Bench("compare", folder.At("before.json"), folder.At("after.json"));
        Assert.Equal(0, outcome.Code);
        Assert.Contains("commit c2", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("1 faster, 0 slower, 1 within", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("time × 0.800", outcome.Output, StringComparison.Ordinal);
        File.WriteAllText(folder.At("none.json"), "[]");
        Bench("compare", folder.At("before.json"), folder.At("none.json")).AssertError(2, "no result");
        Bench("compare", folder.At("before.json")).AssertError(2, "two files");
        Bench("compare", folder.At("before.json"), folder.At("missing.json")).AssertError(1, "missing.json");
    }

    [Fact]
    public void A_plan_of_the_users_is_measured_layer_by_layer_and_checked()
    {
        using var folder = new TemporaryFolder();
        SharpSegProcess.Succeed("plan", TinyDataset.Write(folder.At("dataset"), cases: 2), "-o", folder.At("work"));
        var outcome = Bench(
            "plan", folder.At("work"), "-c", "3d_fullres", "--seconds", "0.001", "--no-pytorch", "--json",
            folder.At("layers.json"));
        Assert.True(outcome.Code == 0, outcome.Output + outcome.Errors);
        Assert.Contains("all agree with the reference", outcome.Output, StringComparison.Ordinal);
        var rows = JsonNode.Parse(File.ReadAllText(folder.At("layers.json")))!["results"]!.AsArray();
        Assert.Contains(rows, row => (string)row!["op"]! == "step 3d_fullres");
        foreach (var op in new[] { "conv forward", "conv bwd data", "conv bwd weights", "norm forward", "transp forward" })
        {
            Assert.Contains(rows, row => ((string)row!["op"]!).StartsWith(op, StringComparison.Ordinal)
                && (double)row["milliseconds"]! > 0 && (double)row["percent_of_peak"]! > 0);
        }

        Assert.All(
            rows.Where(row => ((string)row!["op"]!).Contains("forward", StringComparison.Ordinal)),
            row => Assert.True((double)row!["error"]! < 1e-4 && (double)row["gradient_error"]! < 1e-2));
        Bench("plan", folder.At("work"), "-c", "3d_lowres").AssertError(2, "-c 3d_lowres: the plan has");
        Bench("plan", folder.At("none")).AssertError(1, "no such file");
        Bench("plan").AssertError(2, "plan needs a value");
        Bench("kernels", "-c", "2d").AssertError(2, "go with a workspace");
    }

    [Fact]
    public void The_roofline_in_the_docs_is_what_the_program_prints()
    {
        var table = Bench("roofline");
        Assert.Equal(0, table.Code);
        Assert.Contains("| **the step** | | | | 5.72 |", table.Output, StringComparison.Ordinal); // TFLOP, as counted by hand
        Assert.Contains(
            table.Output.ReplaceLineEndings("\n"),
            File.ReadAllText(Path.Combine(Checkout.Root, "docs", "gpu", "roofline.md")).ReplaceLineEndings("\n"),
            StringComparison.Ordinal);
    }

    [FactWith(Needs.Bash)]
    public void A_peer_that_dies_is_one_line_and_our_side_is_measured_on()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(
            folder.At("peer"), "#!/bin/bash\necho 0.0\nread line\necho '{}'\nread line\necho out of luck >&2\nexit 3\n");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(folder.At("peer"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        var outcome = BenchWith(
            new() { ["SHARPSEG_PYTHON"] = folder.At("peer") }, "kernels", "--only", "32→3,", "--seconds", "0.001", "--json",
            folder.At("rows.json"));
        Assert.True(outcome.Code == 0, outcome.Output + outcome.Errors);
        Assert.Contains("PyTorch 0.0", outcome.Output, StringComparison.Ordinal);
        Assert.Single(
            outcome.Errors.Split('\n'),
            "warning: the PyTorch process ended with exit code 3: out of luck; going on without it");
        var rows = JsonNode.Parse(File.ReadAllText(folder.At("rows.json")))!["results"]!.AsArray();
        Assert.Equal(
            ["forward", "backward data", "backward weights"],
            rows.Select(row => (string)row!["op"]!).Where(op => !op.Contains(',', StringComparison.Ordinal)));
        Assert.All(rows, row => Assert.True(row!["ratio"] is null && (double)row["milliseconds"]! > 0));
    }

    private static Outcome Bench(params string[] arguments) => BenchWith([], arguments);

    private static Outcome BenchWith(Dictionary<string, string> environment, params string[] arguments)
    {
        var built = new DirectoryInfo(AppContext.BaseDirectory); // …/tests/end-to-end/bin/Release/net10.0
        var dll = Path.Combine(Checkout.Root, "perf", "bin", built.Parent!.Name, built.Name, "SharpSeg.Perf.dll");
        var start = new ProcessStartInfo("dotnet", [dll, .. arguments])
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new Outcome(process.ExitCode, output, errors.Result);
    }
}
