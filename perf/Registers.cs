using System.Collections.Concurrent;
using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json;
using SharpSeg.AutoPlanner;
using SharpSeg.Cli;
using SharpSeg.Kernels.Gpu;
using SharpSeg.Perf.Measuring;

namespace SharpSeg.Perf;

/// <summary>
/// <c>bench registers</c>: registers, spilled bytes and shared memory of every GPU kernel, as the driver's own assembler made it
/// and, where <c>ptxas</c> is installed, as that does.
/// </summary>
internal static class Registers
{
    private static readonly JsonSerializerOptions Style =
        new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>Prints the table; writes the JSON if a file is named.</summary>
    /// <returns>1 if an assembler refused a kernel.</returns>
    /// <exception cref="UsageException">There is neither a CUDA device nor <c>ptxas</c>.</exception>
    public static int Run(BenchOptions options)
    {
        ResultFile.RequireWritable(options.Json);
        var onDevice = options.Device.StartsWith("cuda:", StringComparison.Ordinal);
        var architecture = onDevice ? Gpu.ArchitectureOf(options.Device) : options.Architecture;
        IReadOnlyList<KernelResources> driver = [], assembler = [];
        string? why = null;
        if (onDevice)
        {
            try
            {
                driver = Gpu.Resources(options.Device);
            }
            catch (GpuUnavailableException error)
            {
                why = error.Message;
                Console.WriteLine($"not from the driver: {error.Message}");
            }
        }

        var ptxas = Assembler();
        if (ptxas is not null)
        {
            assembler = Assemble(ptxas, architecture);
        }
        else
        {
            Console.WriteLine("not from ptxas: it is neither on PATH nor under /usr/local/cuda");
        }

        if (driver.Count + assembler.Count == 0)
        {
            throw new UsageException(
                why ?? "registers: needs a CUDA device (--device cuda:0), or NVIDIA's ptxas on PATH");
        }

        Print(architecture, driver, assembler, options);
        if (options.Json is { } path)
        {
            AtomicFile.WriteText(path, JsonSerializer.Serialize(new { architecture, ptxas, driver, assembler }, Style));
        }

        return driver.Concat(assembler).Any(kernel => kernel.Error is not null) ? 1 : 0;
    }

    private static void Print(
        string architecture, IReadOnlyList<KernelResources> driver, IReadOnlyList<KernelResources> assembler,
        BenchOptions options)
    {
        Console.WriteLine($"{architecture}; per thread: registers, spilled bytes; per group: bytes of shared memory");
        Console.WriteLine($"{"kernel",-44}{"driver",9}{"spilled",9}{"shared",9}{"ptxas",9}{"spilled",9}{"shared",9}");
        var theirs = assembler.ToDictionary(kernel => kernel.Kernel);
        var names = driver.Concat(assembler).Select(kernel => kernel.Kernel).Distinct();
        foreach (var name in names.Where(name => options.Wants(name)))
        {
            var own = driver.FirstOrDefault(kernel => kernel.Kernel == name);
            var other = theirs.GetValueOrDefault(name);
            Console.WriteLine(
                $"{name,-44}{own?.Registers,9}{own?.SpilledBytes,9}{own?.SharedBytes,9}"
                    + $"{other?.Registers,9}{other?.SpilledBytes,9}{other?.SharedBytes,9}{own?.Error}{other?.Error}");
        }

        foreach (var (what, kernels) in new[] { ("driver", driver), ("ptxas", assembler) })
        {
            if (kernels.Count > 0)
            {
                Console.WriteLine(
                    $"{what}: {kernels.Count} kernels, {kernels.Count(k => k.SpilledBytes > 0)} spill, most registers "
                        + $"{kernels.Max(k => k.Registers)}, {kernels.Count(k => k.Error is not null)} refused");
            }
        }
    }

    /// <summary>ptxas on PATH or where CUDA's toolkit is installed; null if there is none.</summary>
    private static string? Assembler()
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Append("/usr/local/cuda/bin");
        return folders.Where(folder => folder.Length > 0).Select(folder => Path.Combine(folder, "ptxas"))
            .FirstOrDefault(File.Exists);
    }

    private static List<KernelResources> Assemble(string ptxas, string architecture)
    {
        var folder = Directory.CreateTempSubdirectory("sharpseg-ptx-");
        try
        {
            var files = Gpu.EmitPtx(folder.FullName, architecture);
            var found = new ConcurrentDictionary<string, KernelResources>();
            Parallel.ForEach(files, file =>
            {
                var name = Path.GetFileNameWithoutExtension(file);
                var start = new ProcessStartInfo(ptxas, ["-v", $"-arch={architecture}", "-o", file + ".cubin", file])
                {
                    RedirectStandardError = true, RedirectStandardOutput = true,
                };
                try
                {
                    using var process = Process.Start(start)!;
                    var errors = process.StandardError.ReadToEndAsync();
                    var said = process.StandardOutput.ReadToEnd() + errors.Result;
                    process.WaitForExit();
                    found[name] = KernelResources.OfPtxas(name, said);
                }
                catch (Win32Exception error)
                {
                    throw new SharpSegException(
                        $"`{ptxas}` cannot be started: {error.Message}", "it is NVIDIA's assembler", error);
                }
            });
            return [.. files.Select(file => found[Path.GetFileNameWithoutExtension(file)])];
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
