using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using SharpSeg.AutoPlanner;
using SharpSeg.Engine.Backends;

namespace SharpSeg.Perf.Measuring;

/// <summary>
/// Collects rows, prints them as they come, and writes them as JSON together with the machine's limits. Operations are counted as
/// direct sums would need them (<see cref="Work"/>), so Winograd convolutions may exceed 100 % of the multiply-add peak.
/// </summary>
internal sealed class Report
{
    private static readonly JsonSerializerOptions Style =
        new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private readonly List<Row> rows = [];
    private readonly Backend backend;
    private readonly Peer? peer;
    private readonly BenchOptions options;
    private readonly string? file;
    private readonly double? loadBefore;

    /// <summary>An empty report.</summary>
    /// <param name="backend">The device.</param>
    /// <param name="peer">What it is compared with; null for nothing.</param>
    /// <param name="options">Which rows are wanted, and the file that receives the results as JSON, anew after every row: a run
    /// that is stopped leaves what it measured.</param>
    public Report(Backend backend, Peer? peer, BenchOptions options)
    {
        (this.backend, this.peer, this.options, file, loadBefore) = (backend, peer, options, options.Json, Machine.Load());
    }

    /// <summary>Whether a row is wanted; before the first that is, the report begins.</summary>
    /// <param name="names">What the row is called.</param>
    public bool Wants(params ReadOnlySpan<string> names)
    {
        if (!options.Wants(names))
        {
            return false;
        }

        Begin();
        return true;
    }

    /// <summary>Measures the limits and prints the heading, once: a run of which no row is wanted need not wait for it.</summary>
    public void Begin()
    {
        if (PeakGflops > 0)
        {
            return;
        }

        MeasureLimits();
        Console.WriteLine(
            $"{Processor()}; {backend.Description}; .NET {Environment.Version}; {PeerText ?? "compared with nothing"}");
        Console.WriteLine(
            $"limits: {backend.ProductPrecision} multiply-add {PeakGflops:F1} GFLOP/s, copy {CopyGbytesPerS:F1} GB/s (read + "
                + $"written, beyond the cache); machine load {loadBefore:F1} on {Environment.ProcessorCount} cores");
        if (loadBefore > Environment.ProcessorCount / 4.0)
        {
            Console.WriteLine("the machine is busy: compare only rows of one run; limits and times of two runs may differ by 2");
        }

        Console.WriteLine(
            $"{"operation",-22}{"shape",-46}{"variant",-13}{"ms",10}{"± %",6}{"GFLOP/s",9}{"GB/s",7}{"% limit",9}"
                + $"{$"{peer?.Name} ms",16}{"ratio",7}{"± %",5}{"load",7}");
    }

    /// <summary>Multiply-add peak of the whole device in the number format of its convolutions, GFLOP/s.</summary>
    public double PeakGflops { get; private set; }

    /// <summary>Copy bandwidth of all threads, GB/s.</summary>
    public double CopyGbytesPerS { get; private set; }

    private string? PeerText => peer is null ? null : $"{peer.Name} {peer.Version}";

    /// <summary>Rows so far.</summary>
    public IReadOnlyList<Row> Rows => rows;

    /// <summary>Adds an operation of known minimum work.</summary>
    public void Add(string group, string op, string shape, string? variant, Timing time, Work work, Timing? theirs)
    {
        // Clock rates vary; a limit measured minutes ago would make the kernel look better or worse than it is.
        PeakGflops = Math.Max(PeakGflops, ((IMachineLimits)backend).MeasureMultiplyAddPeak());
        double gflops = work.Flops / time.Median / 1e6, gbytes = work.Bytes / time.Median / 1e6;
        if (gbytes > CopyGbytesPerS)
        {
            CopyGbytesPerS = Math.Max(CopyGbytesPerS, ((IMachineLimits)backend).MeasureCopyBandwidth());
        }

        Add(new Row(
            group, op, shape, variant, time, gflops, gbytes,
            100 * Math.Max(gflops / PeakGflops, gbytes / CopyGbytesPerS), theirs));
    }

    /// <summary>Adds a row.</summary>
    public void Add(Row row)
    {
        rows.Add(row);
        Console.WriteLine(
            $"{row.Op,-22}{row.Shape,-46}{row.Variant ?? "-",-13}{row.Milliseconds,10:F2}{row.SpreadPercent / 2,6:F0}" +
            $"{row.Gflops,9:F0}{row.GbytesPerS,7:F1}" +
            $"{row.PercentOfPeak,9:F0}{row.PeerMilliseconds,16:F2}{row.Ratio,7:F2}{row.RatioSpreadPercent,5:F0}" +
            $"{row.Load,7:F1}" +
            (row.PeakBytes is { } peak
                ? $"   peak {peak / 1e9:F2} GB"
                    + (row.PeerPeakBytes is { } their ? $", {peer?.Name} {their / 1e9:F2} GB" : string.Empty)
                : string.Empty)
            + (row.PeerDifference is { } difference ? $"   outputs agree within {difference:E1}" : string.Empty)
            + (row.GbytesPerS > CopyGbytesPerS ? "   beyond the copy limit: its data stay in the cache" : string.Empty));
        Write(complete: false);
    }

    /// <summary>Notes what a check of the last row's layer found.</summary>
    public void AddCheck(double error, double gradient, bool isWrong)
    {
        rows[^1] = rows[^1] with { Error = error, GradientError = gradient };
        Console.WriteLine($"{"",22}error {error:E1}, gradient {gradient:E1}{(isWrong ? "   WRONG" : "")}");
    }

    /// <summary>What a check of the device found; it is written to the file.</summary>
    public CheckReport? Check { get; set; }

    /// <summary>Prints geometric means of the ratios of each group and operation.</summary>
    public void PrintSummary()
    {
        foreach (var group in rows.Where(r => r.Ratio is not null).GroupBy(r => (r.Group, r.Op)))
        {
            var mean = Math.Exp(group.Average(r => Math.Log(r.Ratio!.Value)));
            Console.WriteLine(
                $"{group.Key.Group} {group.Key.Op}: {mean:F2}× {peer?.Name}'s speed (geometric mean of {group.Count()}, lowest "
                    + $"{group.Min(r => r.Ratio):F2})");
        }

        // A shape counts as one: forward and both backward passes together.
        var shapes = rows.Where(r => r.Group == "conv" && r.Ratio is not null).GroupBy(r => r.Shape).Where(g => g.Count() == 3)
            .Select(g => (Shape: g.Key, Ratio: g.Sum(r => r.PeerMilliseconds!.Value) / g.Sum(r => r.Milliseconds))).ToList();
        if (shapes.Count > 0)
        {
            var (shape, lowest) = shapes.MinBy(s => s.Ratio);
            var mean = Math.Exp(shapes.Average(s => Math.Log(s.Ratio)));
            Console.WriteLine(
                $"conv forward + backward: {mean:F2}× {peer?.Name}'s speed (geometric mean of {shapes.Count}, lowest {lowest:F2} "
                    + $"at {shape})");
        }
    }

    /// <summary>Measures the limits once more and writes everything.</summary>
    public void Complete()
    {
        if (file is not null)
        {
            MeasureLimits();
            Write(complete: true);
        }
    }

    // Percentages are of the highest limits seen in the run.
    private void Write(bool complete)
    {
        if (file is null)
        {
            return;
        }

        var results = rows.Select(r => r.Gflops is { } flops && r.GbytesPerS is { } bytes
            ? r with { PercentOfPeak = 100 * Math.Max(flops / PeakGflops, bytes / CopyGbytesPerS) }
            : r);
        var machine = new
        {
            Processor = Processor(),
            Cores = Environment.ProcessorCount,
            ((IMachineLimits)backend).Threads,
            Backend = backend.Description,
            Precision = backend.ProductPrecision,
            Complete = complete,
            PeakGflops,
            CopyGbytesPerS,
            Machine.Commit,
            Measured = DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture),
            LoadBefore = loadBefore,
            LoadAfter = Machine.Load(),
            Versions =
                new { Dotnet = Environment.Version.ToString(), Os = RuntimeInformation.OSDescription, Peer = PeerText },
        };
        AtomicFile.WriteText(file, JsonSerializer.Serialize(new { Machine = machine, Check, Results = results }, Style));
    }

    private static string Processor()
    {
        const string Info = "/proc/cpuinfo";
        var line = File.Exists(Info)
            ? File.ReadLines(Info).FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal))
            : null;
        return line is null
            ? RuntimeInformation.ProcessArchitecture.ToString()
            : line[(line.IndexOf(':', StringComparison.Ordinal) + 2)..];
    }

    private void MeasureLimits()
    {
        var limits = (IMachineLimits)backend;
        PeakGflops = Math.Max(PeakGflops, limits.MeasureMultiplyAddPeak());
        CopyGbytesPerS = Math.Max(CopyGbytesPerS, limits.MeasureCopyBandwidth());
    }
}
