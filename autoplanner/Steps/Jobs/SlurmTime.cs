using System.Globalization;

namespace SharpSeg.AutoPlanner.Steps.Jobs;

/// <summary>Times as Slurm writes them: minutes, minutes:seconds, hours:minutes:seconds; hours come first behind days-.</summary>
internal static class SlurmTime
{
    /// <summary>A multiple of a time.</summary>
    /// <param name="text">A time that <see cref="JobSite.RequireTime"/> accepts.</param>
    /// <param name="factor">Above 0.</param>
    public static string Times(string text, double factor) => JobTimes.Text(Parse(text) * factor);

    /// <summary>The time that a text names.</summary>
    public static TimeSpan Parse(string text)
    {
        var dash = text.IndexOf('-', StringComparison.Ordinal);
        int[] parts = [.. text[(dash + 1)..].Split(':').Select(part => int.Parse(part, CultureInfo.InvariantCulture))];
        var days = dash < 0 ? 0 : int.Parse(text[..dash], CultureInfo.InvariantCulture);
        int Part(int i) => i < parts.Length ? parts[i] : 0;

        // With days, the first number is hours; without, one or two numbers are minutes and seconds.
        return TimeSpan.FromDays(days) + (dash >= 0 || parts.Length == 3
            ? new TimeSpan(Part(0), Part(1), Part(2))
            : new TimeSpan(0, Part(0), Part(1)));
    }
}
