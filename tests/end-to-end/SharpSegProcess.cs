using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>The product as its users meet it: a process with arguments, two streams of text and an exit code.</summary>
internal sealed class SharpSegProcess : IDisposable
{
    /// <summary>Far more than any command here needs, also on a busy machine; a hanging one must not hang the tests.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    private readonly Process process;
    private readonly StringBuilder output = new(), errors = new();

    private SharpSegProcess(ProcessStartInfo start, string input = "")
    {
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        start.RedirectStandardInput = true;
        start.Environment["NO_COLOR"] = "1";
        start.Environment["DOTNET_EnableDiagnostics"] = "0"; // no pipes of the runtime's own in the temporary folder
        process = new Process { StartInfo = start };
        process.OutputDataReceived += (_, line) => Append(output, line.Data);
        process.ErrorDataReceived += (_, line) => Append(errors, line.Data);
        process.Start();
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>Id of the process, for signals.</summary>
    public int Id => process.Id;

    /// <summary>Whether it has ended.</summary>
    public bool HasEnded => process.HasExited;

    /// <summary>What it has written to stderr so far.</summary>
    public string Errors
    {
        get
        {
            lock (output)
            {
                return errors.ToString();
            }
        }
    }

    private static string Host => Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";

    private static string Product => Path.Combine(AppContext.BaseDirectory, "sharpseg.dll");

    /// <summary>Runs a command to its end.</summary>
    public static Outcome Run(params string[] arguments)
    {
        using var running = Start(arguments);
        return running.WaitForEnd();
    }

    /// <summary>Runs a command that reads a text from standard input.</summary>
    public static Outcome RunWithInput(string input, params string[] arguments)
    {
        using var running = new SharpSegProcess(new ProcessStartInfo(Host, [Product, .. arguments]), input);
        return running.WaitForEnd();
    }

    /// <summary>Runs a command that must succeed.</summary>
    public static Outcome Succeed(params string[] arguments)
    {
        var outcome = Run(arguments);
        Assert.True(outcome.Code == 0, $"sharpseg {string.Join(' ', arguments)} ended with {outcome.Code}:\n{outcome.Errors}");
        return outcome;
    }

    /// <summary>Runs a command to its end in a folder, to which relative paths refer.</summary>
    public static Outcome RunIn(string folder, params string[] arguments)
    {
        using var running =
            new SharpSegProcess(new ProcessStartInfo(Host, [Product, .. arguments]) { WorkingDirectory = folder });
        return running.WaitForEnd();
    }

    /// <summary>
    /// Starts a command. It hears Ctrl-C and a closed terminal even where the tests themselves run in the background of a shell
    /// or under nohup(1), which ignore them.
    /// </summary>
    public static SharpSegProcess Start(params string[] arguments) => StartWith([], arguments);

    /// <summary>Starts a command with further variables in its environment.</summary>
    public static SharpSegProcess StartWith(IEnumerable<(string Name, string Value)> variables, params string[] arguments)
    {
        var start = OperatingSystem.IsLinux() && File.Exists("/usr/bin/env")
            ? new ProcessStartInfo("/usr/bin/env", ["--default-signal=INT,HUP", Host, Product, .. arguments])
            : new ProcessStartInfo(Host, [Product, .. arguments]);
        foreach (var (name, value) in variables)
        {
            start.Environment[name] = value;
        }

        return new SharpSegProcess(start);
    }

    /// <summary>Runs a command in whose process another thread fails (<see cref="StartupHook"/>).</summary>
    public static Outcome RunWithFailure(string message, params string[] arguments)
    {
        var start = new ProcessStartInfo(Host, [Product, .. arguments]);
        start.Environment["DOTNET_STARTUP_HOOKS"] = typeof(SharpSegProcess).Assembly.Location;
        start.Environment["SHARPSEG_TEST_FAILURE"] = message;
        using var running = new SharpSegProcess(start);
        return running.WaitForEnd();
    }

    /// <summary>Starts a command that ignores SIGHUP, as nohup(1) does.</summary>
    public static SharpSegProcess StartUnderNohup(params string[] arguments) =>
        new(new ProcessStartInfo("/usr/bin/env", ["--ignore-signal=HUP", Host, Product, .. arguments]));

    /// <summary>Runs a command that may write files of at most so many KiB: to it the disk is full. Needs bash.</summary>
    public static Outcome RunOnFullDisk(int kibibytes, params string[] arguments)
    {
        // Ignored, SIGXFSZ turns into the error that a full disk gives. The runtime's doubly mapped code pages count as a file.
        var start = new ProcessStartInfo(
            "bash", ["-c", $"trap '' XFSZ; ulimit -f {kibibytes}; exec \"$@\"", "bash", Host, Product, .. arguments]);
        start.Environment["DOTNET_EnableWriteXorExecute"] = "0";
        using var running = new SharpSegProcess(start);
        return running.WaitForEnd();
    }

    /// <summary>Runs a command whose standard input is closed. Needs bash.</summary>
    public static Outcome RunWithoutInput(params string[] arguments)
    {
        using var running =
            new SharpSegProcess(new ProcessStartInfo("bash", ["-c", "exec \"$@\" <&-", "bash", Host, Product, .. arguments]));
        return running.WaitForEnd();
    }

    /// <summary>Runs a command that may hold at most so many bytes of memory of its own (RLIMIT_DATA). Needs bash.</summary>
    public static Outcome RunInMemory(long bytes, params string[] arguments)
    {
        var start = new ProcessStartInfo(
            "bash", ["-c", $"ulimit -d {bytes / 1024}; exec \"$@\"", "bash", Host, Product, .. arguments]);
        using var running = new SharpSegProcess(start);
        return running.WaitForEnd();
    }

    /// <summary>Sends a signal, by the name that kill(1) knows.</summary>
    public void Signal(string name)
    {
        using var kill = Process.Start(
            "kill", [$"-{name}", process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    /// <summary>Waits until a condition holds, looking often; false if the process ended before.</summary>
    public bool WaitFor(Func<bool> condition)
    {
        var clock = Stopwatch.StartNew();
        while (!condition())
        {
            if (process.HasExited)
            {
                process.WaitForExit(); // its last words arrive after its end
                return condition();
            }

            if (clock.Elapsed > Limit)
            {
                Assert.Fail($"nothing happened within {Limit}:\n{Errors}");
            }

            Thread.Sleep(5);
        }

        return true;
    }

    /// <summary>Waits until a condition holds, which must be before the process ends.</summary>
    public void Reach(Func<bool> condition)
    {
        if (!WaitFor(condition))
        {
            var outcome = WaitForEnd();
            Assert.Fail($"ended with {outcome.Code} too early:\n{outcome.Output}{outcome.Errors}");
        }
    }

    /// <summary>Waits for the end and hands back what was printed.</summary>
    public Outcome WaitForEnd()
    {
        if (!process.WaitForExit(Limit))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"not done within {Limit}:\n{Errors}");
        }

        process.WaitForExit(); // the streams, too
        lock (output)
        {
            return new Outcome(process.ExitCode, output.ToString(), errors.ToString());
        }
    }

    public void Dispose()
    {
        if (!process.HasExited)
        {
            process.Kill(entireProcessTree: true);
        }

        process.Dispose();
    }

    private void Append(StringBuilder text, string? line)
    {
        if (line is not null)
        {
            lock (output)
            {
                text.Append(line).Append('\n');
            }
        }
    }
}

/// <summary>How a command ended.</summary>
/// <param name="Code">Exit code.</param>
/// <param name="Output">All of stdout.</param>
/// <param name="Errors">All of stderr.</param>
internal sealed record Outcome(int Code, string Output, string Errors)
{
    /// <summary>The one JSON object that --json prints as the last, here the only, line of stdout.</summary>
    public JsonObject Json() => Assert.IsType<JsonObject>(JsonNode.Parse(Assert.Single(Lines(Output))));

    /// <summary>
    /// The command failed as it should: one line says what is wrong, and nothing of the program's insides is shown.
    /// </summary>
    /// <param name="code">1 failed, 2 wrong usage.</param>
    /// <param name="says">What the line must name.</param>
    public void AssertError(int code, params string[] says)
    {
        Assert.True(Code == code, $"exit code {Code} instead of {code}:\n{Output}{Errors}");
        var line = Assert.Single(Lines(Errors), text => text.StartsWith("error: ", StringComparison.Ordinal));
        Assert.All(says, part => Assert.True(line.Contains(part, StringComparison.Ordinal), $"`{part}` is not in: {line}"));
        Assert.DoesNotContain("   at ", Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", Errors, StringComparison.Ordinal);
        Assert.InRange(Lines(Errors).Count(text => text.StartsWith("hint: ", StringComparison.Ordinal)), 0, 1);
    }

    /// <summary>As <see cref="AssertError"/>, and a second line says how to go on.</summary>
    public void AssertErrorWithHint(int code, params string[] says)
    {
        AssertError(code, says);
        Assert.Contains(Lines(Errors), text => text.StartsWith("hint: ", StringComparison.Ordinal));
    }

    private static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
