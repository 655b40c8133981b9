namespace SharpSeg.AutoPlanner.Imaging.Pictures;

/// <summary>A curve; points without a value are left out.</summary>
/// <param name="Name">In the legend.</param>
/// <param name="Color">Which of the chart's colours, from 0.</param>
/// <param name="Values">One per step; null where there is none.</param>
internal sealed record Curve(string Name, int Color, IReadOnlyList<double?> Values);

/// <summary>What a chart is drawn with: pixels of a picture, or the elements of an SVG.</summary>
internal interface IChartPen
{
    /// <summary>A line of the grid.</summary>
    void Grid(double x0, double y0, double x1, double y1);

    /// <summary>A word; (x, y) is the middle of its height, at its start, middle or end.</summary>
    void Word(double x, double y, TextAnchor anchor, string word, bool isTitle = false);

    /// <summary>A curve through points; one point is a dot.</summary>
    void Curve(int color, IReadOnlyList<(double X, double Y)> points);

    /// <summary>Width of a word.</summary>
    double WidthOf(string word);
}

/// <summary>Which point of a word is placed.</summary>
internal enum TextAnchor
{
    /// <summary>Its left end.</summary>
    Start,

    /// <summary>Its middle.</summary>
    Middle,

    /// <summary>Its right end.</summary>
    End,
}

/// <summary>
/// Curves over epochs on one pair of axes, with round numbers at the ticks and a legend in the order of the curves.
/// </summary>
/// <param name="Title">Above the plot.</param>
/// <param name="Curves">What is drawn; later ones lie on top.</param>
/// <param name="Range">Lowest and highest value; null takes those of the curves.</param>
internal sealed record Chart(string Title, IReadOnlyList<Curve> Curves, (double Low, double High)? Range = null)
{
    private const double Left = 52, Right = 14, Top = 44, Bottom = 40, LegendLine = 18, LegendGap = 18;
    private const int WantedTicks = 5;

    /// <summary>Draws it.</summary>
    public void Draw(IChartPen pen, double x0, double y0, double width, double height)
    {
        var steps = Curves.Count == 0 ? 0 : Curves.Max(curve => curve.Values.Count);
        var (low, high) = Range ?? Extremes();
        var ticks = Ticks(low, high, WantedTicks);
        (low, high) = (Math.Min(low, ticks[0]), Math.Max(high, ticks[^1]));
        double plotWidth = width - Left - Right, plotHeight = height - Top - Bottom;
        double X(double epoch) => x0 + Left + (plotWidth * (steps <= 1 ? 0.5 : (epoch - 1) / (steps - 1)));
        double Y(double value) => y0 + Top + (plotHeight * (1 - ((Math.Clamp(value, low, high) - low) / (high - low))));

        pen.Word(x0 + Left, y0 + 10, TextAnchor.Start, Title, isTitle: true);
        foreach (var tick in ticks)
        {
            pen.Grid(x0 + Left, Y(tick), x0 + width - Right, Y(tick));
            pen.Word(x0 + Left - 7, Y(tick), TextAnchor.End, Number(tick, ticks));
        }

        var epochs = steps <= 1 ? [] : Ticks(1, steps, WantedTicks).Where(tick => tick >= 1 && tick <= steps && tick % 1 == 0);
        foreach (var tick in epochs.Prepend(1).Distinct())
        {
            pen.Grid(X(tick), y0 + Top + plotHeight, X(tick), y0 + Top + plotHeight + 4);
            pen.Word(X(tick), y0 + Top + plotHeight + 13, TextAnchor.Middle, $"{(long)tick}");
        }

        pen.Word(x0 + width - Right, y0 + Top + plotHeight + 30, TextAnchor.End, "epoch");
        var legend = x0 + Left;
        foreach (var curve in Curves)
        {
            pen.Curve(curve.Color, [(legend, y0 + 28), (legend + LegendLine, y0 + 28)]);
            pen.Word(legend + LegendLine + 5, y0 + 28, TextAnchor.Start, curve.Name);
            legend += LegendLine + 5 + pen.WidthOf(curve.Name) + LegendGap;
            pen.Curve(curve.Color, Points(curve, X, Y));
        }
    }

    /// <summary>Round numbers (1, 2 or 5 times a power of ten apart) from at most the low to at least the high one.</summary>
    internal static double[] Ticks(double low, double high, int wanted)
    {
        var rough = (high - low) / wanted;
        var power = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        var step = power * ((rough / power) switch { <= 1 => 1, <= 2 => 2, <= 5 => 5, _ => 10 });
        var first = Math.Floor((low / step) + 1e-9);
        var count = (int)Math.Round(Math.Ceiling((high / step) - 1e-9) - first) + 1;

        // Through a decimal, so that 0.30000000000000004 is 0.3.
        return [.. Enumerable.Range(0, count).Select(i => (double)Math.Round((decimal)((first + i) * step), 12))];
    }

    private static string Number(double tick, double[] ticks)
    {
        var step = ticks[1] - ticks[0];
        var decimals = (int)Math.Clamp(Math.Ceiling(-Math.Log10(step) - 1e-9), 0, 6);
        return tick.ToString($"F{decimals}", System.Globalization.CultureInfo.InvariantCulture);
    }

    private static List<(double X, double Y)> Points(Curve curve, Func<double, double> x, Func<double, double> y)
    {
        var points = new List<(double, double)>();
        for (var i = 0; i < curve.Values.Count; i++)
        {
            if (curve.Values[i] is { } value && double.IsFinite(value))
            {
                points.Add((x(i + 1), y(value)));
            }
        }

        return points;
    }

    private (double Low, double High) Extremes()
    {
        double[] values = [.. Curves.SelectMany(curve => curve.Values).OfType<double>().Where(double.IsFinite)];
        if (values.Length == 0)
        {
            return (-1, 1);
        }

        var (low, high) = (values.Min(), values.Max());
        return high - low < 0.1 ? (low - 0.05, high + 0.05) : (low, high);
    }
}
