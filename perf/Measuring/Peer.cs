using System.Diagnostics;
using System.Text;
using System.Text.Json;
using SharpSeg.AutoPlanner;
using SharpSeg.Cli;

namespace SharpSeg.Perf.Measuring;

/// <summary>
/// Another program that runs the same operations on request: its version in the first line that it says, then one JSON object per
/// line in, one line out (<c>perf/pytorch/worker.py</c>). It sleeps between requests, so each side has the machine to itself in
/// turn.
/// </summary>
internal sealed class Peer : IDisposable
{
    private readonly Process process;
    private readonly StringBuilder errors;
    private bool hasEnded;

    private Peer(string name, Process process, StringBuilder errors, string version)
    {
        (this.process, this.errors) = (process, errors);
        (Name, Version) = (name, version);
    }

    /// <summary>What it is called in tables: PyTorch or ONNX Runtime.</summary>
    public string Name { get; }

    /// <summary>Its version.</summary>
    public string Version { get; }

    /// <summary>Starts a program that follows the protocol.</summary>
    /// <param name="name">What it is called.</param>
    /// <param name="program">What to start.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <returns>The peer, or null and why it does not serve.</returns>
    public static (Peer? Peer, string? Why) Start(string name, string program, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        var process = new Process { StartInfo = start };
        var errors = new StringBuilder();
        process.ErrorDataReceived += (_, line) =>
        {
            lock (errors)
            {
                errors.AppendLine(line.Data);
            }
        };
        try
        {
            process.Start();
        }
        catch (System.ComponentModel.Win32Exception)
        {
            process.Dispose();
            return (null, "cannot be started");
        }

        process.BeginErrorReadLine();
        if (process.StandardOutput.ReadLine() is { } version)
        {
            return (new Peer(name, process, errors, version), null);
        }

        process.WaitForExit();
        process.Dispose();
        return (null, $"cannot be compared with: {LastLine(errors)}");
    }

    /// <summary>Prepares an operation; later <see cref="Time"/> calls run it. False if the process has ended.</summary>
    public bool Prepare(object request) => Ask(request) is not null;

    /// <summary>Runs the prepared operation some times; milliseconds of each, or null if the process has ended.</summary>
    /// <exception cref="SharpSegException">It answers something else.</exception>
    public double[]? Time(int runs) => Ask(new { run = runs }) is not { } answer ? null
        : answer.RequiredNumbers("ms") is { Length: > 0 } times && times.All(time => time > 0) ? times
        : throw answer.Error("ms", "no times");

    /// <summary>
    /// Highest resident memory since the operation was prepared, less the memory before, bytes; null if the process has ended.
    /// </summary>
    public long? PeakBytes() => Ask(new { peak = true })?.RequiredLong("bytes");

    /// <inheritdoc/>
    public void Dispose()
    {
        try
        {
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It is gone: nobody reads the end of the requests.
        }

        process.WaitForExit();
        process.Dispose();
    }

    /// <summary>The answer; null if the process has ended, which is said once: our side is measured on without it.</summary>
    private JsonFile? Ask(object request)
    {
        if (hasEnded)
        {
            return null;
        }

        try
        {
            process.StandardInput.WriteLine(JsonSerializer.Serialize(request));
            process.StandardInput.Flush();
            if (process.StandardOutput.ReadLine() is { } line)
            {
                return JsonFile.Parse(line, $"what {Name}'s process answered");
            }
        }
        catch (IOException)
        {
            // A pipe that nobody reads any more.
        }

        hasEnded = true;
        process.WaitForExit(); // and with it the last of stderr
        Console.Error.WriteLine(
            Readable.Line(
                $"warning: the {Name} process ended with exit code {process.ExitCode}: {LastLine(errors)}; going on without it"));
        return null;
    }

    /// <summary>What a program said last on its standard error.</summary>
    private static string LastLine(StringBuilder errors)
    {
        lock (errors)
        {
            return errors.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
                .LastOrDefault() ?? "nothing on stderr";
        }
    }
}
