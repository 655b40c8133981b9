using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using SharpSeg.AutoPlanner;
using SharpSeg.Cli;

namespace SharpSeg.Perf.Measuring;

/// <summary>
/// A Python process with PyTorch that runs the same operations on request (<c>perf/pytorch/worker.py</c>): one JSON object per
/// line in, one line out. It sleeps between requests, so each side has the machine to itself in turn.
/// </summary>
internal sealed class PyTorchWorker : IDisposable
{
    private readonly Process process;
    private readonly StringBuilder errors;
    private bool hasEnded;

    private PyTorchWorker(Process process, StringBuilder errors, string version)
    {
        (this.process, this.errors) = (process, errors);
        Version = version;
    }

    /// <summary>PyTorch's version.</summary>
    public string Version { get; }

    /// <summary>
    /// Starts the first of <c>$SHARPSEG_PYTHON</c>, python3, /usr/bin/python3 that can import torch and use the device; null if
    /// none can.
    /// </summary>
    /// <param name="device">cpu or cuda:N.</param>
    /// <param name="precision">fp32, tf32, bf16 or fp16: what convolutions may use.</param>
    /// <param name="threads">Threads of the processor.</param>
    public static PyTorchWorker? Start(string device, string precision, int threads)
    {
        string[] arguments = [threads.ToString(CultureInfo.InvariantCulture), device, precision];
        var script = Path.Combine(AppContext.BaseDirectory, "pytorch", "worker.py");
        string?[] candidates = [Environment.GetEnvironmentVariable("SHARPSEG_PYTHON"), "python3", "/usr/bin/python3"];
        foreach (var python in candidates)
        {
            if (python is null)
            {
                continue;
            }

            if (TryStart(python, script, arguments) is not { } process)
            {
                if (python == candidates[0])
                {
                    Console.Error.WriteLine($"SHARPSEG_PYTHON={python} cannot be started");
                }

                continue;
            }

            if (process.Running.StandardOutput.ReadLine() is { } version)
            {
                return new PyTorchWorker(process.Running, process.Errors, version);
            }

            // Most machines have a python3 without torch; whoever names one wants to know why it does not serve.
            process.Running.WaitForExit();
            process.Running.Dispose();
            if (python == candidates[0])
            {
                Console.Error.WriteLine($"SHARPSEG_PYTHON={python} cannot be compared with: {LastLine(process.Errors)}");
            }
        }

        return null;
    }

    /// <summary>Prepares an operation; later <see cref="Time"/> calls run it.</summary>
    public void Prepare(object request) => Ask(request);

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

    private static (Process Running, StringBuilder Errors)? TryStart(string python, string script, string[] arguments)
    {
        var start = new ProcessStartInfo(python)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.ArgumentList.Add(script);
        Array.ForEach(arguments, start.ArgumentList.Add);
        try
        {
            var process = new Process { StartInfo = start };
            var errors = new StringBuilder();
            process.ErrorDataReceived += (_, line) =>
            {
                lock (errors)
                {
                    errors.AppendLine(line.Data);
                }
            };
            process.Start();
            process.BeginErrorReadLine();
            return (process, errors);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
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
                return JsonFile.Parse(line, "what PyTorch's process answered");
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
                $"warning: the PyTorch process ended with exit code {process.ExitCode}: {LastLine(errors)}; going on without it"));
        return null;
    }

    /// <summary>What Python said last on its standard error.</summary>
    private static string LastLine(StringBuilder errors)
    {
        lock (errors)
        {
            return errors.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
                .LastOrDefault() ?? "nothing on stderr";
        }
    }
}
