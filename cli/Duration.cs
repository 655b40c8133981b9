using System.Globalization;

namespace SharpSeg.Cli;

/// <summary>Reads times as people write them: 90s, 30m, 2h, 1h30m.</summary>
internal static class Duration
{
    /// <summary>Parses a positive time.</summary>
    /// <exception cref="UsageException">The text is not a time.</exception>
    public static TimeSpan Parse(string text, string option)
    {
        var total = TimeSpan.Zero;
        var start = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (char.IsAsciiDigit(text[i]) || text[i] == '.')
            {
                continue;
            }

            if (!double.TryParse(text.AsSpan(start, i - start), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value))
            {
                throw Wrong(text, option);
            }

            total += char.ToLowerInvariant(text[i]) switch
            {
                'd' => TimeSpan.FromDays(value),
                'h' => TimeSpan.FromHours(value),
                'm' => TimeSpan.FromMinutes(value),
                's' => TimeSpan.FromSeconds(value),
                _ => throw Wrong(text, option),
            };
            start = i + 1;
        }

        return start == text.Length && total > TimeSpan.Zero ? total : throw Wrong(text, option);
    }

    private static UsageException Wrong(string text, string option) =>
        new($"{option} {text}: not a time", "write it like 90s, 30m, 2h or 1h30m");
}
