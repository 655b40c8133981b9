using System.Globalization;
using SharpSeg.AutoPlanner.Imaging;

namespace SharpSeg.AutoPlanner.Training;

/// <summary><c>progress.png</c>: losses and pseudo-Dice over the epochs, to see at a glance whether a network learns.</summary>
internal static class ProgressPlot
{
    private const int Width = 900, PanelHeight = 300, Left = 70, Right = 20, Top = 40, Bottom = 40;
    private static readonly Rgb Ink = new(40, 40, 40), Grid = new(225, 225, 225);
    private static readonly Rgb Blue = new(31, 119, 180), Red = new(214, 39, 40), Green = new(44, 160, 44),
    Pale = new(170, 210, 170);

    public static void Write(string path, TrainingJob job, IReadOnlyList<EpochRecord> records)
    {
        var canvas = new Canvas(Width, 2 * PanelHeight);
        var title = $"{job.Plans.DatasetName}  {job.Configuration.Name}  fold {job.Fold}";
        Panel(canvas, 0, title + ": loss", records.Count,
            [
                new("training", Blue, [.. records.Select(r => (double?)r.TrainLoss)]),
                new("validation", Red, [.. records.Select(r => r.ValidationLoss)]),
            ], null);
        Panel(canvas, PanelHeight, "pseudo-Dice (validation patches)", records.Count,
            [
                new("mean", Pale, [.. records.Select(r => r.MeanPseudoDice)]),
                new("moving average", Green, [.. records.Select(r => r.PseudoDiceAverage)]),
            ], (0, 1));
        canvas.SavePng(path);
    }

    private static void Panel(
        Canvas canvas, int y0, string title, int epochs, IReadOnlyList<Curve> curves, (double Low, double High)? range)
    {
        int plotWidth = Width - Left - Right, plotHeight = PanelHeight - Top - Bottom;
        var (low, high) = range ?? Range(curves);
        double X(double epoch) => Left + (plotWidth * (epochs <= 1 ? 0.5 : epoch / (epochs - 1)));
        double Y(double value) => y0 + Top + (plotHeight * (1 - ((Math.Clamp(value, low, high) - low) / (high - low))));

        canvas.Text(Left, y0 + 12, title, Ink, 2);
        for (var tick = 0; tick <= 4; tick++)
        {
            var value = low + ((high - low) * tick / 4);
            var label = value.ToString("0.00", CultureInfo.InvariantCulture);
            canvas.Line(Left, Y(value), Width - Right, Y(value), Grid);
            canvas.Text(Left - 8 - Canvas.TextWidth(label), (int)Y(value) - 3, label, Ink);
        }

        for (var tick = 0; tick <= 4 && epochs > 1; tick++)
        {
            var epoch = (epochs - 1) * tick / 4;
            var label = epoch.ToString(CultureInfo.InvariantCulture);
            canvas.Text((int)X(epoch) - (Canvas.TextWidth(label) / 2), y0 + PanelHeight - Bottom + 8, label, Ink);
        }

        canvas.Rect(Left, y0 + Top, plotWidth, plotHeight, Ink);
        canvas.Text(Width - Right - Canvas.TextWidth("epoch"), y0 + PanelHeight - Bottom + 22, "epoch", Ink);
        var legend = Width - Right;
        foreach (var curve in curves)
        {
            legend -= Canvas.TextWidth(curve.Name) + 30;
            canvas.FillRect(legend, y0 + 18, 12, 3, curve.Color);
            canvas.Text(legend + 16, y0 + 16, curve.Name, Ink);
            Draw(canvas, curve, X, Y);
        }
    }

    private static void Draw(Canvas canvas, Curve curve, Func<double, double> x, Func<double, double> y)
    {
        (double X, double Y)? previous = null;
        for (var e = 0; e < curve.Values.Count; e++)
        {
            if (curve.Values[e] is not { } value || !double.IsFinite(value))
            {
                continue;
            }

            var point = (X: x(e), Y: y(value));
            var from = previous ?? point;
            canvas.Line(from.X, from.Y, point.X, point.Y, curve.Color, thickness: 2);
            previous = point;
        }
    }

    private static (double Low, double High) Range(IReadOnlyList<Curve> curves)
    {
        double low = double.PositiveInfinity, high = double.NegativeInfinity;
        foreach (var curve in curves)
        {
            foreach (var value in curve.Values)
            {
                if (value is { } v && double.IsFinite(v))
                {
                    low = Math.Min(low, v);
                    high = Math.Max(high, v);
                }
            }
        }

        return low > high ? (-1, 1) : high - low < 0.1 ? (low - 0.05, high + 0.05) : (low, high);
    }

    private sealed record Curve(string Name, Rgb Color, IReadOnlyList<double?> Values);
}
