using System.Globalization;
using System.Reflection;

namespace SharpSeg.Perf.Measuring;

/// <summary>What a result must say of where it was measured, beside the limits.</summary>
internal static class Machine
{
    /// <summary>The commit that was built; null where the build did not know it.</summary>
    public static string? Commit { get; } = typeof(Machine).Assembly
        .GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+').ElementAtOrDefault(1);

    /// <summary>Mean number of processes that ran or waited in the last minute; null where the system does not say.</summary>
    public static double? Load()
    {
        const string Source = "/proc/loadavg";
        return File.Exists(Source)
            ? double.Parse(File.ReadAllText(Source).Split(' ')[0], CultureInfo.InvariantCulture)
            : null;
    }
}
