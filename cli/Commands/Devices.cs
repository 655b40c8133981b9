using SharpSeg.AutoPlanner;
using SharpSeg.Cli.Options;
using SharpSeg.Engine.Backends;
using SharpSeg.Kernels.Cpu;

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

        if (options.Device is not ("auto" or "cpu"))
        {
            throw new UsageException($"--device {options.Device}: no such device", "`sharpseg devices` lists them, and says why one is missing");
        }

        var backend = Cpu.Open(options.Threads);
        reporter.Info($"device: {backend.Description}");
        return backend;
    }
}
