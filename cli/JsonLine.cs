using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace SharpSeg.Cli;

/// <summary>What --json prints: one object on one line of stdout, in UTF-8 on every system (RFC 8259).</summary>
internal static class JsonLine
{
    // No part of a web page: quotes, letters and signs stay as they are.
    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Prints an object.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void Write(JsonObject json)
    {
        using var output = new StreamWriter(
            Console.OpenStandardOutput(), new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
        output.WriteLine(Text(json));
    }

    /// <summary>
    /// An object on one line. Control characters, which only texts can hold, are shown by their code: JSON reads that alike.
    /// </summary>
    private static string Text(JsonObject json) => Readable.Lines(json.ToJsonString(Plain));
}
