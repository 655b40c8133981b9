using System.Text.Json;
using System.Text.Json.Serialization;

namespace SharpSeg.AutoPlanner.Training;

/// <summary>
/// Which of the axes that the plans allow are mirrored, in training and in prediction (docs/method/budget.md). In files: true,
/// "left-right" and false.
/// </summary>
[JsonConverter(typeof(RecipeMirroringJson))]
public enum RecipeMirroring
{
    /// <summary>All, as in nnU-Net.</summary>
    All,

    /// <summary>
    /// The one along which left and right lie: people are nearly symmetric, so that a scan mirrored there looks like another
    /// patient's, which one upside down does not.
    /// </summary>
    LeftRight,

    /// <summary>None, where a network has no time to learn the mirror images, too.</summary>
    None,
}

internal sealed class RecipeMirroringJson : JsonConverter<RecipeMirroring>
{
    public const string LeftRight = "left-right";

    public override RecipeMirroring Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) =>
        reader.TokenType switch
        {
            JsonTokenType.True => RecipeMirroring.All,
            JsonTokenType.False => RecipeMirroring.None,
            JsonTokenType.String when reader.GetString() == LeftRight => RecipeMirroring.LeftRight,
            _ => throw new JsonException($"mirroring is neither true, false nor \"{LeftRight}\""),
        };

    public override void Write(Utf8JsonWriter writer, RecipeMirroring value, JsonSerializerOptions options)
    {
        if (value == RecipeMirroring.LeftRight)
        {
            writer.WriteStringValue(LeftRight);
        }
        else
        {
            writer.WriteBooleanValue(value == RecipeMirroring.All);
        }
    }
}
