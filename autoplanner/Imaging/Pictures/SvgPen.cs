using System.Globalization;
using System.Text;

namespace SharpSeg.AutoPlanner.Imaging.Pictures;

/// <summary>
/// Draws a chart as SVG. Colours are left to the page's style sheet (classes <c>grid</c>, <c>word</c>, <c>title</c>,
/// <c>curve c0</c> …), so that one picture serves light and dark pages.
/// </summary>
internal sealed class SvgPen : IChartPen
{
    private const double LetterWidth = 6.3; // of 12 pixel letters, on average; only legends depend on it

    private readonly HtmlText svg = new();

    /// <summary>A chart as an element that scales with the page.</summary>
    /// <param name="chart">What to draw.</param>
    /// <param name="width">Units, about pixels on a wide screen.</param>
    /// <param name="height">Units.</param>
    /// <param name="words">What is to be seen, for those who do not see it.</param>
    public static HtmlText Draw(Chart chart, double width, double height, string words)
    {
        var pen = new SvgPen();
        chart.Draw(pen, 0, 0, width, height);
        var element = new HtmlText();
        element.Add($"<svg class=\"chart\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{words}\">");
        return element.Add(pen.svg).Add($"</svg>");
    }

    /// <inheritdoc/>
    public void Grid(double x0, double y0, double x1, double y1) =>
        svg.Add($"<path class=\"grid\" d=\"M{x0:0.#} {y0:0.#}L{x1:0.#} {y1:0.#}\"/>");

    /// <inheritdoc/>
    public void Word(double x, double y, TextAnchor anchor, string word, bool isTitle = false)
    {
        var at = anchor switch { TextAnchor.Start => "start", TextAnchor.Middle => "middle", _ => "end" };
        svg.Add(
            $"<text class=\"{(isTitle ? "title" : "word")}\" x=\"{x:0.#}\" y=\"{y + 4:0.#}\" text-anchor=\"{at}\">{word}</text>");
    }

    /// <inheritdoc/>
    public void Curve(int color, IReadOnlyList<(double X, double Y)> points)
    {
        if (points.Count == 1)
        {
            svg.Add($"<circle class=\"dot c{color}\" cx=\"{points[0].X:0.#}\" cy=\"{points[0].Y:0.#}\" r=\"3\"/>");
        }
        else if (points.Count > 1)
        {
            var path = new StringBuilder();
            foreach (var (x, y) in points)
            {
                path.Append(CultureInfo.InvariantCulture, $"{(path.Length == 0 ? 'M' : 'L')}{x:0.#} {y:0.#}");
            }

            svg.Add($"<path class=\"curve c{color}\" d=\"{path.ToString()}\"/>");
        }
    }

    /// <inheritdoc/>
    public double WidthOf(string word) => LetterWidth * word.Length;
}
