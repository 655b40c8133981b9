using System.ComponentModel;
using System.Diagnostics;

namespace SharpSeg.Perf;

/// <summary>Another program, run to its end.</summary>
internal static class Tool
{
    /// <summary>Runs a program whose output matters only if it fails.</summary>
    /// <exception cref="IOException">It is not installed, or it failed.</exception>
    public static void Run(string program, params string[] words)
    {
        try
        {
            using var process = Process.Start(
                new ProcessStartInfo(program, words) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            var errors = process.StandardError.ReadToEndAsync();
            var said = process.StandardOutput.ReadToEnd() + errors.Result;
            process.WaitForExit();
            if (process.ExitCode != 0)
            {
                var last = said.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
                    .LastOrDefault(line => line.Contains("error", StringComparison.OrdinalIgnoreCase)) ?? said.Trim();
                throw new IOException($"{program} {words[0]} ended with {process.ExitCode}: {last}");
            }
        }
        catch (Win32Exception)
        {
            throw new IOException(
                $"{program} is not installed; `pack` needs the .NET SDK and xz (xz-utils), `--onnxruntime` the .NET SDK");
        }
    }
}
