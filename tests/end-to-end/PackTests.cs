using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using SharpSeg.Perf;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// What runs on a bare GPU machine: the script of the archive, with programs in place of the real ones that fail as a GPU would.
/// The archive itself takes minutes to build and is tried by hand (docs/gpu).
/// </summary>
public sealed partial class PackTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public PackTests()
    {
        File.Copy(Path.Combine(Checkout.Root, "perf", "pack", "run.sh"), folder.At("run.sh"));
        File.WriteAllText(folder.At("VERSION"), "0.0.0, commit \"none\"\n");
        Directory.CreateDirectory(folder.At("bin"));
        Program("bin/sharpseg", """echo "cpu       Some processor"; echo "cuda:0    Some GPU, 80.0 GB" """);
        Program(
            "bin/SharpSeg.Perf",
            """
            echo "$*" >>"${0%/*}/called"
            while (($# > 0)) && [[ $1 != summary ]]; do
                [[ $1 == --json ]] && echo '{}' >"$2"
                shift
            done
            [[ ${1:-} == summary ]] && echo "the table of $2"
            exit 0
            """);

        // In place of the one that waits: notes the limits, and stops what its first argument names.
        Directory.CreateDirectory(folder.At("path"));
        Program(
            "path/timeout",
            """
            shift 2
            echo "$1" >>"${0%/*}/limits"
            shift
            [[ $* == *"step inference"*"tf32"* ]] && exit 124
            exec "$@"
            """);
    }

    public void Dispose() => folder.Dispose();

    [FactWith(Needs.Bash)]
    public void Everything_is_measured_and_a_step_that_fails_or_hangs_keeps_none_from_running()
    {
        Program(
            "bin/SharpSeg.Perf",
            File.ReadAllText(folder.At("bin", "SharpSeg.Perf")).Replace(
                "exit 0",
                """[[ "$(tail -n 1 "${0%/*}/called")" != "check "* ]] || { echo "error: the device is lost"; exit 1; }; exit 0""",
                StringComparison.Ordinal));
        var outcome = Run("results");
        Assert.Equal(1, outcome.Code);
        Assert.Contains("the table of", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("    error: the device is lost", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("8 of 10 steps passed", outcome.Output, StringComparison.Ordinal);
        var report = JsonNode.Parse(File.ReadAllText(folder.At("results", "steps.json")))!;
        Assert.Equal("cuda:0", (string?)report["device"]);
        var steps = report["steps"]!.AsArray().ToDictionary(step => (string)step!["name"]!, step => (string)step!["result"]!);
        string[] precisions = ["bf16", "tf32", "fp16", "fp32"];
        Assert.Equal(
            [
                "conformance", .. precisions.Select(p => $"kernels-{p}").Order(),
                .. precisions.Select(p => $"networks-{p}").Order(), "registers",
            ],
            steps.Keys.Order(StringComparer.Ordinal));
        Assert.Equal("failed with 1", steps["conformance"]);
        Assert.StartsWith("stopped after ", steps["networks-tf32"], StringComparison.Ordinal);
        Assert.All(
            steps.Where(step => step.Key is not ("conformance" or "networks-tf32")), step => Assert.Equal("passed", step.Value));
        Assert.All(
            steps.Keys.Where(name => name != "networks-tf32"),
            name => Assert.True(File.Exists(folder.At("results", $"{name}.json"))));
        Assert.Contains("Some GPU", File.ReadAllText(folder.At("results", "machine.txt")), StringComparison.Ordinal);

        // No step may take longer than what is left of five minutes, and each of its commands must be one that bench takes.
        var limits = File.ReadAllLines(folder.At("path", "limits"));
        Assert.All(limits, limit => Assert.InRange(int.Parse(limit, CultureInfo.InvariantCulture), 1, 300));
        var commands = File.ReadAllLines(folder.At("bin", "called"));
        Assert.All(commands.SkipLast(1), line => BenchOptions.Parse(WithSpaces().Replace(line, "TEXT").Split(' ')));

        // Of eight, one never began.
        Assert.Equal(7, commands.Count(line => line.Contains("--precision", StringComparison.Ordinal)));
    }

    [FactWith(Needs.Bash)]
    public void Without_a_failure_the_script_passes_and_leaves_results_alone_that_are_there()
    {
        Program("path/timeout", "shift 3\nexec \"$@\"");
        Assert.Equal(0, Run("results").Code);
        Run("results").AssertErrorWithHint(2, "is not empty");
    }

    [FactWith(Needs.Bash)]
    public void Without_a_GPU_one_line_says_why()
    {
        Program(
            "bin/sharpseg",
            """echo "cpu       Some processor"; echo "no GPU    neither a CUDA driver nor another reports a device" """);
        Run("results").AssertErrorWithHint(3, "no cuda:0 on this machine: neither a CUDA driver nor another reports a device");
        Assert.False(Directory.Exists(folder.At("results")));
        Program("bin/sharpseg", "echo 'error: libstdc++.so.6: cannot open shared object file' >&2; exit 127");
        Run("results").AssertErrorWithHint(3, "no cuda:0 on this machine: error: libstdc++.so.6");
    }

    [FactWith(Needs.Bash)]
    public void Words_that_mean_nothing_are_refused()
    {
        Run("--minuets", "5").AssertErrorWithHint(2, "unknown option --minuets");
        Run("--minutes", "soon").AssertErrorWithHint(2, "--minutes soon");
        Run("--minutes").AssertErrorWithHint(2, "--minutes needs a value");
        Run("--device", "first one").AssertErrorWithHint(2, "--device first one");
        Run("a", "b").AssertErrorWithHint(2, "two folders");
        Assert.Contains("./run.sh [--device cuda:0]", Run("--help").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void The_archive_needs_a_name_that_says_what_it_is()
    {
        Assert.Equal(new PackOptions("a.tar.xz", "linux-x64"), PackOptions.Parse(["-o", "a.tar.xz"]));
        Assert.Equal("linux-arm64", PackOptions.Parse(["-o", "a.tar.xz", "--runtime", "linux-arm64"]).Runtime);
        foreach (var (words, says) in new (string[], string)[]
        {
            ([], "-o FILE.tar.xz"), (["-o"], "-o needs a value"), (["-o", "a.zip"], "ends with .tar.xz"),
            (["-o", "a.tar.xz", "--runtime", "win-x64"], "linux-x64, linux-arm64"), (["a.tar.xz"], "unknown word a.tar.xz"),
        })
        {
            var error = Assert.Throws<Cli.UsageException>(() => PackOptions.Parse(words));
            Assert.Contains(says, error.Message, StringComparison.Ordinal);
        }
    }

    /// <summary>Arguments that hold spaces.</summary>
    [GeneratedRegex(@"(step|predict) (128³|hippocampus 2)")]
    private static partial Regex WithSpaces();

    private void Program(string name, string script)
    {
        var path = folder.At(name.Split('/'));
        File.WriteAllText(path, script.StartsWith("#!", StringComparison.Ordinal) ? script : $"#!/usr/bin/env bash\n{script}\n");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    private Outcome Run(params string[] words)
    {
        var start = new ProcessStartInfo("bash", [folder.At("run.sh"), .. words])
        {
            WorkingDirectory = folder.Path, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        start.Environment["PATH"] = $"{folder.At("path")}:{start.Environment["PATH"]}";
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new Outcome(process.ExitCode, output, errors.Result);
    }
}
