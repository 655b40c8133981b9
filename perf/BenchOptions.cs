using System.Globalization;
using SharpSeg.Cli;
using SharpSeg.Kernels.Gpu;

namespace SharpSeg.Perf;

/// <summary>The options on the command line.</summary>
/// <param name="Benches">Which benchmarks.</param>
/// <param name="Json">File for the results, or null.</param>
/// <param name="Threads">Threads; 0 = all cores.</param>
/// <param name="Only">Only rows whose operation or shape contains one of these texts; none: all rows.</param>
/// <param name="Seconds">Time to spend on one row and side.</param>
/// <param name="PyTorch">Compare with PyTorch where it can be imported.</param>
/// <param name="AllVariants">Time all variants of a convolution, not only the chosen one.</param>
internal sealed record BenchOptions(
    IReadOnlyList<string> Benches, string? Json, int Threads, IReadOnlyList<string> Only, double Seconds, bool PyTorch,
    bool AllVariants)
{
    /// <summary>The device's name.</summary>
    public string Device { get; private init; } = "cpu";

    /// <summary>Number format of the factors in convolutions; null: the device's default.</summary>
    public GpuPrecision? Precision { get; private init; }

    /// <summary>Compare prediction with ONNX Runtime instead of PyTorch.</summary>
    public bool OnnxRuntime { get; private init; }

    /// <summary>Run the conformance suite first.</summary>
    public bool Check { get; private init; }

    /// <summary>Folder to write the kernels' PTX to, and nothing else; null: measure.</summary>
    public string? PtxFolder { get; private init; }

    /// <summary>Show the kernels' registers and spills, and nothing else.</summary>
    public bool Registers { get; private init; }

    /// <summary>Architecture to write PTX for.</summary>
    public string Architecture { get; private init; } = "sm_80";

    /// <summary>The device is slower than any GPU: use shapes of a few hundred voxels.</summary>
    public bool Tiny { get; init; }

    /// <summary>The workspace whose plan is measured; null for the benchmarks of fixed plans.</summary>
    public string? Work { get; private init; }

    /// <summary>With a workspace: the configuration; null for 3d_fullres, else the first.</summary>
    public string? Configuration { get; private init; }

    /// <summary>With a workspace: the name of the plan; null for plans.json.</summary>
    public string? PlanName { get; private init; }

    private static readonly string[] Known = ["kernels", "step", "inference", "preprocess"];

    private static readonly string[] Words =
    [
        .. Known, "plan", "check", "registers", "roofline", "traffic", "compare", "pack",
        "summary",
    ];

    private static readonly string[] Options =
    [
        "--json", "--threads", "--only", "--seconds", "--variants", "--no-pytorch", "--onnxruntime", "--device", "--precision",
        "--check", "--emit-ptx", "--arch", "--configuration", "--plan",
    ];

    private const int MostThreads = 1024; // beyond any machine; each has a stack
    private const int OldestArchitecture = 75; // the oldest for which the tests write every kernel

    // What has no use for an option refuses it: who gave it would believe that it counted. --no-pytorch may always be said.
    private static readonly string[] OfDevice = ["--json", "--only", "--device", "--no-pytorch"];
    private static readonly string[] OfChecks = [.. OfDevice, "--threads", "--precision", "--check"];
    private static readonly string[] OfTimes = [.. OfChecks, "--seconds"];

    /// <summary>Reads the command line.</summary>
    /// <exception cref="UsageException">An unknown word, or an option without its value.</exception>
    public static BenchOptions Parse(string[] args)
    {
        var benches = new List<string>();
        var options = new BenchOptions(benches, null, 0, [], 1.0, true, false);
        var checkAlone = false;
        var given = new HashSet<string>(StringComparer.Ordinal);
        for (var i = args is ["bench", ..] ? 1 : 0; i < args.Length; i++)
        {
            var word = args[i] == "-c" ? "--configuration" : args[i];
            if (!given.Add(word) && word != "--only")
            {
                throw new UsageException($"{args[i]} is given twice");
            }

            switch (args[i])
            {
                case "plan" when benches.Count == 0:
                    options = options with { Work = Value(args, ref i) };
                    benches.Add("plan");
                    break;
                case "-c" or "--configuration":
                    options = options with { Configuration = Value(args, ref i) };
                    break;
                case "--plan":
                    options = options with { PlanName = Value(args, ref i) };
                    break;
                case "--json":
                    options = options with { Json = Value(args, ref i) };
                    break;
                case "--threads":
                    options = options with { Threads = (int)Number(args, ref i, NumberStyles.None) };
                    if (options.Threads > MostThreads)
                    {
                        throw new UsageException($"--threads {options.Threads}: at most {MostThreads}");
                    }

                    break;
                case "--only":
                    options = options with { Only = [.. options.Only, Value(args, ref i)] };
                    break;
                case "--seconds":
                    options = options with { Seconds = Number(args, ref i, NumberStyles.AllowDecimalPoint) };
                    break;
                case "--variants":
                    options = options with { AllVariants = true };
                    break;
                case "--no-pytorch":
                    options = options with { PyTorch = false };
                    break;
                case "--onnxruntime":
                    options = options with { OnnxRuntime = true, PyTorch = false };
                    break;
                case "--device":
                    options = options with { Device = Value(args, ref i) };
                    break;
                case "--precision":
                    options = options with { Precision = PrecisionOf(Value(args, ref i)) };
                    break;
                case "--check":
                    options = options with { Check = true };
                    break;
                case "check":
                    (options, checkAlone) = (options with { Check = true }, true);
                    break;
                case "registers":
                    options = options with { Registers = true };
                    break;
                case "--emit-ptx":
                    options = options with { PtxFolder = Value(args, ref i) };
                    break;
                case "--arch":
                    options = options with { Architecture = ArchitectureOf(Value(args, ref i)) };
                    break;
                default:
                    benches.Add(Known.Contains(args[i]) && options.Work is null ? args[i] : throw Unknown(args[i]));
                    break;
            }
        }

        if (options.Work is null && (options.Configuration ?? options.PlanName) is not null)
        {
            throw new UsageException("-c and --plan go with a workspace: bench plan WORK");
        }

        if (options.Check && benches.Count == 0 && !checkAlone)
        {
            benches.Add("kernels");
        }

        if (options.Registers && (benches.Count > 0 || options.Check))
        {
            throw new UsageException("registers stands alone: it measures no time");
        }

        if (benches.Count == 0 && !checkAlone)
        {
            benches.AddRange(Known);
        }

        if (options.PtxFolder is not null
            && (options.Registers || options.Check || benches is not (["kernels"] or { Count: 4 }))) // 4: no word
        {
            throw new UsageException("--emit-ptx goes with kernels alone: it measures no time");
        }

        if (options.OnnxRuntime && (benches is not ["inference"] || options.Device != "cpu"))
        {
            throw new UsageException("--onnxruntime goes with inference alone, on the processor: it trains nothing");
        }

        var (what, used) = Used(options);
        if (given.FirstOrDefault(word => word.StartsWith('-') && !used.Contains(word)) is { } unused)
        {
            throw new UsageException($"{what} has no use for {unused}");
        }

        return options;
    }

    /// <summary>What is asked for, in words, and the options that change it.</summary>
    private static (string What, string[] Used) Used(BenchOptions options) =>
        options.PtxFolder is not null ? ("--emit-ptx", ["--emit-ptx", "--arch"])
        : options.Registers ? ("registers", [.. OfDevice, "--arch"])
        : options.Work is not null ? ("plan", [.. OfTimes, "--configuration", "--plan"])
        : options.OnnxRuntime ? ("inference", [.. OfTimes, "--onnxruntime"])
        : options.Benches.Contains("kernels") ? ("kernels", [.. OfTimes, "--variants"])
        : options.Benches.Count > 0 ? (string.Join(" and ", options.Benches), OfTimes)
        : ("check", OfChecks);

    /// <summary>Whether a row is wanted.</summary>
    public bool Wants(params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
        {
            if (Only.Any(text => name.Contains(text, StringComparison.OrdinalIgnoreCase)))
            {
                return true;
            }
        }

        return Only.Count == 0;
    }

    private static UsageException Unknown(string word)
    {
        var near = NearestName.Find(word, word.StartsWith('-') ? Options : Words);
        return new UsageException(
            $"unknown {(word.StartsWith('-') ? "option" : "word")} {word}{(near is null ? "" : $", did you mean {near}?")}");
    }

    private static GpuPrecision PrecisionOf(string name) => name switch
    {
        "fp32" => GpuPrecision.Fp32,
        "tf32" => GpuPrecision.Tf32,
        "bf16" => GpuPrecision.Bf16,
        "fp16" => GpuPrecision.Fp16,
        "bf16-activations" => GpuPrecision.Bf16Activations,
        "fp16-activations" => GpuPrecision.Fp16Activations,
        _ => throw new UsageException(
            $"--precision {name}: unknown; one of fp32, tf32, bf16, fp16, bf16-activations, fp16-activations"),
    };

    private static string ArchitectureOf(string name) =>
        name.StartsWith("sm_", StringComparison.Ordinal)
            && int.TryParse(name.AsSpan(3), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number >= OldestArchitecture ? name : throw new UsageException(
                $"--arch {name}: the kernels are made for sm_{OldestArchitecture} and later, those on tensor cores for sm_80")
            : throw new UsageException($"--arch {name}: unknown; an architecture is written like sm_80");

    private static double Number(string[] args, ref int i, NumberStyles style)
    {
        var text = Value(args, ref i);
        return double.TryParse(text, style, CultureInfo.InvariantCulture, out var number) && number is >= 0 and < 1e6
            ? number
            : throw new UsageException($"{args[i - 1]} {text}: not a number");
    }

    private static string Value(string[] args, ref int i) =>
        ++i < args.Length ? args[i] : throw new UsageException($"{args[i - 1]} needs a value");
}
