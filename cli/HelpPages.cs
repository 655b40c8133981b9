using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;
using CommandLine;
using CommandLine.Text;
using SharpSeg.Cli.Options;

namespace SharpSeg.Cli;

/// <summary>The help of the program and of each verb: usage, a sentence, examples, options.</summary>
/// <param name="verbs">The options of each verb, in the order of the list.</param>
internal sealed partial class HelpPages(IReadOnlyList<Type> verbs)
{
    private const int Width = 80; // columns of a plain terminal; docs/commands.md is the same everywhere
    private const string Title = "SharpSeg: give it a folder of labelled scans, get a segmentation model.\n";

    private static readonly Type[] LauncherVerbs = [typeof(BenchVerb), typeof(TestVerb)];

    /// <summary>The list of verbs.</summary>
    public string Overview()
    {
        var help = Empty();
        help.AddDashesToOption = false;
        help.AddPreOptionsLines(
        [
            "usage: sharpseg VERB [options]", "",
            "examples:",
            "  sharpseg auto Task04_Hippocampus -o work --max-time 30m",
            "  sharpseg predict work -i scan.nii.gz -o segmentation.nii.gz", "",
            "`sharpseg help VERB` or `sharpseg VERB -h` shows the options of a verb.",
        ]);
        help.AddVerbs([.. verbs, .. LauncherVerbs]);
        return Trimmed(help);
    }

    /// <summary>The page of a verb.</summary>
    public string Of(Type verb)
    {
        var name = UnusedWords.VerbName(verb);
        var help = Empty();
        help.AddPreOptionsLines(
        [
            UnusedWords.Usage(verb), "", verb.GetCustomAttribute<VerbAttribute>()!.HelpText, "", "examples:",
            .. verb.GetCustomAttribute<ExamplesAttribute>()!.Commands.Select(command => "  " + command),
        ]);
        using var parser = new Parser(settings => settings.HelpWriter = null);
        help.AddOptions(parser.ParseArguments([name, "--help"], [.. verbs]));
        return Position().Replace(Trimmed(help), position => new string(' ', position.Length)); // the usage line shows the order
    }

    /// <summary>All pages: the text of docs/commands.md.</summary>
    public string Markdown()
    {
        var text = new StringBuilder();
        text.Append(
            "# Commands\n\nWritten by `sharpseg help --markdown > docs/commands.md`; a test compares it with the program.\n\n");
        text.Append(Block(Overview()));
        foreach (var verb in verbs)
        {
            text.Append($"\n## {UnusedWords.VerbName(verb)}\n\n{Block(Of(verb))}");
        }

        return text.ToString().TrimEnd();
    }

    /// <summary>The page that a command line asks for, or null.</summary>
    /// <exception cref="UsageException">It asks for the help of a verb that does not exist.</exception>
    public string? AskedFor(string[] args) => args switch
    {
        ["help", "--markdown"] => Markdown(),
        ["help", "-h" or "--help", ..] or ["help"] or ["-h" or "--help", ..] => Overview(),
        ["help", JobsWords.First, ..] or [JobsWords.First, "-h" or "--help", ..] => Overview(),
        ["help", var name, ..] => Page(name) ?? throw new UsageException(
            "unknown verb "
                + $"`{name}`{(NearestName.Find(name, verbs.Select(UnusedWords.VerbName)) is { } near ? $", did you mean `{near}`?" : "")}",
            "`sharpseg --help` lists the verbs"),
        [var name, ..] when args.TakeWhile(word => word != "--").Any(word => word is "-h" or "--help") => Page(name),
        _ => null,
    };

    /// <summary>Refuses what only the launcher of a checkout can do.</summary>
    /// <exception cref="UsageException">It is that.</exception>
    public static void RefuseLauncherVerb(string name)
    {
        if (LauncherVerbs.Any(verb => UnusedWords.VerbName(verb) == name))
        {
            throw new UsageException($"`{name}` needs the sources", $"run `./sharpseg {name}` in a checkout");
        }
    }

    private string? Page(string name)
    {
        if (verbs.FirstOrDefault(verb => UnusedWords.VerbName(verb) == name) is { } known)
        {
            return Of(known);
        }

        return Array.Find(LauncherVerbs, verb => UnusedWords.VerbName(verb) == name) is { } launcher
            ? $"usage: ./sharpseg {name} [options]\n\n{launcher.GetCustomAttribute<VerbAttribute>()!.HelpText}"
            : null;
    }

    private static HelpText Empty() => new(Title)
    {
        AdditionalNewLineAfterOption = false, AddDashesToOption = true, MaximumDisplayWidth = Width, AutoHelp = false,
        AutoVersion = false, Copyright = "",
    };

    private static string Trimmed(HelpText help) =>
        string.Join('\n', help.ToString().ReplaceLineEndings("\n").Split('\n').Select(line => line.TrimEnd())).Trim();

    private static string Block(string page) =>
        string.Concat(page.Split('\n').Select(line => line.Length == 0 ? "\n" : $"    {line}\n"));

    [GeneratedRegex(@" \(pos\. \d+\)")]
    private static partial Regex Position();

    [Verb("bench", HelpText = "Measure kernels, networks and preprocessing, in a checkout: ./sharpseg bench --help.")]
    private sealed class BenchVerb;

    [Verb(
        "test",
        HelpText = "Build everything and run the tests, in a checkout: ./sharpseg test [--quick | --unit | --end-to-end].")]
    private sealed class TestVerb;
}
