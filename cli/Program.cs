using System.Text.Json.Nodes;
using CommandLine;
using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Steps;
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
        typeof(TrainOptions), typeof(PredictOptions), typeof(EvaluateOptions), typeof(CompareOptions), typeof(FindBestOptions),
        typeof(EnsembleOptions), typeof(PostprocessOptions), typeof(ExportOptions), typeof(ImportOptions), typeof(InspectOptions),
        typeof(ReportOptions), typeof(TraceOptions), typeof(DevicesOptions), typeof(CompletionOptions),
        typeof(JobsTrainOptions), typeof(JobsPredictOptions), typeof(JobsStatusOptions), typeof(JobsLogsOptions),
        typeof(JobsCancelOptions), typeof(JobsResubmitOptions), typeof(JobsMeasureOptions), typeof(JobsCheckOptions),
        typeof(JobsTaskOptions),
    ];

    private static readonly HelpPages Help = new(Verbs);

    public static int Main(string[] words)
    {
        OutputEncoding.BeUtf8();

        var args = JobsWords.Join(words);
        using var interruption = new Interruption();
        var reporter = new ConsoleReporter();
        AppDomain.CurrentDomain.UnhandledException += (_, e) =>
        {
            // On a separate thread nothing can catch it any more: report it in one line, too.
            var failure = Failure.Of((Exception)e.ExceptionObject);
            Environment.Exit(Fail(args, reporter, failure));
        };
        return Guarded(args, reporter, interruption);
    }

    private static int Run(string[] words, ConsoleReporter reporter, Interruption interruption)
    {
        var (args, command) = JobsWords.Split(words);
        if (args.Contains(""))
        {
            throw new UsageException("an argument is empty", "was a shell variable not set?");
        }

        if (args.Length == 0)
        {
            Console.Error.WriteLine(Help.Overview());
            return ExitCodes.WrongUsage;
        }

        if (Help.AskedFor(args) is { } page)
        {
            Console.Out.WriteLine(page);
            return ExitCodes.Done;
        }

        HelpPages.RefuseLauncherVerb(args[0]);
        JobsWords.RequireSecond(args, Verbs.Select(VerbName));
        if (Array.Find(Verbs, verb => VerbName(verb) == args[0]) is { } known)
        {
            UnusedWords.RefuseValuesOfSwitches(known, args);
            ForeignOptions.Refuse(known, Verbs, args);
            UnusedWords.RefuseOptionsWithoutValue(known, args);
        }

        using var parser = new Parser(settings =>
        {
            settings.HelpWriter = null;
            settings.CaseInsensitiveEnumValues = true;
        });
        var result = parser.ParseArguments(args, Verbs);
        if (result is NotParsed<object> failed)
        {
            return Refuse(args, failed);
        }

        var options = (CommonOptions)((Parsed<object>)result).Value;
        reporter.Quiet = options.Quiet;
        UnusedWords.Refuse(options, args);
        var record = new CommandRecord(reporter, options.PartOfOutput);
        try
        {
            var answer = Execute(options, command, reporter, record, interruption);
            var code = Print(answer, options.Json, reporter);
            record.Keep(answer.Facts, answer.Json, code, answer.State);
            return code;
        }
        catch (OperationCanceledException)
        {
            var (message, hint) = options.WhenInterrupted;
            record.Fail(message, hint, ExitCodes.Interrupted, "interrupted");
            return Fail(args, reporter, new Failure(message, hint, ExitCodes.Interrupted));
        }
        catch (Exception error)
        {
            var failure = Failure.Of(error);
            record.Fail(failure.Message, failure.Hint, failure.ExitCode, "failed");
            return Fail(args, reporter, failure);
        }
    }

    private static int Print(Answer answer, bool asJson, ConsoleReporter reporter)
    {
        reporter.Finish();
        var failed = answer.Failed ?? [];
        foreach (var item in failed)
        {
            reporter.Error($"case `{item.CaseId}` failed: {item.Message}", item.Hint);
        }

        if (asJson)
        {
            if (failed.Count > 0)
            {
                answer.Json["failed"] = new JsonArray([.. failed.Select(item => (JsonNode)new JsonObject
                {
                    ["case"] = item.CaseId, ["error"] = item.Message, ["hint"] = item.Hint,
                })]);
            }

            JsonLine.Write(answer.Json);
        }
        else if (answer.Text.Length > 0)
        {
            Console.Out.WriteLine(Readable.Lines(answer.Text.TrimEnd()));
        }

        return answer.ExitCode;
    }

    private static Answer Execute(
        CommonOptions options, string[] command, ConsoleReporter reporter, CommandRecord record, Interruption interruption)
    {
        if (options is JobsTaskOptions task)
        {
            task.Command = command;
            return JobsTaskCommand.Run(task, inner => Guarded(inner, reporter, interruption), reporter, interruption);
        }

        return Execute(options, record, interruption.Token);
    }

    private static Answer Execute(CommonOptions options, IReporter reporter, CancellationToken cancel) => options switch
    {
        DemoOptions o => DemoCommand.Run(o, reporter, cancel),
        AutoOptions o => AutoCommand.Run(o, reporter, cancel),
        VerifyOptions o => VerifyCommand.Run(o, reporter, cancel),
        PlanVerbOptions o => PlanCommand.Run(o, reporter, cancel),
        PreprocessOptions o => PreprocessCommand.Run(o, reporter, cancel),
        TrainOptions o => TrainCommand.Run(o, reporter, cancel),
        PredictOptions o => PredictCommand.Run(o, reporter, cancel),
        EvaluateOptions o => EvaluateCommand.Run(o, reporter, cancel),
        CompareOptions o => CompareCommand.Run(o),
        FindBestOptions o => FindBestCommand.Run(o, reporter, cancel),
        EnsembleOptions o => EnsembleCommand.Run(o, reporter, cancel),
        PostprocessOptions o => PostprocessCommand.Run(o, reporter, cancel),
        ExportOptions o => ExportCommand.Run(o, reporter, cancel),
        ImportOptions o => ImportCommand.Run(o, reporter, cancel),
        InspectOptions o => InspectCommand.Run(o, reporter, cancel),
        ReportOptions o => ReportCommand.Run(o, reporter, cancel),
        TraceOptions o => TraceCommand.Run(o, reporter, cancel),
        DevicesOptions o => DevicesCommand.Run(o),
        CompletionOptions o => CompletionCommand.Run(o, Verbs),
        JobsTrainOptions o => JobsCommand.Train(o, reporter, cancel),
        JobsPredictOptions o => JobsCommand.Predict(o, reporter, cancel),
        JobsStatusOptions o => JobsCommand.Status(o),
        JobsLogsOptions o => JobsCommand.Logs(o),
        JobsCancelOptions o => JobsCommand.Cancel(o),
        JobsResubmitOptions o => JobsCommand.Resubmit(o, reporter, cancel),
        JobsMeasureOptions o => JobsCommand.Measure(o, reporter, cancel),
        JobsCheckOptions o => JobsCommand.Check(o, reporter, cancel),
        _ => throw new UsageException("no such verb"),
    };

    /// <summary>Every failure becomes one clear line, a hint where there is one, and the right exit code.</summary>
    private static int Guarded(string[] args, ConsoleReporter reporter, Interruption interruption)
    {
        try
        {
            return Run(args, reporter, interruption);
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

    private static int Refuse(string[] args, NotParsed<object> failed)
    {
        if (failed.Errors.IsVersion())
        {
            Console.Out.WriteLine($"sharpseg {typeof(Program).Assembly.GetName().Version?.ToString(3)}");
            return ExitCodes.Done;
        }

        // One error at a time: a mistyped option makes others seem missing.
        var first =
            failed.Errors.OrderBy(
                error => error is UnknownOptionError or BadVerbSelectedError
                    ? 0 : error is MissingRequiredOptionError ? 2 : 1).First();
        Type? verb = Array.Find(Verbs, verb => VerbName(verb) == args[0]);
        var message = first is MissingRequiredOptionError && verb is not null
            ? Missing(verb, args, failed)
            : Describe(first, args);
        if (first is UnknownOptionError { Token: var option } && verb == typeof(JobsTrainOptions)
            && JobsTrainOptions.Refused.TryGetValue(option, out var instead))
        {
            throw new UsageException(
                $"`{args[0]}` has no --{option}: {instead}", $"`sharpseg {args[0]} --help` lists the options");
        }

        if (first is RepeatedOptionError { NameInfo: var repeated } && verb is not null)
        {
            throw new UsageException(message, UnusedWords.Joined(verb, repeated, args));
        }

        throw new UsageException(
            message, verb is null ? "`sharpseg --help` lists the verbs"
                : (failed.Errors.Any(IsWord) && first is MissingRequiredOptionError ? UnusedWords.Swallowed(verb, args) : null)
                    ?? UnusedWords.UsageAndHelp(verb));
    }

    private static string Describe(Error error, string[] args) => error switch
    {
        BadVerbSelectedError e => $"unknown verb `{e.Token}`" + Nearest(e.Token, Verbs.Select(VerbName)),
        UnknownOptionError e => $"unknown option `{e.Token}`" + Nearest(e.Token, OptionNames(args[0])),
        MissingValueOptionError e => $"option {Name(e.NameInfo)} needs a value",
        BadFormatConversionError e => $"option {Name(e.NameInfo)}: not a valid value",
        RepeatedOptionError e => $"option {Name(e.NameInfo)} is given twice",
        NamedError e => $"option {Name(e.NameInfo)} cannot be understood",
        TokenError e => $"`{e.Token}` cannot be understood",
        _ => "the command line cannot be understood",
    };

    private static string Missing(Type verb, string[] args, NotParsed<object> failed)
    {
        string[] words = [.. UnusedWords.Words(verb).Where(word => word.Required).Select(word => word.MetaName)];
        var options = failed.Errors.OfType<MissingRequiredOptionError>()
            .Where(error => !IsWord(error)).Select(error => $"option {Name(error.NameInfo)}");
        string[] names = [.. words.TakeLast(MissingWords(args, words.Length)), .. options];
        return $"{string.Join(" and ", names)} {(names.Length == 1 ? "is" : "are")} missing";
    }

    // The parser does not say how many words are missing: as many as it takes to satisfy it.
    private static int MissingWords(string[] args, int most)
    {
        using var parser = new Parser(settings => settings.HelpWriter = null);
        bool Lacks(int added) =>
            parser.ParseArguments([args[0], .. Enumerable.Repeat("x", added), .. args[1..]], Verbs).Errors.Any(IsWord);
        return Enumerable.Range(0, most).FirstOrDefault(added => !Lacks(added), most);
    }

    private static bool IsWord(Error error) => error is MissingRequiredOptionError { NameInfo.NameText: "" };

    private static string Nearest(string typed, IEnumerable<string> names) =>
        NearestName.Find(typed, names) is { } name ? $", did you mean `{name}`?" : "";

    private static string Name(NameInfo option) =>
        option.ShortName.Length == 0 ? $"--{option.LongName}" : $"-{option.ShortName}/--{option.LongName}";

    private static IEnumerable<string> OptionNames(string verb) =>
        Verbs.Where(type => VerbName(type) == verb).SelectMany(type => type.GetProperties())
            .SelectMany(property => property.GetCustomAttributes(typeof(OptionAttribute), inherit: true))
            .Select(option => ((OptionAttribute)option).LongName);

    private static string VerbName(Type verb) => UnusedWords.VerbName(verb);
}
