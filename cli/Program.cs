using System.Text.Json.Nodes;
using CommandLine;
using CommandLine.Text;
using SharpSeg.Cli.Commands;
using SharpSeg.Cli.Options;
using SharpSeg.Kernels.Gpu;

namespace SharpSeg.Cli;

/// <summary>The command line: parses, checks, calls one function of the autoplanner, prints. It contains no algorithm.</summary>
internal static class Program
{
    private static readonly Type[] Verbs =
    [
        typeof(DemoOptions), typeof(AutoOptions), typeof(VerifyOptions), typeof(PlanVerbOptions), typeof(PreprocessOptions),
        typeof(TrainOptions), typeof(PredictOptions), typeof(EvaluateOptions), typeof(FindBestOptions), typeof(EnsembleOptions),
        typeof(PostprocessOptions), typeof(ExportOptions), typeof(ImportOptions), typeof(InspectOptions), typeof(DevicesOptions),
    ];

    public static int Main(string[] args)
    {
        using var interruption = new Interruption();
        var reporter = new ConsoleReporter();
        AppDomain.CurrentDomain.UnhandledException += (_, e) =>
        {
            // On a separate thread nothing can catch it any more: report it in one line, too.
            var failure = Failure.Of((Exception)e.ExceptionObject);
            Environment.Exit(Fail(args, reporter, failure));
        };
        return Guarded(args, reporter, interruption.Token);
    }

    private static int Run(string[] args, ConsoleReporter reporter, CancellationToken cancel)
    {
        if (args.Contains(""))
        {
            throw new UsageException("an argument is empty", "was a shell variable not set?");
        }

        if (Array.Find(Verbs, verb => args.Length > 0 && VerbName(verb) == args[0]) is { } known)
        {
            UnusedWords.RefuseValuesOfSwitches(known, args);
        }

        using var parser = new Parser(settings =>
        {
            settings.HelpWriter = null;
            settings.CaseInsensitiveEnumValues = true;
        });
        var result = parser.ParseArguments(args, Verbs);
        if (result is NotParsed<object> failed)
        {
            return PrintHelp(args, failed);
        }

        var options = (CommonOptions)((Parsed<object>)result).Value;
        reporter.Quiet = options.Quiet;
        UnusedWords.Refuse(options, args);
        Answer answer;
        try
        {
            answer = Execute(options, reporter, cancel);
        }
        catch (OperationCanceledException)
        {
            var (message, hint) = options.WhenInterrupted;
            return Fail(args, reporter, new Failure(message, hint, ExitCodes.Interrupted));
        }

        reporter.Finish();
        if (options.Json)
        {
            JsonLine.Write(answer.Json);
        }
        else if (answer.Text.Length > 0)
        {
            Console.Out.WriteLine(Readable.Lines(answer.Text.TrimEnd()));
        }

        return answer.Succeeded ? ExitCodes.Done : ExitCodes.Failed;
    }

    private static Answer Execute(CommonOptions options, ConsoleReporter reporter, CancellationToken cancel) => options switch
    {
        DemoOptions o => DemoCommand.Run(o, reporter, cancel),
        AutoOptions o => AutoCommand.Run(o, reporter, cancel),
        VerifyOptions o => VerifyCommand.Run(o, reporter, cancel),
        PlanVerbOptions o => PlanCommand.Run(o, reporter, cancel),
        PreprocessOptions o => PreprocessCommand.Run(o, reporter, cancel),
        TrainOptions o => TrainCommand.Run(o, reporter, cancel),
        PredictOptions o => PredictCommand.Run(o, reporter, cancel),
        EvaluateOptions o => EvaluateCommand.Run(o, reporter, cancel),
        FindBestOptions o => FindBestCommand.Run(o, reporter, cancel),
        EnsembleOptions o => EnsembleCommand.Run(o, reporter, cancel),
        PostprocessOptions o => PostprocessCommand.Run(o, reporter, cancel),
        ExportOptions o => ExportCommand.Run(o, reporter, cancel),
        ImportOptions o => ImportCommand.Run(o, reporter, cancel),
        InspectOptions o => InspectCommand.Run(o, reporter, cancel),
        DevicesOptions o => DevicesCommand.Run(o),
        _ => throw new UsageException("no such verb"),
    };

    /// <summary>Every failure becomes one clear line, a hint where there is one, and the right exit code.</summary>
    private static int Guarded(string[] args, ConsoleReporter reporter, CancellationToken cancel)
    {
        try
        {
            return Run(args, reporter, cancel);
        }
        catch (Exception e)
        {
            return Fail(args, reporter, Failure.Of(e));
        }
    }

    // A command line that could not be parsed asks for JSON all the same.
    private static int Fail(string[] args, ConsoleReporter reporter, Failure failure)
    {
        reporter.Error(failure.Message, failure.Hint);
        if (args.TakeWhile(word => word != "--").Contains("--json"))
        {
            try
            {
                JsonLine.Write(new JsonObject { ["error"] = failure.Message, ["hint"] = failure.Hint });
            }
            catch (IOException)
            {
                // Nobody reads it: stderr and the exit code say enough.
            }
        }

        return failure.ExitCode;
    }

    private static int PrintHelp(string[] args, NotParsed<object> failed)
    {
        if (failed.Errors.IsVersion())
        {
            Console.Out.WriteLine($"sharpseg {typeof(Program).Assembly.GetName().Version?.ToString(3)}");
            return ExitCodes.Done;
        }

        if (failed.Errors.IsHelp() || args.Length == 0)
        {
            var help = HelpText.AutoBuild(failed, h =>
            {
                h.Heading = "SharpSeg: give it a folder of labelled scans, get a segmentation model.";
                h.Copyright = "";
                h.AdditionalNewLineAfterOption = false;
                return h;
            });
            (args.Length == 0 ? Console.Error : Console.Out).WriteLine(help);
            return args.Length == 0 ? ExitCodes.WrongUsage : ExitCodes.Done;
        }

        // One error at a time: a mistyped option makes others seem missing.
        var first = failed.Errors.OrderBy(error => error is UnknownOptionError or BadVerbSelectedError ? 0 : 1).First();
        Type? verb = Array.Find(Verbs, verb => VerbName(verb) == args[0]);
        string message = first is MissingRequiredOptionError { NameInfo.NameText: "" } && verb is not null ? MissingWords(verb) : Describe(first, args);
        throw new UsageException(
            message, verb is null ? "`sharpseg --help` lists the verbs" : $"{UnusedWords.Usage(verb)}; `sharpseg {args[0]} --help` lists the options");
    }

    private static string Describe(Error error, string[] args) => error switch
    {
        BadVerbSelectedError e => $"unknown verb `{e.Token}`" + Nearest(e.Token, Verbs.Select(VerbName)),
        UnknownOptionError e => $"unknown option `{e.Token}`" + Nearest(e.Token, OptionNames(args[0])),
        MissingValueOptionError e => $"option {Name(e.NameInfo)} needs a value",
        BadFormatConversionError e => $"option {Name(e.NameInfo)}: not a valid value",
        MissingRequiredOptionError e => $"option {Name(e.NameInfo)} is required",
        RepeatedOptionError e => $"option {Name(e.NameInfo)} is given twice",
        NamedError e => $"option {Name(e.NameInfo)} cannot be understood",
        TokenError e => $"`{e.Token}` cannot be understood",
        _ => "the command line cannot be understood",
    };

    // The parser does not say which.
    private static string MissingWords(Type verb) =>
        $"{string.Join(" or ", UnusedWords.Words(verb).Where(word => word.Required).Select(word => word.MetaName))} is missing";

    private static string Nearest(string typed, IEnumerable<string> names) =>
        NearestName.Find(typed, names) is { } name ? $", did you mean `{name}`?" : "";

    private static string Name(NameInfo option) =>
        option.ShortName.Length == 0 ? $"--{option.LongName}" : $"-{option.ShortName}/--{option.LongName}";

    private static IEnumerable<string> OptionNames(string verb) =>
        Verbs.Where(type => VerbName(type) == verb).SelectMany(type => type.GetProperties())
            .SelectMany(property => property.GetCustomAttributes(typeof(OptionAttribute), inherit: true))
            .Select(option => ((OptionAttribute)option).LongName);

    private static string VerbName(Type type) => ((VerbAttribute)type.GetCustomAttributes(typeof(VerbAttribute), false)[0]).Name;
}
