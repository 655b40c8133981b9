namespace SharpSeg.Cli;

/// <summary>The verbs of two words, `jobs train` and its like, for a parser that knows verbs of one.</summary>
internal static class JobsWords
{
    /// <summary>The first of the two words.</summary>
    public const string First = "jobs";

    private const string Slurm = "--slurm";

    /// <summary>
    /// Joins the two words of a verb into one argument, and --slurm with its value, which looks like another option.
    /// </summary>
    public static string[] Join(string[] args) => args switch
    {
        [First, var second, .. var rest] when !second.StartsWith('-') => [$"{First} {second}", .. WithValues(rest)],
        ["help", First, var second, .. var rest] when !second.StartsWith('-') => ["help", $"{First} {second}", .. rest],
        _ => args,
    };

    /// <summary>
    /// What stands before the first `--` of `jobs task`, and the command behind it; of other verbs nothing is split off.
    /// </summary>
    public static (string[] Own, string[] Command) Split(string[] args)
    {
        var at = Array.IndexOf(args, "--");
        return args is [$"{First} task", ..] && at >= 0 ? (args[..at], args[(at + 1)..]) : (args, []);
    }

    /// <summary>Refuses the first word alone.</summary>
    /// <exception cref="UsageException">It stands alone.</exception>
    public static void RequireSecond(string[] args, IEnumerable<string> verbs)
    {
        if (args[0] == First)
        {
            var known = verbs.Where(verb => verb.StartsWith(First + ' ', StringComparison.Ordinal));
            throw new UsageException(
                $"`{First}` needs a second word: {string.Join(", ", known)}",
                $"`sharpseg {First} train --help` explains one of them");
        }
    }

    private static IEnumerable<string> WithValues(string[] args)
    {
        for (var i = 0; i < args.Length; i++)
        {
            yield return args[i] == Slurm && i + 1 < args.Length ? $"{Slurm}={args[++i]}" : args[i];
        }
    }
}
