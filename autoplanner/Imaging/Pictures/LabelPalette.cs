using SharpSeg.AutoPlanner.Imaging;

namespace SharpSeg.AutoPlanner.Imaging.Pictures;

/// <summary>
/// Colours of labels over grey images, the same in every picture. The first eight are told apart also by most people who do not
/// see red and green (Okabe and Ito 2008, with black replaced); further ones go round the circle of hues by the golden angle.
/// </summary>
internal static class LabelPalette
{
    private const double GoldenAngle = 137.508; // degrees

    private static readonly Rgb[] First =
    [
        new(230, 159, 0), new(86, 180, 233), new(0, 178, 125), new(240, 228, 66), new(30, 130, 220), new(235, 100, 20),
        new(215, 130, 180), new(200, 60, 70),
    ];

    /// <summary>Colour of a label; 1 is the first foreground label.</summary>
    public static Rgb Of(int label) => label <= First.Length ? First[Math.Max(0, label - 1)] : Hue(label * GoldenAngle % 360);

    /// <summary>As in style sheets, e.g. #e69f00.</summary>
    public static string Css(int label) => Of(label) is var (r, g, b) ? $"#{r:x2}{g:x2}{b:x2}" : "";

    private static Rgb Hue(double degrees)
    {
        // HSL with saturation 0.75, lightness 0.55: bright on grey.
        const double lightness = 0.55, chroma = 0.75 * (1 - ((2 * lightness) - 1));
        byte Channel(double shift)
        {
            var k = (shift + (degrees / 30)) % 12;
            return (byte)Math.Round(255 * (lightness - (chroma / 2 * Math.Max(-1, Math.Min(Math.Min(k - 3, 9 - k), 1)))));
        }

        return new(Channel(0), Channel(8), Channel(4));
    }
}
