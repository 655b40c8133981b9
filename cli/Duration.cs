using System.Globalization;

namespace SharpSeg.Cli;

/// <summary>Parses durations as people write them: 90s, 30m, 2h, 1h30m.</summary>
internal static class Duration
{
    private static readonly TimeSpan Longest = TimeSpan.FromDays(10_000); // far beyond any use, far below what TimeSpan holds

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

            if (!double.TryParse(
                text.AsSpan(start, i - start), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value))
            {
                throw Wrong(text, option);
            }

            var unit = char.ToLowerInvariant(text[i]) switch
            {
                'd' => TimeSpan.FromDays(1),
                'h' => TimeSpan.FromHours(1),
                'm' => TimeSpan.FromMinutes(1),
                's' => TimeSpan.FromSeconds(1),
                _ => throw Wrong(text, option),
            };
            if (value > (Longest - total) / unit)
            {
                throw Wrong(text, option);
            }

            total += value * unit;
            start = i + 1;
        }

        return start == text.Length && total > TimeSpan.Zero ? total : throw Wrong(text, option);
    }

    private static UsageException Wrong(string text, string option) =>
        new($"{option} {text}: not a time", "write it like 90s, 30m, 2h or 1h30m");
}
