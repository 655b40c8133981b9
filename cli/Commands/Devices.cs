using SharpSeg.AutoPlanner;
using SharpSeg.Cli.Options;
using SharpSeg.Engine.Backends;

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
        try
        {
            var backend = ComputeDevice.Open(options.Device, precision, options.Threads, reporter.Warning);
            reporter.Info($"device: {backend.Description}" + (backend.Name == ComputeDevice.Processor
                ? ""
                : "; the first iteration compiles and checks kernels, which takes up to a minute"));
            return backend;
        }
        catch (SharpSegException error) when (error.InnerException is null)
        {
            // "device x: …" and "precision x: …", as the options are called
            throw new UsageException($"--{error.Message}", error.Hint);
        }
    }
}
