using System.Reflection;
using SharpSeg.AutoPlanner;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu;

namespace SharpSeg.Cli;

/// <summary>How an exception is reported: one line, what to do, and the exit code.</summary>
/// <param name="Message">One line.</param>
/// <param name="Hint">How to continue; null if the message says it.</param>
/// <param name="ExitCode">The process's exit code.</param>
internal sealed record Failure(string Message, string? Hint, int ExitCode = ExitCodes.Failed)
{
    /// <summary>For any exception; an unforeseen one is a bug in the program, and the hint says how to report it.</summary>
    public static Failure Of(Exception error) => error switch
    {
        UsageException e => new(e.Message, e.Hint, ExitCodes.WrongUsage),
        SharpSegException e => new(e.Message, e.Hint),
        ShapeException e => new(e.Message, "the plan does not fit the data or the network"),
        GpuUnavailableException or GpuOutOfMemoryException => new(
            error.Message, "`sharpseg devices` lists the devices; --device cpu always works"),
        AggregateException { InnerExceptions: [var inner, ..] } => Of(inner),
        TargetInvocationException { InnerException: { } inner } => Of(inner),
        UnauthorizedAccessException e => new(e.Message, "check the permissions of the folder"),
        IOException e => new(e.Message, "check the path, its permissions and the free space; nothing is half-written"),
        OutOfMemoryException e => new(
            $"out of memory: {e.Message}",
            "give --max-memory, e.g. 2G, where the verb has it; a smaller --batch, or a plan with a smaller --memory, "
                + "needs less"),
        _ => Unforeseen(error),
    };

    private static Failure Unforeseen(Exception error)
    {
        var where = error.TargetSite is { } method ? $" in {method.DeclaringType?.Name}.{method.Name}" : "";
        return new(
            $"internal error: {error.GetType().Name}{where}: {error.Message}",
            Report(error) is { } path
                ? "this is a bug in SharpSeg, not your mistake: please report it with the command, the input if it may be "
                    + "shared, "
                    + $"and `{path}`"
                : "this is a bug in SharpSeg, not your mistake: please report it with the command and, if it may be shared, "
                    + "the input");
    }

    /// <summary>Writes the details to a file in the temporary folder; null if that is not possible either.</summary>
    private static string? Report(Exception error)
    {
        try
        {
            var folder = Directory.CreateTempSubdirectory("sharpseg-report-").FullName;
            var path = Path.Combine(folder, "report.txt");
            var version = typeof(Failure).Assembly.GetName().Version?.ToString(3);
            File.WriteAllText(
                path,
                $"sharpseg {version}, {Environment.Version}, {Environment.OSVersion}\n{Environment.CommandLine}\n\n{error}\n");
            return path;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}

/// <summary>The command line itself is wrong: exit code 2.</summary>
internal sealed class UsageException(string message, string? hint = null) : Exception(message)
{
    public string? Hint { get; } = hint;
}

/// <summary>Exit codes of the process.</summary>
internal static class ExitCodes
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int WrongUsage = 2;

    /// <summary>Some cases failed and are listed; the others are done.</summary>
    public const int SomeFailed = 3;

    /// <summary>Ended by Ctrl-C or SIGTERM; the state is saved.</summary>
    public const int Interrupted = 130;
}
