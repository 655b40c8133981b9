using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text;

namespace SharpSeg.AutoPlanner.Imaging.Pictures;

/// <summary>
/// HTML or SVG under construction. Whatever stands in braces is escaped, because names come out of files; only another
/// <see cref="HtmlText"/> goes in as it is. Numbers are written alike on every machine.
/// </summary>
internal sealed class HtmlText
{
    private readonly StringBuilder text = new();

    /// <summary>Appends markup, its holes escaped.</summary>
    public HtmlText Add([InterpolatedStringHandlerArgument("")] ref Markup markup)
    {
        _ = markup;
        return this;
    }

    /// <summary>Appends another piece.</summary>
    public HtmlText Add(HtmlText piece)
    {
        text.Append(piece.text);
        return this;
    }

    /// <summary>A piece of markup, its holes escaped.</summary>
    public static HtmlText Of(FormattableString markup)
    {
        var piece = new HtmlText();
        piece.text.Append(string.Format(Escaping.Instance, markup.Format, markup.GetArguments()));
        return piece;
    }

    /// <summary>Text without any markup.</summary>
    public static HtmlText Plain(string words)
    {
        var piece = new HtmlText();
        piece.text.Append(WebUtility.HtmlEncode(words));
        return piece;
    }

    /// <summary>Our own text with `code` in backquotes, which becomes an element.</summary>
    public static HtmlText Prose(string words)
    {
        var piece = new HtmlText();
        var parts = words.Split('`');
        for (var i = 0; i < parts.Length; i++)
        {
            // An odd backquote at the end opens nothing.
            var isCode = i % 2 == 1 && i < parts.Length - 1;
            piece.text.Append(isCode ? "<code>" : i % 2 == 1 ? "`" : "")
                .Append(WebUtility.HtmlEncode(parts[i])).Append(isCode ? "</code>" : "");
        }

        return piece;
    }

    /// <inheritdoc/>
    public override string ToString() => text.ToString();

    /// <summary>The holes of an <see cref="Add(ref Markup)"/>.</summary>
    [InterpolatedStringHandler]
    public readonly ref struct Markup
    {
        private readonly StringBuilder text;

        /// <summary>Called by the compiler.</summary>
        public Markup(int literals, int holes, HtmlText page)
        {
            _ = (literals, holes);
            text = page.text;
        }

        /// <summary>Markup.</summary>
        public void AppendLiteral(string markup) => text.Append(markup);

        /// <summary>A hole.</summary>
        public void AppendFormatted<T>(T value, string? format = null) =>
            text.Append(Escaping.Instance.Format(format, value, null));
    }

    private sealed class Escaping : IFormatProvider, ICustomFormatter
    {
        public static Escaping Instance { get; } = new();

        public object? GetFormat(Type? formatType) => formatType == typeof(ICustomFormatter) ? this : null;

        public string Format(string? format, object? value, IFormatProvider? provider) => value switch
        {
            null => "",
            HtmlText piece => piece.ToString(),
            IFormattable number => WebUtility.HtmlEncode(number.ToString(format, CultureInfo.InvariantCulture)),
            _ => WebUtility.HtmlEncode(value.ToString() ?? ""),
        };
    }
}
