using CommandLine;
using CommandLine.Text;
using SharpSeg.AutoPlanner;
using SharpSeg.Cli.Commands;
using SharpSeg.Cli.Options;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu;

namespace SharpSeg.Cli;

/// <summary>The command line: parses, checks, calls one function of the autoplanner, prints. No algorithm lives here.</summary>
internal static class Program
{
    private static readonly Type[] Verbs =
    [
        typeof(DemoOptions), typeof(AutoOptions), typeof(VerifyOptions), typeof(PlanVerbOptions), typeof(PreprocessOptions),
        typeof(TrainOptions), typeof(PredictOptions), typeof(EvaluateOptions), typeof(FindBestOptions), typeof(EnsembleOptions),
        typeof(PostprocessOptions), typeof(ExportOptions), typeof(DevicesOptions),
    ];

    public static int Main(string[] args)
    {
        using var interruption = new Interruption();
        var reporter = new ConsoleReporter();
        var code = Guarded(() => Run(args, reporter, interruption.Token), reporter);
        return code;
    }

    private static int Run(string[] args, ConsoleReporter reporter, CancellationToken cancel)
    {
        if (args.Contains(""))
        {
            throw new UsageException("an argument is empty", "was a shell variable not set?");
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
        Answer answer;
        try
        {
            answer = Execute(options, reporter, cancel);
        }
        catch (OperationCanceledException)
        {
            var (message, hint) = options.WhenInterrupted;
            return Fail(reporter, message, hint, ExitCodes.Interrupted);
        }

        reporter.Finish();
        if (options.Json)
        {
            Console.Out.WriteLine(answer.Json.ToJsonString());
        }
        else if (answer.Text.Length > 0)
        {
            Console.Out.WriteLine(answer.Text.TrimEnd());
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
        DevicesOptions o => DevicesCommand.Run(o),
        _ => throw new UsageException("no such verb"),
    };

    /// <summary>Every failure becomes one clear line, a hint where there is one, and the right exit code.</summary>
    private static int Guarded(Func<int> action, ConsoleReporter reporter)
    {
        try
        {
            return action();
        }
        catch (UsageException e)
        {
            return Fail(reporter, e.Message, e.Hint, ExitCodes.WrongUsage);
        }
        catch (SharpSegException e)
        {
            return Fail(reporter, e.Message, e.Hint, ExitCodes.Failed);
        }
        catch (ShapeException e)
        {
            return Fail(reporter, e.Message, "the plan does not fit the data or the network", ExitCodes.Failed);
        }
        catch (Exception e) when (e is GpuUnavailableException or GpuOutOfMemoryException)
        {
            return Fail(reporter, e.Message, "`sharpseg devices` lists what there is; --device cpu always works", ExitCodes.Failed);
        }
        catch (AggregateException e) when (e.InnerExceptions is [SharpSegException inner, ..])
        {
            return Fail(reporter, inner.Message, inner.Hint, ExitCodes.Failed);
        }
        catch (UnauthorizedAccessException e)
        {
            return Fail(reporter, e.Message, "check the permissions of the folder", ExitCodes.Failed);
        }
        catch (IOException e)
        {
            return Fail(reporter, e.Message, "check the path, its permissions and the free space; nothing is half-written", ExitCodes.Failed);
        }
        catch (OutOfMemoryException e)
        {
            return Fail(reporter, $"out of memory: {e.Message}", "a smaller --batch or a smaller --memory plan needs less", ExitCodes.Failed);
        }
    }

    private static int Fail(ConsoleReporter reporter, string message, string? hint, int code)
    {
        reporter.Finish();
        Console.Error.WriteLine($"error: {message}");
        if (hint is not null)
        {
            Console.Error.WriteLine($"hint: {hint}");
        }

        return code;
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

        foreach (var error in failed.Errors)
        {
            Console.Error.WriteLine($"error: {Describe(error, args)}");
        }

        Console.Error.WriteLine("hint: `sharpseg --help` lists the verbs, `sharpseg VERB --help` its options");
        return ExitCodes.WrongUsage;
    }

    private static string Describe(Error error, string[] args) => error switch
    {
        BadVerbSelectedError e => $"unknown verb `{e.Token}`" + Nearest(e.Token, Verbs.Select(VerbName)),
        UnknownOptionError e => $"unknown option `{e.Token}`" + Nearest(e.Token, OptionNames(args[0])),
        MissingValueOptionError e => $"option {Name(e.NameInfo)} needs a value",
        BadFormatConversionError e => $"option {Name(e.NameInfo)}: not a valid value",
        MissingRequiredOptionError e => e.NameInfo.NameText.Length > 0 ? $"option {Name(e.NameInfo)} is required" : "an argument is missing",
        _ => error.Tag.ToString(),
    };

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
