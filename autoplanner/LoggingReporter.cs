using System.Globalization;

namespace SharpSeg.AutoPlanner;

/// <summary>
/// Hands everything on, and writes down what a log should have: stages, lines, warnings, and, so that a long stage is seen to
/// live, its progress once a minute. Each entry begins with the moment, in UTC.
/// </summary>
/// <param name="inner">Is shown everything, too.</param>
public abstract class LoggingReporter(IReporter inner) : IReporter
{
    private static readonly TimeSpan BetweenProgress = TimeSpan.FromMinutes(1);

    private readonly Lock gate = new();
    private DateTime progressed = DateTime.UtcNow;

    /// <inheritdoc/>
    public void Stage(string name)
    {
        Log($"== {name}");
        inner.Stage(name);
    }

    /// <inheritdoc/>
    public void Progress(double fraction, string detail)
    {
        if (DateTime.UtcNow - progressed >= BetweenProgress)
        {
            progressed = DateTime.UtcNow;
            Log(string.Create(CultureInfo.InvariantCulture, $"{100 * fraction:0} %, {detail}"));
        }

        inner.Progress(fraction, detail);
    }

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

    /// <inheritdoc/>
    public virtual void WritesTo(string path, bool isFile = false) => inner.WritesTo(path, isFile);

    /// <summary>A moment as logs and records show it.</summary>
    internal static string Time(DateTime moment) => moment.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);

    /// <summary>Writes an entry down. Callers may be on several threads.</summary>
    protected void Log(string text)
    {
        lock (gate)
        {
            Append($"{Time(DateTime.UtcNow)} {text.ReplaceLineEndings("\n    ")}\n");
        }
    }

    /// <summary>Keeps an entry, one at a time; it ends with a line break.</summary>
    protected abstract void Append(string entry);
}
