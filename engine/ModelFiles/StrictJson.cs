using System.Text.Json;
using System.Text.Unicode;

namespace SharpSeg.Engine.ModelFiles;

/// <summary>What no parser checks by itself, for every JSON that is read: headers of model files and whole files.</summary>
public static class StrictJson
{
    /// <summary>
    /// Refuses a key that occurs twice in an object, since nobody can say which one counts, and texts that are no Unicode, whose
    /// first use would fail: bytes that are not UTF-8, and half of a surrogate pair, which valid JSON can escape as \ud800. The
    /// parsers could refuse keys themselves, but ask OpenSSL for a random number then, which a machine may not have.
    /// </summary>
    /// <param name="utf8">The JSON.</param>
    /// <param name="options">Whether comments and trailing commas are read.</param>
    /// <exception cref="JsonException">It is not JSON, or one of these.</exception>
    public static void Require(ReadOnlySpan<byte> utf8, JsonReaderOptions options = default)
    {
        var keys = new Stack<HashSet<string>>();
        var reader = new Utf8JsonReader(utf8, options);
        while (reader.Read())
        {
            switch (reader.TokenType)
            {
                case JsonTokenType.StartObject:
                    keys.Push(new HashSet<string>(StringComparer.Ordinal));
                    break;
                case JsonTokenType.EndObject:
                    keys.Pop();
                    break;
                case JsonTokenType.PropertyName when Text(reader) is var key && !keys.Peek().Add(key):
                    throw new JsonException($"the key `{key}` occurs twice");
                case JsonTokenType.String when reader.ValueIsEscaped || !Utf8.IsValid(reader.ValueSpan):
                    Text(reader);
                    break;
            }
        }
    }

    private static string Text(Utf8JsonReader reader)
    {
        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException exception)
        {
            throw new JsonException("a text in it is not valid Unicode", null, null, null, exception);
        }
    }
}
