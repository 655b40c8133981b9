using System.Diagnostics;
using System.Globalization;
using System.Text;
using SharpSeg.AutoPlanner;

namespace SharpSeg.Cli;

/// <summary>
/// Progress for people: on a terminal one redrawn line with a bar and the time left; in a log plain lines, at most one every few
/// seconds. Everything goes to stderr, so that stdout carries data only. Legible without colour; honours NO_COLOR.
/// </summary>
internal sealed class ConsoleReporter : IReporter
{
    private const int WidestBar = 28, NarrowestBar = 8;
    private static readonly TimeSpan TerminalInterval = TimeSpan.FromMilliseconds(100), LogInterval = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Longest = TimeSpan.FromDays(9999); // of an estimate

    private readonly TextWriter output = Console.Error;
    private readonly bool terminal = !Console.IsErrorRedirected;
    private readonly bool colour = !Console.IsErrorRedirected
        && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
    private readonly Lock gate = new();
    private readonly Stopwatch total = Stopwatch.StartNew();
    private Stopwatch stage = Stopwatch.StartNew();
    private TimeSpan lastShown = TimeSpan.MinValue;
    private double startFraction = -1;
    private int drawn;
    private string stageName = "";

    /// <summary>Shows warnings and errors only.</summary>
    public bool Quiet { get; set; }

    /// <summary>Also hears stages and progress; null for nobody.</summary>
    public IReporter? Listener { get; set; }

    /// <summary>The last error that was shown; null if there was none.</summary>
    public string? LastError { get; private set; }

    public void Stage(string name)
    {
        Listener?.Stage(name);
        lock (gate)
        {
            Clear();
            stageName = name = Readable.Line(name);
            stage = Stopwatch.StartNew();
            lastShown = TimeSpan.MinValue;
            startFraction = -1;
            if (!Quiet)
            {
                WriteLine(Bold(Folded($"[{Clock(total.Elapsed)}] {name}", Width)));
            }
        }
    }

    public void Progress(double fraction, string detail)
    {
        Listener?.Progress(fraction, detail);
        if (Quiet)
        {
            return;
        }

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
                ? $"{Clock(Left(now, fraction - startFraction, 1 - fraction))} left"
                : "";
            var percent = (100 * Math.Clamp(fraction, 0, 1)).ToString("0", CultureInfo.InvariantCulture).PadLeft(3);
            if (terminal)
            {
                Draw(Line(left, percent, Math.Clamp(fraction, 0, 1), Readable.Line(detail), Math.Max(20, WindowWidth() - 1)));
            }
            else
            {
                WriteLine(
                    $"[{Clock(total.Elapsed)}] {stageName}: {(left.Length > 0 ? left + ", " : "")}{percent} %, "
                        + $"{Readable.Line(detail)}");
            }
        }
    }

    /// <summary>
    /// The redrawn line: the time left comes first because it matters most; the bar takes the space that the words leave; the end
    /// is cut off.
    /// </summary>
    /// <param name="left">Time left, or nothing.</param>
    /// <param name="percent">Percent done.</param>
    /// <param name="fraction">The same, 0..1.</param>
    /// <param name="detail">What is being done.</param>
    /// <param name="width">Characters that fit.</param>
    internal static string Line(string left, string percent, double fraction, string detail, int width)
    {
        var words = $"  {left}{(left.Length > 0 ? " " : "")}{percent} % {detail}";
        var bar = Math.Min(WidestBar, width - words.Length - " []".Length);
        if (bar >= NarrowestBar)
        {
            var filled = (int)(bar * fraction);
            words =
                $"  {left}{(left.Length > 0 ? " " : "")}[{new string('#', filled)}{new string('.', bar - filled)}] {percent} % "
                    + $"{detail}";
        }

        return words.Length <= width ? words : words[..width];
    }

    /// <summary>A line broken between words where a terminal would break it anywhere; what follows is indented.</summary>
    internal static string Folded(string line, int width)
    {
        const string Indent = "    ";
        var text = new StringBuilder();
        while (line.Length > width && line.LastIndexOf(' ', width) is var at && at > Indent.Length)
        {
            text.Append(line.AsSpan(0, at)).Append('\n');
            line = Indent + line[(at + 1)..];
        }

        return text.Append(line).ToString();
    }

    public void Info(string line)
    {
        if (Quiet)
        {
            return;
        }

        lock (gate)
        {
            Clear();
            WriteLine(Folded($"  {Readable.Line(line)}", Width));
        }
    }

    public void Warning(string line)
    {
        lock (gate)
        {
            Clear();
            var text = Folded($"warning: {Readable.Line(line)}", Width);
            WriteLine(colour ? $"\e[33m{text.Insert("warning:".Length, "\e[0m")}" : text);
        }
    }

    /// <summary>The final lines: what went wrong and how to continue.</summary>
    public void Error(string message, string? hint)
    {
        lock (gate)
        {
            Clear();
            LastError = message;
            WriteLine($"error: {Readable.Line(message)}");
            if (hint is not null)
            {
                WriteLine($"hint: {Readable.Line(hint)}");
            }
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

    private static TimeSpan Left(TimeSpan elapsed, double done, double remaining) =>
        TimeSpan.FromSeconds(Math.Min(elapsed.TotalSeconds * remaining / done, Longest.TotalSeconds));

    /// <summary>A time as 0:07, 1:02:03 or 2d 1:02:03.</summary>
    internal static string Clock(TimeSpan time) => time switch
    {
        { TotalDays: >= 1 } => time.ToString(@"d\d\ h\:mm\:ss", CultureInfo.InvariantCulture),
        { TotalHours: >= 1 } => time.ToString(@"h\:mm\:ss", CultureInfo.InvariantCulture),
        _ => time.ToString(@"m\:ss", CultureInfo.InvariantCulture),
    };

    private string Bold(string text) => colour ? $"\e[1m{text}\e[0m" : text;

    private void Draw(string line)
    {
        Write('\r' + line.PadRight(Covered));
        drawn = line.Length;
    }

    private void WriteLine(string line) => Write(line + "\n");

    private void Write(string text)
    {
        try
        {
            output.Write(text);
        }
        catch (IOException)
        {
            // The terminal was closed: the work continues, or saves its state, all the same.
        }
    }

    private void Clear()
    {
        if (drawn > 0)
        {
            Write('\r' + new string(' ', Covered) + '\r');
            drawn = 0;
        }
    }

    /// <summary>How much of the drawn line lies on one row: a window may have been made narrower since.</summary>
    private int Covered => Math.Min(drawn, Math.Max(20, WindowWidth() - 1));

    private int Width => terminal ? WindowWidth() : int.MaxValue;

    private static int WindowWidth()
    {
        try
        {
            return Console.WindowWidth;
        }
        catch (IOException)
        {
            return 80; // a terminal that does not report its size
        }
    }
}
