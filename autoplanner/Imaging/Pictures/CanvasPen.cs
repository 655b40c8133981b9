using SharpSeg.AutoPlanner.Imaging;

namespace SharpSeg.AutoPlanner.Imaging.Pictures;

/// <summary>Draws a chart as pixels on white.</summary>
internal sealed class CanvasPen(Canvas canvas) : IChartPen
{
    private const double Thickness = 2, TitleHeight = 10.5; // pixels

    private static readonly Rgb Ink = new(28, 31, 35), Soft = new(93, 100, 109), GridLine = new(217, 220, 223);

    private static readonly Rgb[] Colors =
        [new(23, 102, 179), new(194, 65, 12), new(156, 184, 166), new(13, 122, 79)];

    /// <inheritdoc/>
    public void Grid(double x0, double y0, double x1, double y1) => canvas.Line(x0, y0, x1, y1, GridLine);

    /// <inheritdoc/>
    public void Word(double x, double y, TextAnchor anchor, string word, bool isTitle = false)
    {
        var height = isTitle ? TitleHeight : Canvas.TextHeight;
        var width = Canvas.TextWidth(word, height);
        var left = anchor switch { TextAnchor.Start => x, TextAnchor.Middle => x - (width / 2), _ => x - width };
        canvas.Text(left, y - (height / 2), word, isTitle ? Ink : Soft, height, isBold: isTitle);
    }

    /// <inheritdoc/>
    public void Curve(int color, IReadOnlyList<(double X, double Y)> points)
    {
        for (var i = Math.Min(1, points.Count - 1); i >= 0 && i < points.Count; i++)
        {
            var from = points[Math.Max(0, i - 1)];
            canvas.Line(from.X, from.Y, points[i].X, points[i].Y, Colors[color], points.Count == 1 ? 3 * Thickness : Thickness);
        }
    }

    /// <inheritdoc/>
    public double WidthOf(string word) => Canvas.TextWidth(word);
}
