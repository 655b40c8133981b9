using System.Globalization;
using System.Numerics;

namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>Numbers in text headers, read with messages that name file and key.</summary>
internal static class HeaderNumbers
{
    private static readonly char[] Blank = [' ', '\t'];

    /// <summary>Words between blanks.</summary>
    public static string[] Words(string text) => text.Split(Blank, StringSplitOptions.RemoveEmptyEntries);

    /// <summary>A list of whole numbers, of a given length if that is known.</summary>
    public static long[] Whole(string path, string key, string text, int? count = null) =>
        Read<long>(path, key, text, count, NumberStyles.AllowLeadingSign);

    /// <summary>A list of real numbers, of a given length if that is known.</summary>
    public static double[] Real(string path, string key, string text, int? count = null) =>
        Read<double>(path, key, text, count, NumberStyles.Float);

    /// <summary>Numbers as text that reads back exactly.</summary>
    public static string Text(IEnumerable<double> values) =>
        string.Join(' ', values.Select(value => value.ToString("R", CultureInfo.InvariantCulture)));

    private static T[] Read<T>(string path, string key, string text, int? count, NumberStyles style)
        where T : struct, INumberBase<T>
    {
        var words = Words(text);
        var values = new T[words.Length];
        for (var i = 0; i < words.Length; i++)
        {
            if (!T.TryParse(words[i], style, CultureInfo.InvariantCulture, out values[i]))
            {
                throw Wrong(path, key, text, count);
            }
        }

        return count is null || values.Length == count ? values : throw Wrong(path, key, text, count);
    }

    private static SharpSegException Wrong(string path, string key, string text, int? count)
    {
        var shown = text.Length <= 60 ? text : text[..60] + "…";
        return new(
            $"`{path}`: `{key}` is `{shown}`, not {(count is { } n ? Counted.Of(n, "number") : "a list of numbers")}",
            "the header is damaged");
    }
}
