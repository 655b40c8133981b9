using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using SharpSeg.AutoPlanner.Workspaces;

namespace SharpSeg.AutoPlanner.Steps.Jobs;

/// <summary>
/// How a site wants its jobs: what it says in a file that everybody there shares, and what a command line adds to it. All of it
/// may be left out.
/// </summary>
public sealed partial record JobSite
{
    private static readonly string[] Keys =
        ["slurm", "gpu_slurm", "gres", "time", "memory", "cpus", "throttle", "setup", "program", "paths"];

    /// <summary>Least memory of a job, in bytes: with less the program itself does not start.</summary>
    private const long LeastMemory = 100_000_000;

    // What logs, records and dependencies rest on; sbatch takes beginnings of names, too.
    private static readonly (string Name, char Short)[] OwnOptions =
        [("array", 'a'), ("chdir", 'D'), ("dependency", 'd'), ("output", 'o'), ("signal", ' ')];

    /// <summary>Options of sbatch for every job, as they stand behind <c>#SBATCH</c>.</summary>
    public IReadOnlyList<string> Slurm { get; init; } = [];

    /// <summary>Options of sbatch for jobs that use <see cref="Gres"/>.</summary>
    public IReadOnlyList<string> GpuSlurm { get; init; } = [];

    /// <summary>Devices of a job that trains or predicts, e.g. <c>gpu:1</c>; null computes on the processor.</summary>
    public string? Gres { get; init; }

    /// <summary>Longest time of a job at a stretch, e.g. <c>24:00:00</c>; null takes what was measured, else a day.</summary>
    public string? Time { get; init; }

    /// <summary>Memory of every job, in bytes; null asks for what the plan needs.</summary>
    public long? MemoryBytes { get; init; }

    /// <summary>Threads of every job; null for what its work keeps busy.</summary>
    public int? Cpus { get; init; }

    /// <summary>Most tasks of an array that run at once; null for no limit.</summary>
    public int? Throttle { get; init; }

    /// <summary>Lines of bash before the program starts, e.g. <c>module load dotnet</c>.</summary>
    public IReadOnlyList<string> Setup { get; init; } = [];

    /// <summary>The words that start this program on a node; none for this program's own.</summary>
    public IReadOnlyList<string> Program { get; init; } = [];

    /// <summary>Names of places that nodes see under different paths.</summary>
    public PlaceNames Paths { get; init; } = new([]);

    /// <summary>Reads a site's file.</summary>
    /// <exception cref="SharpSegException">It is bad, or has a key that is not known.</exception>
    public static JobSite Read(string path) => Of(JsonFile.Read(path));

    /// <summary>Checks options of sbatch that become a line of a script.</summary>
    /// <exception cref="SharpSegException">They are none, or belong to the program.</exception>
    public static string RequireOptions(string options, string source)
    {
        if (!options.StartsWith('-') || options.Any(char.IsControl))
        {
            throw new SharpSegException(
                $"{source}: `{options}` is no option of sbatch", "write it like \"--partition=long --account=lab\"");
        }

        return options.Split(' ').FirstOrDefault(IsOwn) is not { } own ? options : throw new SharpSegException(
            $"{source}: {own}: the program itself says this to sbatch, for its logs and for what waits for what",
            "leave it out; --folds and --parts choose the tasks, the folder of the jobs is WORK/jobs");

        static bool IsOwn(string word) => OwnOptions.Any(option => word.StartsWith("--", StringComparison.Ordinal)
            ? word[2..].Split('=')[0] is { Length: >= 2 } name && option.Name.StartsWith(name, StringComparison.Ordinal)
            : word.StartsWith($"-{option.Short}", StringComparison.Ordinal));
    }

    /// <summary>Checks the memory of a job.</summary>
    /// <exception cref="SharpSegException">No job could run in it.</exception>
    public static long RequireMemory(long bytes, string source) => bytes >= LeastMemory
        ? bytes
        : throw new SharpSegException(
            $"{source}: {bytes} bytes are too few for the program itself to start", "write it like 16G; a number alone is bytes");

    /// <summary>Checks a time as Slurm writes it.</summary>
    /// <exception cref="SharpSegException">It is none.</exception>
    public static string RequireTime(string time, string source) =>
        TimePattern().IsMatch(time) && SlurmTime.Parse(time) > TimeSpan.Zero
            ? time
            : throw new SharpSegException(
                $"{source}: `{time}` is not a time above 0", "write it like 24:00:00, 2-00:00:00 or 90 (minutes)");

    /// <summary>Checks a name of devices.</summary>
    /// <exception cref="SharpSegException">It is none.</exception>
    public static string RequireGres(string gres, string source) =>
        Resource().IsMatch(gres) && gres.Split(':')[^1].Any(c => c != '0')
            ? gres
            : throw new SharpSegException($"{source}: `{gres}` names no device", "write it like gpu:1");

    internal static JobSite Of(JsonFile json)
    {
        if (json.Node.Select(pair => pair.Key).FirstOrDefault(key => !Keys.Contains(key)) is { } unknown)
        {
            throw json.Error(unknown, "unknown", $"known are {string.Join(", ", Keys)}");
        }

        int? Positive(string key) => !json.Has(key) ? null : json.RequiredInt(key) is > 0 and var value ? value
            : throw json.Error(key, "must be 1 or more");
        IReadOnlyList<string> Texts(string key) => json.Has(key) ? json.RequiredTexts(key) : [];
        return new JobSite
        {
            Slurm = [.. Texts("slurm").Select(line => RequireOptions(line, $"{json.Source}: slurm"))],
            GpuSlurm = [.. Texts("gpu_slurm").Select(line => RequireOptions(line, $"{json.Source}: gpu_slurm"))],
            Gres = json.Text("gres") is { } gres ? RequireGres(gres, json.Source) : null,
            Time = json.Text("time") is { } time ? RequireTime(time, json.Source) : null,
            MemoryBytes = json.Text("memory") is not { } memory
                ? null
                : RequireMemory(
                    (MemoryBudget.Parse(memory) ?? throw json.Error("memory", $"`{memory}` is not a size", "like 16G")).Bytes,
                    $"{json.Source}: memory"),
            Cpus = Positive("cpus"),
            Throttle = Positive("throttle"),
            Setup = Texts("setup"),
            Program = Texts("program"),
            Paths = PlaceNames.Of(json.Has("paths") ? json.RequiredTextRows("paths") : [], $"{json.Source}: paths"),
        };
    }

    internal JsonObject ToJson()
    {
        static JsonArray Texts(IEnumerable<string> texts) => new([.. texts.Select(text => (JsonNode)text)]);
        return new JsonObject
        {
            ["slurm"] = Texts(Slurm),
            ["gpu_slurm"] = Texts(GpuSlurm),
            ["gres"] = Gres,
            ["time"] = Time,
            ["memory"] = MemoryBytes is { } bytes ? FormattableString.Invariant($"{bytes}") : null,
            ["cpus"] = Cpus,
            ["throttle"] = Throttle,
            ["setup"] = Texts(Setup),
            ["program"] = Texts(Program),
            ["paths"] = new JsonArray([.. Paths.Groups.Select(Texts)]),
        };
    }

    [GeneratedRegex(@"\A(\d{1,4}-)?\d{1,5}(:\d{1,2}){0,2}\z")]
    private static partial Regex TimePattern();

    [GeneratedRegex(@"\A[A-Za-z0-9_.-]+(:[A-Za-z0-9_.-]+)*\z")]
    private static partial Regex Resource();
}
