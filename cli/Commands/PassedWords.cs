using System.Collections;
using System.Globalization;
using CommandLine;

namespace SharpSeg.Cli.Commands;

/// <summary>
/// Options of one verb that another one has under the same name, as words for its command line: whatever both have is passed on,
/// so that none is forgotten.
/// </summary>
internal static class PassedWords
{
    /// <summary>The words of what was asked for and is not the default.</summary>
    /// <param name="options">What was typed.</param>
    /// <param name="verb">Options of the verb that gets the words.</param>
    /// <param name="except">Long names that are not passed on, because the words that are there already say it.</param>
    public static IReadOnlyList<string> Of(object options, Type verb, params ReadOnlySpan<string> except)
    {
        var known = UnusedWords.Options(verb).Select(pair => pair.Option.LongName).Except(except.ToArray())
            .ToHashSet(StringComparer.Ordinal);
        List<string> words = [];
        var own = UnusedWords.Options(options.GetType());
        foreach (var (property, option) in own.Where(pair => known.Contains(pair.Option.LongName)))
        {
            var value = property.GetValue(options);
            string? text = value switch
            {
                null or false => null,
                true => "",
                string given => given,
                IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
                IEnumerable list => string.Join(option.Separator, list.Cast<object>()) is { Length: > 0 } joined ? joined : null,
                _ => throw new NotSupportedException($"--{option.LongName} cannot be passed on"),
            };
            if (text is not null && !Equals(value, option.Default))
            {
                words.AddRange(value is true ? [$"--{option.LongName}"] : [$"--{option.LongName}", text]);
            }
        }

        return words;
    }

    /// <summary>What the other verb understands by the words.</summary>
    /// <exception cref="UsageException">It does not.</exception>
    public static T Understood<T>(IReadOnlyList<string> words)
    {
        using var parser = new Parser(settings => settings.HelpWriter = null);
        return parser.ParseArguments<T>(words.Skip(1)) is Parsed<T> { Value: var options }
            ? options
            : throw new UsageException($"`{string.Join(' ', words)}` cannot be understood");
    }
}
