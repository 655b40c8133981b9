using System.Globalization;

namespace SharpSeg.AutoPlanner;

/// <summary>
/// How much memory a run may take (docs/method/memory.md §1): what the user allows, else what the machine or its container has.
/// </summary>
/// <param name="Bytes">Of the whole process, program included.</param>
/// <param name="IsGiven">The user named it.</param>
public sealed record MemoryBudget(long Bytes, bool IsGiven)
{
    /// <summary>Bytes of the program itself: runtime, compiled code, threads, buffers of files.</summary>
    public const long ProgramBytes = 120L << 20;

    /// <summary>The same of verbs that only read, compare and write label maps.</summary>
    internal const long SmallProgramBytes = 80L << 20;

    /// <summary>Volumes beyond it are worked on piece by piece, and what they took is given back at once.</summary>
    internal const long LargeVoxels = 1L << 24;

    private const double Slack = 0.05;

    private const int NoMemory = 12;                      // ENOMEM, which mapping a file answers

    private const string Cgroups = "/sys/fs/cgroup";

    /// <summary>What plans aim at: a little less, because what is freed does not always fit what is needed next.</summary>
    public long UsableBytes => Usable(Bytes);

    /// <summary>The same of a device's memory.</summary>
    internal static long Usable(long bytes) => (long)(bytes * (1 - Slack));

    /// <summary>
    /// All memory of the machine, or of the control group that the process is in, or what its limits allow. What is promised is
    /// resident memory; a limit of the process counts what is reserved, too, which is a little more.
    /// </summary>
    public static MemoryBudget OfMachine()
    {
        var bytes = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        foreach (var limit in CgroupLimits().Concat(ProcessLimits().Select(Usable)))
        {
            bytes = Math.Min(bytes, limit);
        }

        return new MemoryBudget(bytes, IsGiven: false);
    }

    /// <summary>A size such as <c>2G</c>, <c>512M</c>, <c>1.5GiB</c> or <c>2000000000</c>; null if it is none.</summary>
    public static MemoryBudget? Parse(string text)
    {
        var digits = text.AsSpan().TrimEnd("BbIiKkMmGgTt");
        var unit = text[digits.Length..].ToUpperInvariant();
        double? factor = unit switch
        {
            "" or "B" => 1,
            "K" or "KB" => 1e3,
            "M" or "MB" => 1e6,
            "G" or "GB" => 1e9,
            "T" or "TB" => 1e12,
            "KIB" => 1L << 10,
            "MIB" => 1L << 20,
            "GIB" => 1L << 30,
            "TIB" => 1L << 40,
            _ => null,
        };
        return factor is { } f
            && double.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
            && number * f is >= 1 and < long.MaxValue
            ? new MemoryBudget((long)(number * f), IsGiven: true)
            : null;
    }

    /// <summary>Gives memory back that large volumes took, at once: the runtime would keep it until it runs short.</summary>
    public static void GiveBack() => GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);

    /// <summary>Gives back what work on a volume took, if that is worth the time.</summary>
    /// <param name="voxels">Of the volume.</param>
    internal static void GiveBack(long voxels)
    {
        if (voxels > LargeVoxels)
        {
            GiveBack();
        }
    }

    /// <summary>Bytes as text, e.g. <c>1.62 GB</c>.</summary>
    public static string Text(long bytes) => bytes switch
    {
        >= 1_000_000_000 => FormattableString.Invariant($"{bytes / 1e9:0.00} GB"),
        >= 10_000_000 => FormattableString.Invariant($"{bytes / 1e6:0} MB"),
        _ => FormattableString.Invariant($"{bytes / 1e6:0.##} MB"),
    };

    /// <summary>Refuses what does not fit.</summary>
    /// <param name="need">Bytes at the peak.</param>
    /// <param name="file">What it is for.</param>
    /// <param name="remedy">What would need less.</param>
    /// <exception cref="SharpSegException">It does not fit.</exception>
    public void Require(long need, string file, string remedy)
    {
        if (need > Bytes)
        {
            throw new SharpSegException(
                $"`{file}`: {Text(need)} of memory are needed, {(IsGiven ? "--max-memory allows" : "there are")} {Text(Bytes)}",
                IsGiven ? $"{Enough(need)}, or {remedy}" : remedy);
        }
    }

    /// <summary>The option that allows so many bytes.</summary>
    internal static string Enough(long need) =>
        FormattableString.Invariant($"--max-memory {Math.Ceiling(need / 1e7) / 100:0.##}G");

    /// <summary>Does work on a file; where memory runs out all the same, says in one line for what and how much it is.</summary>
    /// <param name="file">What it is for.</param>
    /// <param name="need">Bytes that were foreseen; 0 if unknown.</param>
    /// <param name="remedy">What would need less.</param>
    /// <param name="work">The work.</param>
    /// <exception cref="SharpSegException">Memory ran out.</exception>
    public static T Guard<T>(string file, long need, string remedy, Func<T> work)
    {
        try
        {
            return work();
        }
        catch (Exception error) when (IsOutOfMemory(error))
        {
            throw new SharpSegException(
                $"`{file}`: out of memory" + (need > 0 ? $"; {Text(need)} are needed" : ""),
                $"free memory or raise its limit (ulimit, container, job); or {remedy}", error);
        }
    }

    /// <summary>As the other, without a result.</summary>
    public static void Guard(string file, long need, string remedy, Action work) => Guard(file, need, remedy, () =>
    {
        work();
        return true;
    });

    /// <summary>Whether an allocation failed: of the runtime, of a backend on the host, or of the system.</summary>
    public static bool IsOutOfMemory(Exception error) => error switch
    {
        OutOfMemoryException => true,
        IOException { HResult: NoMemory } => !OperatingSystem.IsWindows(),
        AggregateException { InnerExceptions: var inner } => inner.Any(IsOutOfMemory),
        _ => false,
    };

    /// <summary>Memory limits of the process's control groups, versions 1 and 2; none where there are no such files.</summary>
    private static IEnumerable<long> CgroupLimits()
    {
        foreach (var line in Lines("/proc/self/cgroup"))
        {
            // hierarchy:controllers:path
            var parts = line.Split(':', 3);
            if (parts.Length < 3 || (parts[1].Length > 0 && !parts[1].Split(',').Contains("memory")))
            {
                continue;
            }

            var (root, name) = parts[1].Length > 0 ? ($"{Cgroups}/memory", "memory.limit_in_bytes") : (Cgroups, "memory.max");
            for (var folder = parts[2]; ; folder = folder[..Math.Max(0, folder.LastIndexOf('/'))])
            {
                // Inside a container the path may be the host's; its own group is then the root of what is mounted.
                foreach (var text in Lines($"{root}{folder.TrimEnd('/')}/{name}"))
                {
                    if (long.TryParse(text, CultureInfo.InvariantCulture, out var limit) && limit > 0)
                    {
                        yield return limit;
                    }
                }

                if (folder.Length == 0)
                {
                    break;
                }
            }
        }
    }

    /// <summary>The process's own limit of what it holds (ulimit -d); none where there is no such limit.</summary>
    private static IEnumerable<long> ProcessLimits()
    {
        const string Name = "Max data size";
        foreach (var line in Lines("/proc/self/limits").Where(line => line.StartsWith(Name, StringComparison.Ordinal)))
        {
            var soft = line[Name.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0];
            if (long.TryParse(soft, CultureInfo.InvariantCulture, out var limit) && limit > 0)
            {
                yield return limit;
            }
        }
    }

    private static string[] Lines(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadAllLines(path) : [];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return []; // no limit that we may read
        }
    }
}
