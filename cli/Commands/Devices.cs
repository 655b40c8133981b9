using SharpSeg.AutoPlanner;
using SharpSeg.Cli.Options;
using SharpSeg.Engine.Backends;
using SharpSeg.Kernels.Cpu;
using SharpSeg.Kernels.Gpu;

namespace SharpSeg.Cli.Commands;

/// <summary>Opens the device that the command line names.</summary>
internal static class Devices
{
    /// <summary>The chosen backend; the caller disposes it.</summary>
    /// <exception cref="UsageException">There is no such device.</exception>
    public static Backend Open(ComputeOptions options, IReporter reporter)
    {
        if (options.Threads < 0)
        {
            throw new UsageException($"--threads {options.Threads}: a number of threads is 0 (all cores) or more");
        }

        var precision = Choices.Precision(options.Precision);
        var backend = options.Device switch
        {
            "cpu" => null,
            "auto" => Gpu.OpenBest(precision, reporter.Warning),
            var name when Gpu.Devices().Any(g => g.Id == name) => Gpu.Open(name, precision, reporter.Warning),
            var name => throw new UsageException(
                $"--device {name}: no such device", "`sharpseg devices` lists them and says why one is missing"),
        };
        if (backend is null && precision is not (null or GpuPrecision.Fp32))
        {
            throw new UsageException(
                $"--precision {options.Precision}: the device cpu computes in fp32 only",
                "leave --precision out, or name a GPU with --device");
        }

        if (backend is not null)
        {
            reporter.Info(
                $"device: {backend.Description}; the first iteration compiles and checks kernels, which takes up to a minute");
            return backend;
        }

        backend = Cpu.Open(options.Threads);
        reporter.Info($"device: {backend.Description}");
        return backend;
    }
}
