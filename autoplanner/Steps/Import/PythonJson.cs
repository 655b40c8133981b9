using System.Text;

namespace SharpSeg.AutoPlanner.Steps.Import;

/// <summary>
/// JSON as Python's json module writes it: with <c>NaN</c>, <c>Infinity</c> and <c>-Infinity</c>, which no other parser takes.
/// nnU-Net's scores hold them for classes that no case has.
/// </summary>
internal static class PythonJson
{
    private static readonly string[] NoNumbers = ["NaN", "-Infinity", "Infinity"];

    /// <summary>Reads a file; what is no number becomes null.</summary>
    /// <exception cref="SharpSegException">Missing, too large, or not JSON.</exception>
    public static JsonFile Read(string path) => JsonFile.Parse(WithoutNaN(JsonFile.ReadText(path)), path);

    private static string WithoutNaN(string text)
    {
        var result = new StringBuilder(text.Length);
        var inString = false;
        for (var at = 0; at < text.Length;)
        {
            var start = at;
            if (!inString && Array.Find(
                NoNumbers, token => string.CompareOrdinal(text, start, token, 0, token.Length) == 0) is { } token)
            {
                result.Append("null");
                at += token.Length;
                continue;
            }

            // An escaped quote does not end a text.
            var length = inString && text[at] == '\\' && at + 1 < text.Length ? 2 : 1;
            inString ^= text[at] == '"';
            result.Append(text, at, length);
            at += length;
        }

        return result.ToString();
    }
}
