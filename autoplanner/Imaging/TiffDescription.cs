using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>
/// What the description in a TIFF file says of its pages: how many there are of which kind, channels, slices or points in time.
/// Pages alone are one after the other, so that two channels of five slices would be taken for a volume of ten, and a stack of
/// which only the first page has a directory for a slice. nnU-Net's reader, tifffile, knows three kinds of descriptions: those of
/// ImageJ ("ImageJ=" and lines of names and numbers), OME-XML's <c>Pixels</c>, and its own, an array's shape in JSON.
/// </summary>
internal static partial class TiffDescription
{
    private static readonly JsonDocumentOptions Shallow = new() { MaxDepth = 8 };

    /// <summary>
    /// Says how the pages differ from one channel's slices; null if they do not, or nothing is said that is known.
    /// </summary>
    /// <param name="description">Tag 270 of the first page.</param>
    /// <param name="pages">In the file.</param>
    /// <param name="values">Of a page: pixels times samples.</param>
    /// <param name="samples">Of a pixel, which OME-XML counts as channels.</param>
    public static string? Problem(string description, int pages, long values, int samples)
    {
        var axes = Axes(description, values, samples);
        var said = axes.Aggregate(1.0, (product, axis) => product * axis.Size);
        var several = axes.Where(axis => axis.Size > 1).ToList();
        var told = string.Join(", ", several.Select(axis => $"{axis.Size} {axis.Name}"));

        // Fewer than there are: pages were added by a program that left the description alone.
        return said > pages ? $"by its description it has {told}, but {Counted.Of(pages, "page")}"
            : said == pages && several.Count > 1 ? $"by its description its pages are {told}, not one volume"
            : null;
    }

    private static List<(string Name, int Size)> Axes(string description, long values, int samples)
    {
        if (description.StartsWith("ImageJ=", StringComparison.Ordinal))
        {
            var lines = Sizes(ImageJLine().Matches(description));
            var axes = lines.FindAll(axis => axis.Name != "images"); // of which that is the product, or nothing is said
            return axes.Exists(axis => axis.Size > 1) ? axes : lines;
        }

        if (OmePixels().Match(description) is { Success: true } pixels)
        {
            return
            [
                .. Sizes(OmeSize().Matches(pixels.Value)).Select(axis => axis.Name switch
                {
                    "C" => ("channels", Math.Max(1, axis.Size / samples)),
                    "Z" => ("slices", axis.Size),
                    _ => ("points in time", axis.Size),
                }),
            ];
        }

        return description.StartsWith('{') ? Shape(description, values) : [];
    }

    private static List<(string Name, int Size)> Sizes(MatchCollection matches) =>
    [
        .. matches.Select(match => (
            match.Groups[1].Value,
            int.TryParse(match.Groups[2].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out var size) ? size : 1)),
    ];

    /// <summary>The axes of an array in front of those of a page.</summary>
    private static List<(string Name, int Size)> Shape(string description, long values)
    {
        try
        {
            using var json = JsonDocument.Parse(description, Shallow);
            if (!json.RootElement.TryGetProperty("shape", out var shape) || shape.ValueKind != JsonValueKind.Array)
            {
                return [];
            }

            var axes = new Stack<int>();
            var inPage = Int128.One;
            foreach (var element in shape.EnumerateArray().Reverse())
            {
                if (element.ValueKind != JsonValueKind.Number || !element.TryGetInt32(out var size) || size < 1)
                {
                    return [];
                }

                if (inPage < values)
                {
                    inPage *= size;
                }
                else
                {
                    axes.Push(size);
                }
            }

            return inPage == values ? [.. axes.Select((size, axis) => ($"planes along axis {axis}", size))] : [];
        }
        catch (JsonException)
        {
            return []; // an ordinary text that begins with a brace
        }
    }

    [GeneratedRegex(@"^(images|channels|slices|frames)=(\d+)\r?$", RegexOptions.Multiline)]
    private static partial Regex ImageJLine();

    [GeneratedRegex(@"<(?:\w+:)?Pixels\s[^<>]*>")]
    private static partial Regex OmePixels();

    [GeneratedRegex(@"\sSize([CZT])\s*=\s*[""'](\d+)[""']")]
    private static partial Regex OmeSize();
}
