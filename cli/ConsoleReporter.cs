using System.Diagnostics;
using System.Globalization;
using SharpSeg.AutoPlanner;

namespace SharpSeg.Cli;

/// <summary>
/// Progress for people: on a terminal one line that redraws itself with a bar and the time left; in a log plain lines, at most one
/// every few seconds. Everything goes to stderr, so that stdout carries data only. Legible without colour; honours NO_COLOR.
/// </summary>
internal sealed class ConsoleReporter : IReporter
{
    private const int BarWidth = 28;
    private static readonly TimeSpan TerminalInterval = TimeSpan.FromMilliseconds(100), LogInterval = TimeSpan.FromSeconds(15);

    private readonly TextWriter output = Console.Error;
    private readonly bool terminal = !Console.IsErrorRedirected;
    private readonly bool colour = !Console.IsErrorRedirected && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
    private readonly Lock gate = new();
    private readonly Stopwatch total = Stopwatch.StartNew();
    private Stopwatch stage = Stopwatch.StartNew();
    private TimeSpan lastShown = TimeSpan.MinValue;
    private double startFraction = -1;
    private int drawn;
    private string stageName = "";

    public void Stage(string name)
    {
        lock (gate)
        {
            Clear();
            stageName = name;
            stage = Stopwatch.StartNew();
            lastShown = TimeSpan.MinValue;
            startFraction = -1;
            output.WriteLine($"[{Clock(total.Elapsed)}] {Bold(name)}");
        }
    }

    public void Progress(double fraction, string detail)
    {
        lock (gate)
        {
            var now = stage.Elapsed;
            if (startFraction < 0)
            {
                startFraction = fraction; // a resumed stage starts in the middle: estimate from there
            }

            var done = fraction >= 1;
            if (!done && lastShown != TimeSpan.MinValue && now - lastShown < (terminal ? TerminalInterval : LogInterval))
            {
                return;
            }

            lastShown = now;
            var left = fraction > startFraction && !done
                ? $", {Clock(now * ((1 - fraction) / (fraction - startFraction)))} left"
                : "";
            var percent = (100 * Math.Clamp(fraction, 0, 1)).ToString("0", CultureInfo.InvariantCulture).PadLeft(3);
            if (terminal)
            {
                var filled = (int)(BarWidth * Math.Clamp(fraction, 0, 1));
                Draw($"  [{new string('#', filled)}{new string('.', BarWidth - filled)}] {percent} % {detail}{left}");
            }
            else
            {
                output.WriteLine($"[{Clock(total.Elapsed)}] {stageName}: {percent} %, {detail}{left}");
            }
        }
    }

    public void Info(string line)
    {
        lock (gate)
        {
            Clear();
            output.WriteLine($"  {line}");
        }
    }

    public void Warning(string line)
    {
        lock (gate)
        {
            Clear();
            output.WriteLine(colour ? $"\e[33mwarning:\e[0m {line}" : $"warning: {line}");
        }
    }

    /// <summary>Ends the redrawn line, before anything else is printed.</summary>
    public void Finish()
    {
        lock (gate)
        {
            Clear();
        }
    }

    private static string Clock(TimeSpan time) => time.TotalHours >= 1
        ? time.ToString(@"h\:mm\:ss", CultureInfo.InvariantCulture)
        : time.ToString(@"m\:ss", CultureInfo.InvariantCulture);

    private string Bold(string text) => colour ? $"\e[1m{text}\e[0m" : text;

    private void Draw(string line)
    {
        var width = Math.Max(20, WindowWidth() - 1);
        if (line.Length > width)
        {
            line = line[..width];
        }

        output.Write('\r' + line.PadRight(drawn));
        drawn = line.Length;
    }

    private void Clear()
    {
        if (drawn > 0)
        {
            output.Write('\r' + new string(' ', drawn) + '\r');
            drawn = 0;
        }
    }

    private static int WindowWidth()
    {
        try
        {
            return Console.WindowWidth;
        }
        catch (IOException)
        {
            return 80; // a terminal that does not tell its size
        }
    }
}
