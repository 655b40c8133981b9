using System.Reflection;
using System.Text.RegularExpressions;
using CommandLine;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Cli.Options;

namespace SharpSeg.Cli;

/// <summary>
/// Refuses what a command line says and the verb would not use, with the form that was probably meant: a word too many could be
/// the configuration or the fold of a training that takes days.
/// </summary>
internal static partial class UnusedWords
{
    /// <summary>
    /// Looks for switches that are given a value; the parser would take <c>--resume=false</c> for <c>--resume</c>.
    /// </summary>
    /// <exception cref="UsageException">There is one.</exception>
    public static void RefuseValuesOfSwitches(Type verb, IEnumerable<string> arguments)
    {
        var switches = Options(verb).Where(pair => pair.Property.PropertyType == typeof(bool))
            .Select(pair => pair.Option.LongName).ToArray();
        foreach (var argument in arguments.TakeWhile(argument => argument != "--"))
        {
            if (Array.Find(switches, name => argument.StartsWith($"--{name}=", StringComparison.Ordinal)) is { } found)
            {
                throw new UsageException($"{argument}: --{found} takes no value", $"write --{found}, or leave it out");
            }
        }
    }

    /// <summary>
    /// Looks for options whose value was left out; the parser would go on without the option: <c>train work --max-time</c> would
    /// train the whole schedule.
    /// </summary>
    /// <exception cref="UsageException">There is one.</exception>
    public static void RefuseOptionsWithoutValue(Type verb, IEnumerable<string> arguments)
    {
        string[] own = [.. arguments.TakeWhile(argument => argument != "--")];
        var options = Options(verb).ToArray();
        for (var i = 0; i < own.Length; i++)
        {
            var (property, option) = Array.Find(options, pair => IsBare(pair.Option, own[i]));
            if (option is not null && property.PropertyType != typeof(bool)
                && (i + 1 == own.Length || Array.Exists(options, pair => Starts(pair.Option, own[i + 1]))))
            {
                throw new UsageException($"option {own[i]} needs a value", UsageAndHelp(verb));
            }
        }

        static bool Starts(OptionAttribute option, string word) =>
            IsBare(option, word) || word.StartsWith($"--{option.LongName}=", StringComparison.Ordinal);
    }

    /// <summary>Refuses words that are left over.</summary>
    /// <exception cref="UsageException">There are some; the hint is the command as it was probably meant.</exception>
    public static void Refuse(CommonOptions options, IReadOnlyList<string> arguments)
    {
        string[] words = [.. options.UnusedWords];
        if (words.Length == 0)
        {
            return;
        }

        var verb = options.GetType();
        var meant = new List<string>(arguments);
        foreach (var word in words)
        {
            meant.RemoveAt(meant.LastIndexOf(word));
        }

        foreach (var word in words)
        {
            // A second fold or input belongs to the option that is there already; anything else has no place.
            if (Likely(verb, word) is { } option && !Given(option, arguments))
            {
                meant.AddRange([$"-{option.ShortName}", word]);
            }
        }

        var list = string.Join(" and ", words.Take(3).Select(word => $"`{word}`")) + (words.Length > 3 ? ", …" : "");
        throw new UsageException(
            $"{list}: {(words.Length == 1 ? "a word" : $"{words.Length} words")} too many for `{arguments[0]}`",
            $"did you mean `sharpseg {string.Join(' ', meant)}`? {Usage(verb)}");
    }

    /// <summary>What to write instead of an option that is given twice.</summary>
    public static string Joined(Type verb, NameInfo name, IEnumerable<string> arguments)
    {
        var (property, option) = Options(verb).First(pair => pair.Option.LongName == name.LongName);
        var typed = name.ShortName.Length > 0 ? $"-{name.ShortName}" : $"--{name.LongName}";
        if (property.PropertyType == typeof(bool))
        {
            return $"write {typed} once";
        }

        var values = Values(option, arguments).Distinct().ToArray();
        return property.PropertyType == typeof(IEnumerable<string>)
            ? $"write `{typed} {string.Join(option.Separator == ',' ? "," : " ", values)}`"
            : $"it takes one value: {string.Join(" or ", values.Select(value => $"`{typed} {value}`"))}";
    }

    /// <summary>
    /// The command that was probably meant where a word is missing and an option that takes several took it, as in
    /// <c>train -f 0 work</c>.
    /// </summary>
    /// <returns>It, as a hint; null where no option has more words than one.</returns>
    public static string? Swallowed(Type verb, IReadOnlyList<string> arguments)
    {
        var lists = Options(verb).Where(pair => pair.Property.PropertyType == typeof(IEnumerable<string>)).ToArray();
        for (var i = arguments.Count - 1; i > 1; i--)
        {
            var words = arguments.Skip(i).TakeWhile(word => !word.StartsWith('-')).Count();
            if (words > 1 && Array.Exists(lists, pair => IsBare(pair.Option, arguments[i - 1])))
            {
                var (last, option) = (i + words - 1, arguments[i - 1]);
                string[] meant = [arguments[0], arguments[last], .. arguments.Skip(1).Where((_, at) => at + 1 != last)];
                return $"{option} took `{arguments[last]}`, did you mean `sharpseg {string.Join(' ', meant)}`?";
            }
        }

        return null;
    }

    /// <summary>All values of an option, wherever it stands.</summary>
    private static IEnumerable<string> Values(OptionAttribute option, IEnumerable<string> arguments)
    {
        string[] names = option.ShortName.Length > 0 ? [$"--{option.LongName}", $"-{option.ShortName}"] : [$"--{option.LongName}"];
        var here = false;
        foreach (var argument in arguments.TakeWhile(argument => argument != "--"))
        {
            if (Array.Find(names, name => argument.StartsWith(name, StringComparison.Ordinal)) is { } found)
            {
                var value = argument[found.Length..];
                here = value.Length == 0;
                if (!here)
                {
                    yield return value.TrimStart('=');
                }
            }
            else
            {
                here &= argument.Length < 2 || argument[0] != '-';
                if (here)
                {
                    yield return argument;
                }
            }
        }
    }

    /// <summary>A verb with what it needs, e.g. <c>sharpseg predict WORK -i INPUT -o OUTPUT [options]</c>.</summary>
    public static string Usage(Type verb)
    {
        var words = Words(verb).Select(value => value.Required ? value.MetaName : $"[{value.MetaName}]");
        var needed = Options(verb).Where(pair => pair.Option.Required)
            .Select(pair => $"{(pair.Option.ShortName.Length > 0 ? $"-{pair.Option.ShortName}" : $"--{pair.Option.LongName}")} "
                + pair.Option.LongName.ToUpperInvariant());
        return $"usage: sharpseg {string.Join(' ', [VerbName(verb), .. words, .. needed])} [options]";
    }

    /// <summary>The same, and how to see its options.</summary>
    public static string UsageAndHelp(Type verb) =>
        $"{Usage(verb)}; `sharpseg {VerbName(verb)} --help` lists the options";

    /// <summary>The words a verb takes, in order.</summary>
    public static IEnumerable<ValueAttribute> Words(Type verb) => verb.GetProperties()
        .Select(property => property.GetCustomAttribute<ValueAttribute>(inherit: true)).OfType<ValueAttribute>()
        .Where(value => !value.Hidden).OrderBy(value => value.Index);

    /// <summary>The name of a verb.</summary>
    public static string VerbName(Type verb) => verb.GetCustomAttribute<VerbAttribute>()!.Name;

    /// <summary>The options a verb takes.</summary>
    public static IEnumerable<(PropertyInfo Property, OptionAttribute Option)> Options(Type verb) => verb.GetProperties()
        .Select(property => (property, property.GetCustomAttribute<OptionAttribute>(inherit: true)!))
        .Where(pair => pair.Item2 is not null);

    /// <summary>Whether words of a command line have an option, by either name, with its value apart or joined.</summary>
    public static bool Given(OptionAttribute option, IEnumerable<string> arguments) => arguments.Any(argument =>
        argument == $"--{option.LongName}" || argument.StartsWith($"--{option.LongName}=", StringComparison.Ordinal)
        || (
            option.ShortName.Length > 0 && argument.StartsWith($"-{option.ShortName}", StringComparison.Ordinal)
                && !argument.StartsWith("--", StringComparison.Ordinal)));

    /// <summary>Whether a word is an option, its value apart.</summary>
    private static bool IsBare(OptionAttribute option, string word) =>
        word == $"--{option.LongName}" || (option.ShortName.Length > 0 && word == $"-{option.ShortName}");

    /// <summary>The option that a bare word was probably meant for; null if none fits.</summary>
    private static OptionAttribute? Likely(Type verb, string word)
    {
        var name = Splits.IsFold(word) ? "f" : Configuration().IsMatch(word) ? "c" : File.Exists(word) ? "i" : null;
        return name is null ? null : Options(verb).Select(pair => pair.Option).FirstOrDefault(option => option.ShortName == name);
    }

    [GeneratedRegex(@"^[23]d(_\w+)?$")]
    private static partial Regex Configuration();
}
