using System.Diagnostics;
using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner;
using SharpSeg.Perf;
using SharpSeg.Perf.Measuring;
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
        var nothing = Bench("preprocess", "--only", "zzzz", "--no-pytorch", "--seconds", "0.01");
        nothing.AssertError(2, "--only zzzz: no row");
        Assert.DoesNotContain("limits:", nothing.Output, StringComparison.Ordinal); // no second is spent on them
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
        Bench("compare", folder.At("before.json"), folder.At("none.json")).AssertError(1, "none.json", "expected a JSON object");
        Bench("compare", folder.At("before.json")).AssertError(2, "two files");
        Bench("compare", folder.At("before.json"), folder.At("missing.json")).AssertError(1, "missing.json");
    }

    /// <summary>What is wrong with a result, in the words of both commands that read it.</summary>
    [Theory]
    [InlineData("", "the file is empty")]
    [InlineData("{", "not valid JSON")]
    [InlineData("""{"results": 1}""", "results: expected a list")]
    [InlineData("""{"machine": 5, "results": []}""", "machine: expected an object")]
    [InlineData("""{"machine": {}, "results": [5]}""", "results: expected a list of objects")]
    [InlineData("""{"machine": {}, "results": [{"op": "forward"}]}""", "results[0].milliseconds: missing")]
    [InlineData("""{"machine": {}, "results": [{"milliseconds": "10"}]}""", "milliseconds: expected a finite number")]
    [InlineData("""{"machine": {}, "results": [{"milliseconds": 0}]}""", "milliseconds: a time is above 0")]
    [InlineData("""{"machine": {}, "results": [{"milliseconds": 1e400}]}""", "milliseconds: expected a finite number")]
    [InlineData("""{"machine": {}, "results": [{"milliseconds": 1, "milliseconds": 2}]}""", "not valid JSON")]
    public void A_damaged_result_is_refused_by_its_name(string text, string says)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.At("good.json"), Before);
        File.WriteAllText(folder.At("bad.json"), text);
        foreach (var (before, after) in new[] { ("good.json", "bad.json"), ("bad.json", "good.json") })
        {
            var error = Assert.Throws<SharpSegException>(
                () => Comparison.Print(folder.At(before), folder.At(after), TextWriter.Null));
            Assert.Contains(folder.At("bad.json"), error.Message, StringComparison.Ordinal);
            Assert.Contains(says, error.Message, StringComparison.Ordinal);
        }

        using var table = new StringWriter();
        Assert.Equal(1, Summary.Print(folder.Path, table));
        Assert.Contains("bad.json: not a result: ", table.ToString(), StringComparison.Ordinal);
        Assert.Contains("10.000", table.ToString(), StringComparison.Ordinal); // the other one is there

        File.Delete(folder.At("good.json"));
        Assert.Throws<SharpSegException>(() => Summary.Print(folder.Path, table));
    }

    [Fact]
    public void Names_in_a_result_do_not_reach_the_terminal_as_codes()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.At("a.json"), Before.Replace("\"op\": \"f", "\"op\": \"\\u001b[2Jf", StringComparison.Ordinal));
        using var text = new StringWriter();
        Comparison.Print(folder.At("a.json"), folder.At("a.json"), text);
        Assert.Equal(0, Summary.Print(folder.Path, text));
        Assert.Equal(4, text.ToString().Split("\\u001b[2Jforward").Length - 1);
        Assert.DoesNotContain('\u001b', text.ToString());
    }

    /// <summary>A word that changes nothing is refused: who said it would believe that it counted.</summary>
    [Theory]
    [InlineData("check --seconds 3", "check has no use for --seconds")]
    [InlineData("registers --precision bf16", "registers has no use for --precision")]
    [InlineData("step --variants", "step has no use for --variants")]
    [InlineData("plan work --variants", "plan has no use for --variants")]
    [InlineData("step --arch sm_80", "step has no use for --arch")]
    [InlineData("kernels --emit-ptx out --json x.json", "--emit-ptx has no use for --json")]
    [InlineData("kernels --emit-ptx out --arch sm_10", "--arch sm_10: the kernels are made for sm_75")]
    [InlineData("step --emit-ptx out", "--emit-ptx goes with kernels alone")]
    [InlineData("registers step", "registers stands alone")]
    [InlineData("roofline", "unknown word roofline")]
    [InlineData("step step", "step is given twice")]
    [InlineData("step --json a --json b", "--json is given twice")]
    [InlineData("plan work -c 2d --configuration 2d", "--configuration is given twice")]
    [InlineData("step bench", "unknown word bench")]
    [InlineData("step --threads 40000", "--threads 40000: at most 1024")]
    [InlineData("step --threads -1", "--threads -1")]
    [InlineData("step --seconds 1e300", "--seconds 1e300")]
    [InlineData("inference step --onnxruntime", "--onnxruntime goes with inference alone")]
    [InlineData("inference --onnxruntime --device cuda:0", "on the processor")]
    public void A_word_without_use_is_refused(string words, string says)
    {
        var error = Assert.Throws<Cli.UsageException>(() => BenchOptions.Parse(words.Split(' ')));
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Results_replace_results_and_nothing_else()
    {
        using var folder = new TemporaryFolder();
        var plans = """{"dataset_name": "d"}""";
        File.WriteAllText(folder.At("plans.json"), plans);
        var dataset = TinyDataset.Write(folder.At("dataset"), cases: 1);
        foreach (var (path, says) in new[]
        {
            (folder.At("plans.json"), "no result of a benchmark"), (folder.Path, "no result of a benchmark"),
            (folder.At("none", "x.json"), "there is no folder"), (Path.Combine(dataset, "x.json"), "which is never written to"),
        })
        {
            var error = Assert.Throws<SharpSegException>(() => ResultFile.RequireWritable(path));
            Assert.Contains(says, error.Message, StringComparison.Ordinal);
            Assert.DoesNotContain("-o", error.Hint!, StringComparison.Ordinal);
        }

        File.WriteAllText(folder.At("before.json"), Before);
        ResultFile.RequireWritable(folder.At("before.json"));
        ResultFile.RequireWritable(folder.At("new.json"));
        ResultFile.RequireWritable(null);
        Bench("step", "--json", folder.At("plans.json")).AssertErrorWithHint(1, "plans.json", "no result of a benchmark");
        Bench("registers", "--json", folder.At("plans.json")).AssertErrorWithHint(1, "plans.json", "no result of a benchmark");
        Bench("roofline", "--json", folder.At("x.json")).AssertErrorWithHint(2, "roofline stands alone");
        var refused = Bench("kernels", "--emit-ptx", dataset);
        refused.AssertErrorWithHint(1, "holds a dataset");
        Assert.Contains("with --emit-ptx", refused.Errors, StringComparison.Ordinal);
        Bench("summary", folder.At("none")).AssertErrorWithHint(1, "no such folder");
        Assert.Equal(plans, File.ReadAllText(folder.At("plans.json")));
    }

    [FactWith(Needs.Bash)]
    public void A_peer_that_talks_nonsense_is_one_line()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.At("peer"), "#!/bin/bash\necho 0.0\nwhile read line; do echo '{\"ms\": []}'; done\n");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(folder.At("peer"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        BenchWith(
            new() { ["SHARPSEG_PYTHON"] = folder.At("peer") }, "preprocess", "--only", "resample labels", "--seconds", "0.001")
            .AssertError(1, "what PyTorch's process answered: ms: no times");
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
