using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.Cli.Options;
using SharpSeg.Engine.Backends;

namespace SharpSeg.Cli.Commands;

/// <summary>Opens the device that the command line names.</summary>
internal static class Devices
{
    private const int MostThreads = 1024; // far beyond the cores of one machine; each takes a stack and scratch

    /// <summary>The devices of --devices, or the one of --device; the caller disposes them.</summary>
    /// <param name="options">What was typed.</param>
    /// <param name="most">How many pieces of work there are: no more devices are opened.</param>
    /// <param name="reporter">Is told which devices they are.</param>
    /// <exception cref="UsageException">There is no such device.</exception>
    public static OpenDevices Open<T>(T options, int most, IReporter reporter)
        where T : ComputeOptions, IUsesDevices
    {
        string[] names = [.. options.Devices];
        if (names.Length == 0)
        {
            return new OpenDevices([(options.Device, Open(options, reporter))]);
        }

        Require(names, options.Device);
        RequireThreads(options.Threads);
        if (names.Length > most)
        {
            reporter.Info($"{most} of {names.Length} devices have something to do");
            names = names[..most];
        }

        // They share the processor's threads.
        var all = options.Threads > 0 ? options.Threads : Environment.ProcessorCount;
        var threads = names.Length == 1 ? options.Threads : Math.Max(1, all / names.Length);
        var opened = new List<(string, Backend)>();
        try
        {
            foreach (var name in names)
            {
                opened.Add((name, Open(name, options.Precision, threads, reporter)));
            }

            return new OpenDevices(opened);
        }
        catch
        {
            new OpenDevices(opened).Dispose();
            throw;
        }
    }

    /// <summary>Refuses devices that this machine does not have.</summary>
    /// <param name="names">What --devices says.</param>
    /// <param name="device">What --device says.</param>
    /// <exception cref="UsageException">One is missing, or both options say where.</exception>
    public static void Require(IReadOnlyList<string> names, string device)
    {
        if (device != ComputeDevice.Auto)
        {
            throw new UsageException($"--device {device} and --devices both say where", "leave out --device");
        }

        var found = ComputeDevice.Names().Skip(1).ToArray();
        if (names.FirstOrDefault(name => !found.Contains(name)) is { } missing)
        {
            throw new UsageException($"--devices {missing}: no such device", $"here are {string.Join(", ", found)}");
        }
    }

    /// <summary>Refuses devices that processes of this machine could not open.</summary>
    /// <param name="names">Devices; one that is found by itself is only opened for a precision.</param>
    /// <param name="precision">What --precision says.</param>
    /// <exception cref="UsageException">There is no such device, or it cannot compute in this precision.</exception>
    public static void RequireOpens(IReadOnlyList<string> names, string? precision)
    {
        foreach (var name in names.Distinct().Where(name => name != ComputeDevice.Auto || precision is not null))
        {
            Open(name, precision, threads: 1, SilentReporter.Instance).Dispose();
        }
    }

    /// <summary>The chosen backend; the caller disposes it.</summary>
    /// <exception cref="UsageException">There is no such device.</exception>
    public static Backend Open(ComputeOptions options, IReporter reporter) =>
        Open(options.Device, options.Precision, options.Threads, reporter);

    private static Backend Open(string device, string? asked, int threads, IReporter reporter)
    {
        RequireThreads(threads);
        var precision = Choices.Precision(asked);
        try
        {
            var backend = ComputeDevice.Open(device, precision, threads, reporter.Warning);
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

    private static void RequireThreads(int threads)
    {
        if (threads < 0)
        {
            throw new UsageException($"--threads {threads}: a number of threads is 0 (all cores) or more");
        }

        if (threads > MostThreads)
        {
            throw new UsageException(
                $"--threads {threads}: at most {MostThreads}",
                $"leave it out for all cores, of which this machine has {Environment.ProcessorCount}");
        }
    }
}

/// <summary>Open devices, to be disposed of together.</summary>
internal sealed class OpenDevices(IReadOnlyList<(string Name, Backend Backend)> devices) : IDisposable
{
    /// <summary>The devices; of several that have one name each has its number behind it.</summary>
    public IReadOnlyList<NamedDevice> All { get; } =
    [
        .. devices.Select((device, i) => new NamedDevice(
            devices.Count(other => other.Name == device.Name) == 1
                ? device.Name
                : $"{device.Name} ({devices.Take(i + 1).Count(other => other.Name == device.Name)})",
            device.Backend)),
    ];

    public void Dispose()
    {
        foreach (var (_, backend) in devices)
        {
            backend.Dispose();
        }
    }
}
