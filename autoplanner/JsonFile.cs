using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using SharpSeg.Engine.ModelFiles;

namespace SharpSeg.AutoPlanner;

/// <summary>
/// One object of a JSON file that a user may have edited. Every accessor names the file, the path of the key and what it found,
/// so that a bad value is one clear line and never a stack trace.
/// </summary>
/// <param name="Source">The file, for messages.</param>
/// <param name="Path">Where this object lies in it, e.g. `configurations.2d`; empty at the top.</param>
/// <param name="Node">The object itself.</param>
public sealed record JsonFile(string Source, string Path, JsonObject Node)
{
    /// <summary>The longest file accepted, in bytes: fingerprints of 100,000 cases stay below it.</summary>
    public const long MaximumBytes = 64L << 20;

    /// <summary>
    /// Comments and trailing commas are read. A key that occurs twice is an error, since nobody can say which one counts.
    /// </summary>
    internal static readonly JsonDocumentOptions Tolerant = new()
    {
        AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip,
    };

    private static readonly JsonReaderOptions TolerantReader = new()
    {
        AllowTrailingCommas = Tolerant.AllowTrailingCommas, CommentHandling = Tolerant.CommentHandling,
    };

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private static readonly JsonSerializerOptions Indented =
        new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Reads a file whose top is an object.</summary>
    /// <exception cref="SharpSegException">Missing, too large, not JSON, or not an object.</exception>
    public static JsonFile Read(string path) => Parse(ReadText(path), path);

    /// <summary>Reads a text whose top is an object; <paramref name="source"/> names it in messages.</summary>
    /// <exception cref="SharpSegException">Not JSON, or not an object.</exception>
    public static JsonFile Parse(string text, string source) => ParseNode(text, source) is JsonObject root
        ? new JsonFile(source, "", root)
        : throw new SharpSegException($"{source}: expected a JSON object at the top");

    /// <summary>Any JSON value of a text.</summary>
    /// <exception cref="SharpSegException">It is not JSON, has a key twice, or a string that is not valid Unicode.</exception>
    public static JsonNode? ParseNode(string text, string source) =>
        Parse(text, source, json => JsonNode.Parse(json, documentOptions: Tolerant));

    /// <summary>
    /// Parses with whatever parser, after the checks that none of them makes; their exceptions become one line.
    /// </summary>
    /// <exception cref="SharpSegException">It is not JSON, has a key twice, or a string that is not valid Unicode.</exception>
    internal static T Parse<T>(string text, string source, Func<string, T> parse)
    {
        try
        {
            StrictJson.Require(Strict.GetBytes(text), TolerantReader);
            return parse(text);
        }
        catch (JsonException exception)
        {
            var where = exception.LineNumber is { } line
                ? $" (line {line + 1}, character {exception.BytePositionInLine + 1})"
                : "";
            var reason = exception.Message.Split(" Path: ")[0].Split(" LineNumber: ")[0];
            throw new SharpSegException(
                $"{source}: not valid JSON{where}: {reason}", "correct the file, or write it again", exception);
        }
        catch (EncoderFallbackException exception)
        {
            throw new SharpSegException(
                $"{source}: a string in it is not valid Unicode", "correct the file, or write it again", exception);
        }
    }

    /// <summary>A file's text.</summary>
    /// <exception cref="SharpSegException">Missing, empty, too large or unreadable.</exception>
    public static string ReadText(string path) => ReadText(path, MaximumBytes);

    /// <summary>The text of a file that may be larger, or must be smaller, than most.</summary>
    internal static string ReadText(string path, long maximumBytes)
    {
        try
        {
            var file = new FileInfo(path);
            if (!file.Exists)
            {
                throw new SharpSegException($"{path}: {(Directory.Exists(path) ? "a folder, not a file" : "no such file")}");
            }

            if (file.Length == 0 || file.Length > maximumBytes)
            {
                throw new SharpSegException(file.Length == 0
                    ? $"{path}: the file is empty, or it is a pipe or a device"
                    : $"{path}: {file.Length} bytes of JSON, the limit is {maximumBytes}");
            }

            using var reader = new StreamReader(path, Strict, detectEncodingFromByteOrderMarks: true);
            return reader.ReadToEnd();
        }
        catch (DecoderFallbackException exception)
        {
            throw new SharpSegException(
                $"{path}: not a text file: its bytes are not UTF-8", "write it again as UTF-8", exception);
        }
        catch (Exception exception)
            when (exception is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new SharpSegException($"{path}: cannot be read: {exception.Message}", null, exception);
        }
    }

    /// <summary>Indented text of a node, with a final newline.</summary>
    public static string ToText(JsonNode node) => node.ToJsonString(Indented) + "\n";

    /// <summary>Whether the key is there and not null.</summary>
    public bool Has(string key) => Node[key] is not null;

    /// <summary>A text, or null if the key is absent or null.</summary>
    public string? Text(string key) => Node[key] is { } node ? TextOf(node, key) : null;

    /// <summary>A text that must be there.</summary>
    public string RequiredText(string key) => TextOf(Required(key), key);

    /// <summary>A whole number that must be there; 18.0 counts as whole.</summary>
    public int RequiredInt(string key) => IntOf(Required(key), key);

    /// <summary>A whole number beyond 32 bits that must be there.</summary>
    public long RequiredLong(string key)
    {
        var number = RequiredNumber(key);
        return number == Math.Truncate(number) && Math.Abs(number) <= 1L << 53
            ? (long)number
            : throw Wrong(key, "a whole number");
    }

    /// <summary>A finite number that must be there.</summary>
    public double RequiredNumber(string key) => NumberOf(Required(key), key);

    /// <summary>A finite number, or null if the key is absent or null.</summary>
    public double? Number(string key) => Node[key] is { } node ? NumberOf(node, key) : null;

    /// <summary>True or false, or null if the key is absent or null.</summary>
    public bool? Flag(string key) => Node[key] is { } node ? FlagOf(node, key) : null;

    /// <summary>An object that must be there.</summary>
    public JsonFile RequiredObject(string key) => Required(key) is JsonObject inner
        ? new JsonFile(Source, Join(key), inner)
        : throw Wrong(key, "an object");

    /// <summary>An object, or null if the key is absent or null.</summary>
    public JsonFile? OptionalObject(string key) => Has(key) ? RequiredObject(key) : null;

    /// <summary>A list of objects that must be there.</summary>
    public IReadOnlyList<JsonFile> RequiredObjects(string key) =>
    [
        .. RequiredArray(key)
        .Select(
            (node, i) => node is JsonObject inner
                ? new JsonFile(Source, $"{Join(key)}[{i}]", inner)
                : throw Wrong(key, "a list of objects")),
    ];

    /// <summary>A list of texts that must be there.</summary>
    public string[] RequiredTexts(string key) => [.. RequiredArray(key).Select(node => TextOf(node, key))];

    /// <summary>A list of whole numbers that must be there.</summary>
    public int[] RequiredInts(string key) => [.. RequiredArray(key).Select(node => IntOf(node, key))];

    /// <summary>A list of finite numbers that must be there.</summary>
    public double[] RequiredNumbers(string key) => [.. RequiredArray(key).Select(node => NumberOf(node, key))];

    /// <summary>A list of true and false that must be there.</summary>
    public bool[] RequiredFlags(string key) => [.. RequiredArray(key).Select(node => FlagOf(node, key))];

    /// <summary>A list of lists of texts that must be there.</summary>
    public string[][] RequiredTextRows(string key) =>
        [.. RequiredArray(key).Select(row => RowOf(row, key).Select(node => TextOf(node, key)).ToArray())];

    /// <summary>A list of lists of whole numbers that must be there.</summary>
    public int[][] RequiredIntRows(string key) =>
        [.. RequiredArray(key).Select(row => RowOf(row, key).Select(node => IntOf(node, key)).ToArray())];

    /// <summary>A list of lists of finite numbers that must be there.</summary>
    public double[][] RequiredNumberRows(string key) =>
        [.. RequiredArray(key).Select(row => RowOf(row, key).Select(node => NumberOf(node, key)).ToArray())];

    /// <summary>An error about one key of this object.</summary>
    public SharpSegException Error(string key, string problem, string? hint = null) =>
        new($"{Source}: {Join(key)}: {problem}", hint);

    private JsonNode Required(string key) => Node[key] ?? throw Error(key, "missing");

    private JsonArray RequiredArray(string key) => Required(key) as JsonArray ?? throw Wrong(key, "a list");

    private JsonArray RowOf(JsonNode? node, string key) => node as JsonArray ?? throw Wrong(key, "a list of lists");

    private string TextOf(JsonNode? node, string key) =>
        node is JsonValue value && value.TryGetValue<string>(out var text) ? text : throw Wrong(key, "a text", node);

    private bool FlagOf(JsonNode? node, string key) =>
        node is JsonValue value && value.TryGetValue<bool>(out var flag) ? flag : throw Wrong(key, "true or false", node);

    private double NumberOf(JsonNode? node, string key) =>
        node is JsonValue value && value.TryGetValue<double>(out var number) && double.IsFinite(number)
            ? number
            : throw Wrong(key, "a finite number", node);

    private int IntOf(JsonNode? node, string key)
    {
        var number = NumberOf(node, key);
        return number == Math.Truncate(number) && Math.Abs(number) <= int.MaxValue
            ? (int)number
            : throw Wrong(key, "a whole number", node);
    }

    private SharpSegException Wrong(string key, string expected, JsonNode? found = null)
    {
        var text = (found ?? Node[key])?.ToJsonString() ?? "null";
        return Error(
            key, string.Create(
                CultureInfo.InvariantCulture, $"expected {expected}, found {(text.Length > 60 ? text[..60] + "…" : text)}"));
    }

    private string Join(string key) => Path.Length == 0 ? key : $"{Path}.{key}";
}
