using System.Globalization;
using System.Text;

namespace SharpSeg.Cli;

/// <summary>
/// Text on its way to a terminal. Names and values come out of files that anybody may have written: control characters, which
/// could move the cursor or forge a message, are shown as their code, and a line stays short enough to be read.
/// </summary>
internal static class Readable
{
    private const int MostCharacters = 400;

    /// <summary>One line; line breaks are shown as code, too.</summary>
    public static string Line(string text) => Short(Shown(text));

    /// <summary>Several lines, each made readable separately.</summary>
    public static string Lines(string text) => string.Join('\n', text.ReplaceLineEndings("\n").Split('\n').Select(Shown));

    // The middle goes: the beginning names the file, the end the value.
    private static string Short(string text)
    {
        if (text.Length <= MostCharacters)
        {
            return text;
        }

        const int Head = MostCharacters * 3 / 4, Tail = MostCharacters - Head;
        return $"{text[..Head]} … {text[^Tail..]}";
    }

    private static string Shown(string text)
    {
        if (!text.Any(IsHidden))
        {
            return text;
        }

        var shown = new StringBuilder(text.Length + 16);
        foreach (var letter in text)
        {
            if (IsHidden(letter))
            {
                shown.Append(CultureInfo.InvariantCulture, $"\\u{(int)letter:x4}");
            }
            else
            {
                shown.Append(letter);
            }
        }

        return shown.ToString();
    }

    // Control characters, and the format characters that turn the direction of text or hide in it.
    private static bool IsHidden(char letter) =>
        char.GetUnicodeCategory(letter) is UnicodeCategory.Control or UnicodeCategory.Format
        or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
}
