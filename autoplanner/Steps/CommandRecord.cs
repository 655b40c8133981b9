using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>
/// What a command leaves where it wrote: <c>run.json</c>, one entry for each command that wrote there, with program, command
/// line, dates, what it worked on, its result or error, and its exit code; and <c>log.txt</c>, what was shown. A training run has
/// its own besides (<see cref="RunRecord"/>). Nothing else reads either.
/// </summary>
/// <param name="inner">Is shown everything, too.</param>
/// <param name="part">Of an output that several processes write: which; null for none.</param>
public sealed class CommandRecord(IReporter inner, int? part = null) : LoggingReporter(inner)
{
    internal static readonly JsonSerializerOptions Style =
        new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    // For others that end at the same moment; each holds the files for milliseconds.
    private const int Attempts = 1200;
    private static readonly TimeSpan BetweenAttempts = TimeSpan.FromMilliseconds(25);

    private readonly DateTime began = DateTime.UtcNow;
    private readonly StringBuilder log = new();
    private (string Folder, string Name)? place;

    /// <summary>Version, commit and command line.</summary>
    internal static string Heading => $"sharpseg {Version().Number} ({Version().Commit}): {Command()}";

    /// <summary>SHA-256 of a file, 64 hexadecimal digits.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static string Sha256Of(string path)
    {
        using var file = File.OpenRead(path);
        return Sha256.Of(file);
    }

    /// <inheritdoc/>
    public override void WritesTo(string path, bool isFile = false)
    {
        var full = Path.GetFullPath(path);
        place ??= isFile ? (Path.GetDirectoryName(full)!, Path.GetFileNameWithoutExtension(full) + ".") : (full, "");
        base.WritesTo(path, isFile);
    }

    /// <summary>Keeps what a command did; nothing if it wrote nowhere. What was there is kept.</summary>
    /// <param name="facts">What it worked on: device, model and its hash, folders.</param>
    /// <param name="result">What it answered.</param>
    /// <param name="exitCode">The process's.</param>
    /// <param name="state">done, or some cases failed.</param>
    public void Keep(JsonObject facts, JsonObject result, int exitCode, string state)
    {
        var session = new JsonObject { ["state"] = state, ["exit_code"] = exitCode };
        foreach (var (key, value) in facts)
        {
            session[key] = value?.DeepClone();
        }

        session["result"] = result.DeepClone();
        Keep(session, exitCode == 0 ? state : $"{state}, exit code {exitCode}");
    }

    /// <summary>Keeps why a command ended early, if it had begun to write.</summary>
    /// <param name="message">The error.</param>
    /// <param name="hint">What to do; null for nothing.</param>
    /// <param name="exitCode">The process's.</param>
    /// <param name="state">failed or interrupted.</param>
    public void Fail(string message, string? hint, int exitCode, string state) => Keep(
        new JsonObject { ["state"] = state, ["exit_code"] = exitCode, ["error"] = message, ["hint"] = hint },
        $"{state}, exit code {exitCode}: {message}");

    /// <inheritdoc/>
    protected override void Append(string entry) => log.Append(entry);

    // Without a record the command has done its work, or failed for its own reason, all the same.
    private void Keep(JsonObject end, string lastLine)
    {
        if (place is not var (folder, name) || !Directory.Exists(folder))
        {
            return;
        }

        Log(lastLine);
        var suffix = part is null ? "" : string.Create(CultureInfo.InvariantCulture, $".part-{part}");
        try
        {
            using var text = Alone(Path.Combine(folder, $"{name}log{suffix}.txt"));
            var session = Session(began);
            session["ended"] = Time(DateTime.UtcNow);
            foreach (var (key, value) in end)
            {
                session[key] = value?.DeepClone();
            }

            var path = Path.Combine(folder, $"{name}run{suffix}.json");
            var all = new JsonObject { ["sessions"] = new JsonArray([.. SessionsIn(path), session]) };
            AtomicFile.WriteText(path, all.ToJsonString(Style) + "\n");
            Write(text, $"{Time(began)} {Heading}\n{log}");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or SharpSegException)
        {
            base.Warning($"no record is kept of this command: {error.Message}");
        }
    }

    private static void Write(FileStream text, string lines)
    {
        var before = text.Length;
        try
        {
            text.Write(Encoding.UTF8.GetBytes(lines));
            text.Flush();
        }
        catch (Exception error) when (error is IOException or ArgumentOutOfRangeException)
        {
            text.SetLength(before); // the disk is full: no half an entry
            throw new IOException(error.Message, error);
        }
    }

    /// <summary>Opens a file that no other process of ours has open, which makes run.json beside it ours, too.</summary>
    private static FileStream Alone(string path)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.None, bufferSize: 0);
            }
            catch (IOException error)
                when (attempt < Attempts && error is not (DirectoryNotFoundException or PathTooLongException))
            {
                Thread.Sleep(BetweenAttempts);
            }
        }
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
}
