using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>
/// What a command leaves beside the segmentations or scores that it wrote: <c>run.json</c>, one entry for each command that wrote
/// there, with program, command line, dates, what it worked on and its result; and <c>log.txt</c>, what was shown. A training run
/// has its own (<see cref="RunRecord"/>). Nothing else reads either.
/// </summary>
/// <param name="inner">Is shown everything, too.</param>
public sealed class CommandRecord(IReporter inner) : IReporter
{
    internal static readonly JsonSerializerOptions Style =
        new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly DateTime began = DateTime.UtcNow;
    private readonly StringBuilder log = new();

    /// <summary>Version, commit and command line.</summary>
    internal static string Heading => $"sharpseg {Version().Number} ({Version().Commit}): {Command()}";

    /// <summary>SHA-256 of a file, 64 hexadecimal digits.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static string Sha256Of(string path)
    {
        using var file = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(file));
    }

    /// <summary>Writes both files; what was there is kept.</summary>
    /// <param name="folder">Where the results lie.</param>
    /// <param name="facts">What the command worked on: device, model and its hash, folders.</param>
    /// <param name="result">What it answered.</param>
    /// <param name="state">done, or some cases failed.</param>
    /// <param name="part">Of a folder that several processes write: which; null for none.</param>
    /// <exception cref="SharpSegException">They cannot be written.</exception>
    public void Keep(string folder, JsonObject facts, JsonObject result, string state, int? part = null)
    {
        var suffix = part is null ? "" : string.Create(CultureInfo.InvariantCulture, $".part-{part}");
        var path = Path.Combine(folder, $"run{suffix}.json");
        var session = Session(began);
        (session["ended"], session["state"]) = (Time(DateTime.UtcNow), state);
        foreach (var (key, value) in facts)
        {
            session[key] = value?.DeepClone();
        }

        session["result"] = result.DeepClone();
        var all = new JsonObject { ["sessions"] = new JsonArray([.. SessionsIn(path), session]) };
        AtomicFile.WriteText(path, all.ToJsonString(Style) + "\n");
        var text = Path.Combine(folder, $"log{suffix}.txt");
        var before = File.Exists(text) ? File.ReadAllText(text) : "";
        AtomicFile.WriteText(text, $"{before}{Time(began)} {Heading}\n{log}{Time(DateTime.UtcNow)} {state}\n");
    }

    /// <inheritdoc/>
    public void Stage(string name)
    {
        Log($"== {name}");
        inner.Stage(name);
    }

    /// <inheritdoc/>
    public void Progress(double fraction, string detail) => inner.Progress(fraction, detail);

    /// <inheritdoc/>
    public void Info(string line)
    {
        Log(line);
        inner.Info(line);
    }

    /// <inheritdoc/>
    public void Warning(string line)
    {
        Log($"warning: {line}");
        inner.Warning(line);
    }

    /// <summary>The beginning of an entry: when, by which program, called how.</summary>
    internal static JsonObject Session(DateTime began) => new()
    {
        ["began"] = Time(began), ["ended"] = null, ["state"] = "running", ["command"] = Command(),
        ["version"] = Version().Number, ["commit"] = Version().Commit, ["runtime"] = RuntimeInformation.FrameworkDescription,
        ["system"] = $"{RuntimeInformation.OSDescription}, {RuntimeInformation.ProcessArchitecture}",
    };

    /// <summary>The entries of a file; a damaged one is begun anew.</summary>
    internal static JsonNode?[] SessionsIn(string path)
    {
        try
        {
            return File.Exists(path) && JsonFile.Read(path).Node["sessions"] is JsonArray sessions
                ? [.. sessions.Select(item => item?.DeepClone())]
                : [];
        }
        catch (SharpSegException)
        {
            return [];
        }
    }

    /// <summary>A moment, in UTC.</summary>
    internal static string Time(DateTime moment) => moment.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);

    private static string Command() =>
        string.Join(' ', Environment.GetCommandLineArgs().Skip(1).Prepend("sharpseg").Select(Quoted));

    private static string Quoted(string word) => word.Contains(' ', StringComparison.Ordinal) ? $"\"{word}\"" : word;

    // The build writes "0.2.0+<commit>" where it knows the commit.
    private static (string Number, string? Commit) Version()
    {
        var text = typeof(CommandRecord).Assembly
            .GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion;
        return text?.Split('+') is [var number, var commit] ? (number, commit) : (text ?? "unknown", null);
    }

    // From the thread that works; reports of several are handed on one by one.
    private void Log(string line)
    {
        lock (log)
        {
            log.Append(CultureInfo.InvariantCulture, $"{Time(DateTime.UtcNow)} {line.ReplaceLineEndings("\n    ")}\n");
        }
    }
}
