using System.Diagnostics;
using System.Text.Json;

namespace SharpSeg.Perf.Measuring;

/// <summary>
/// A Python process with PyTorch that runs the same operations on request (<c>perf/pytorch/worker.py</c>): one JSON object per line in, one
/// line out. Between requests it sleeps, so both sides have the machine to themselves in turn.
/// </summary>
internal sealed class PyTorchWorker : IDisposable
{
    private readonly Process process;

    private PyTorchWorker(Process process, string version)
    {
        this.process = process;
        Version = version;
    }

    /// <summary>PyTorch's version.</summary>
    public string Version { get; }

    /// <summary>Starts the first of <c>$SHARPSEG_PYTHON</c>, python3, /usr/bin/python3 that can import torch; null if none can.</summary>
    public static PyTorchWorker? Start(int threads)
    {
        var script = Path.Combine(AppContext.BaseDirectory, "pytorch", "worker.py");
        string?[] candidates = [Environment.GetEnvironmentVariable("SHARPSEG_PYTHON"), "python3", "/usr/bin/python3"];
        foreach (var python in candidates)
        {
            if (python is null || TryStart(python, script, threads) is not { } process)
            {
                continue;
            }

            if (process.StandardOutput.ReadLine() is { } version)
            {
                return new PyTorchWorker(process, version);
            }

            process.WaitForExit();
            process.Dispose();
        }

        return null;
    }

    /// <summary>Prepares an operation; later <see cref="Time"/> calls run it.</summary>
    public void Prepare(object request) => Ask(request);

    /// <summary>Runs the prepared operation some times; milliseconds of each.</summary>
    public double[] Time(int runs) => Ask(new { run = runs }).GetProperty("ms").EnumerateArray().Select(e => e.GetDouble()).ToArray();

    /// <summary>Highest resident memory since the operation was prepared, less the memory before, bytes.</summary>
    public long PeakBytes() => Ask(new { peak = true }).GetProperty("bytes").GetInt64();

    /// <inheritdoc/>
    public void Dispose()
    {
        process.StandardInput.Close();
        process.WaitForExit();
        process.Dispose();
    }

    private static Process? TryStart(string python, string script, int threads)
    {
        var start = new ProcessStartInfo(python)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.ArgumentList.Add(script);
        start.ArgumentList.Add(threads.ToString(System.Globalization.CultureInfo.InvariantCulture));
        try
        {
            var process = Process.Start(start);
            process?.ErrorDataReceived += (_, _) => { };
            process?.BeginErrorReadLine();
            return process;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }

    private JsonElement Ask(object request)
    {
        process.StandardInput.WriteLine(JsonSerializer.Serialize(request));
        process.StandardInput.Flush();
        var line = process.StandardOutput.ReadLine() ?? throw new InvalidOperationException("the PyTorch process ended unexpectedly");
        return JsonDocument.Parse(line).RootElement;
    }
}
