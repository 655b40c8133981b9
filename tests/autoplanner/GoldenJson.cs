using System.Text.Json;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Tests;

/// <summary>Reads the arrays of golden JSON files: {shape, dtype, data in C order}, with NaN and Infinity as strings.</summary>
public static class GoldenJson
{
    public static JsonElement Read(params string[] parts)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(SharedFolder.At(["golden", .. parts])));
        return document.RootElement.Clone();
    }

    /// <summary>The rows of a golden file, whose number must be as expected: a loop over nothing proves nothing.</summary>
    public static IReadOnlyList<JsonElement> Rows(string file, int whole, int excerpt) =>
        Rows(Read("functions", file), whole, excerpt);

    /// <inheritdoc cref="Rows(string, int, int)"/>
    public static IReadOnlyList<JsonElement> Rows(JsonElement array, int whole, int excerpt)
    {
        JsonElement[] rows = [.. array.EnumerateArray()];
        Xunit.Assert.Equal(SharedFolder.Rows(whole, excerpt), rows.Length);
        return rows;
    }

    public static int[] ShapeOf(JsonElement array) =>
        [.. array.GetProperty("shape").EnumerateArray().Select(size => size.GetInt32())];

    /// <summary>The last three axes; missing ones are 1.</summary>
    public static Extent ExtentOf(JsonElement array)
    {
        int[] shape = [1, 1, .. ShapeOf(array)];
        return new Extent(shape[^3], shape[^2], shape[^1]);
    }

    public static float[] Floats(JsonElement array) => [.. Numbers(array).Select(value => (float)value)];

    public static short[] Labels(JsonElement array) => [.. Numbers(array).Select(value => (short)value)];

    public static bool[] Mask(JsonElement array) => [.. Numbers(array).Select(value => value != 0)];

    public static double Number(JsonElement value) => value.ValueKind == JsonValueKind.String
        ? double.Parse(value.GetString()!, System.Globalization.CultureInfo.InvariantCulture)
        : value.ValueKind is JsonValueKind.True or JsonValueKind.False ? (value.GetBoolean() ? 1 : 0) : value.GetDouble();

    private static IEnumerable<double> Numbers(JsonElement array) => array.GetProperty("data").EnumerateArray().Select(Number);
}
