using SharpSeg.AutoPlanner.Imaging;

namespace SharpSeg.AutoPlanner.Imaging.Pictures;

/// <summary>An entry of the legend: a colour, or none, and words.</summary>
/// <param name="Label">The label whose colour it explains; 0 for a line without a colour.</param>
/// <param name="Words">What it is, and how good.</param>
internal readonly record struct LegendEntry(int Label, string Words);

/// <summary>
/// A picture of one case as a file: image, reference and prediction side by side, one row per direction, labels as coloured
/// outlines with a light fill; the patient's sides, and a legend.
/// </summary>
internal static class OverlayPicture
{
    private const int Tile = 300, Gap = 10, RowHead = 24, Title = 38, LegendLine = 22, Swatch = 11, Outline = 2; // pixels
    private const double FillOpacity = 0.25, OutlineOpacity = 0.95;

    private static readonly Rgb Paper = new(252, 252, 251), Ink = new(28, 31, 35), Soft = new(93, 100, 109);
    private static readonly string[] Columns = ["image", "reference", "prediction"];

    /// <summary>Writes the picture.</summary>
    /// <param name="path">PNG file.</param>
    /// <param name="title">First line.</param>
    /// <param name="voxels">The case.</param>
    /// <param name="legend">Below the slices.</param>
    /// <exception cref="SharpSegException">The file cannot be written.</exception>
    public static void Write(string path, string title, CaseVoxels voxels, IReadOnlyList<LegendEntry> legend)
    {
        var planes = voxels.Planes;
        var width = (3 * Tile) + (4 * Gap);
        var rows = LegendRows(legend, width - (2 * Gap));
        var canvas = new Canvas(width, Title + (planes.Count * (RowHead + Tile)) + Gap + (rows.Count * LegendLine) + Gap, Paper);
        canvas.Text(Gap, 14, title, Ink, 11.5, isBold: true);
        var window = voxels.Window();
        var top = Title;
        foreach (var plane in planes)
        {
            canvas.Text(Gap, top + 7, plane.ToString(), Soft);
            top += RowHead;
            for (var column = 0; column < Columns.Length; column++)
            {
                var left = Gap + (column * (Tile + Gap));
                var labels = column switch { 0 => null, 1 => voxels.Reference.Voxels, _ => voxels.Prediction };
                canvas.FillRect(left, top, Tile, Tile, Rgb.Black);
                Draw(canvas, left, top, plane, voxels.Image, window, labels);
                Sides(canvas, left, top, plane);
                canvas.Text(left + 6, top + 6, Columns[column], Rgb.White);
            }

            top += Tile;
        }

        top += Gap;
        foreach (var row in rows)
        {
            double left = Gap;
            foreach (var entry in row)
            {
                if (entry.Label > 0)
                {
                    canvas.FillRect((int)left, top + 5, Swatch, Swatch, LabelPalette.Of(entry.Label));
                    canvas.Rect((int)left, top + 5, Swatch, Swatch, Ink);
                    left += Swatch + 6;
                }

                canvas.Text(left, top + 6, entry.Words, Ink);
                left += Canvas.TextWidth(entry.Words) + (2 * Gap);
            }

            top += LegendLine;
        }

        canvas.SavePng(path);
    }

    private static List<List<LegendEntry>> LegendRows(IReadOnlyList<LegendEntry> legend, double width)
    {
        var rows = new List<List<LegendEntry>>();
        var used = double.PositiveInfinity;
        foreach (var entry in legend)
        {
            var need = Swatch + 6 + Canvas.TextWidth(entry.Words) + (2 * Gap);
            if (used + need > width)
            {
                rows.Add([]);
                used = 0;
            }

            rows[^1].Add(entry);
            used += need;
        }

        return rows;
    }

    private static void Draw(
        Canvas canvas, int left, int top, SlicePlane plane, ShownImage? image, (float Low, float High) window, short[]? labels)
    {
        var scale = Tile / Math.Max(plane.HeightMm, plane.WidthMm);
        int height = Math.Max(1, (int)(plane.HeightMm * scale)), width = Math.Max(1, (int)(plane.WidthMm * scale));
        int offsetY = top + ((Tile - height) / 2), offsetX = left + ((Tile - width) / 2);
        long At(int y, int x) => plane.Index(
            Math.Clamp(y, 0, height - 1) * plane.Rows / height, Math.Clamp(x, 0, width - 1) * plane.Columns / width);
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                var here = At(y, x);
                var value = image is null ? 0 : (image[here] - window.Low) / (window.High - window.Low);
                var grey = Rgb.Grey((byte)(float.IsNaN(value) ? 0 : 255 * Math.Clamp(value, 0, 1)));
                canvas.Blend(offsetX + x, offsetY + y, grey, 1);
                if (labels is not null && labels[here] is > 0 and var label)
                {
                    var isEdge = labels[At(y - Outline, x)] != label || labels[At(y + Outline, x)] != label
                        || labels[At(y, x - Outline)] != label || labels[At(y, x + Outline)] != label;
                    canvas.Blend(offsetX + x, offsetY + y, LabelPalette.Of(label), isEdge ? OutlineOpacity : FillOpacity);
                }
            }
        }
    }

    private static void Sides(Canvas canvas, int left, int top, SlicePlane plane)
    {
        void Letter(double x, double y, string side)
        {
            // A dark rim keeps the letter readable on any grey.
            var start = x - (Canvas.TextWidth(side) / 2);
            canvas.Text(start, y, side, Rgb.Black, isBold: true, capHeight: 10.5);
            canvas.Text(start, y + 0.5, side, Rgb.White);
        }

        Letter(left + 9, top + (Tile / 2) - 4, plane.Left);
        Letter(left + Tile - 9, top + (Tile / 2) - 4, plane.Right);
        Letter(left + (Tile / 2), top + 6, plane.Top);
        Letter(left + (Tile / 2), top + Tile - 16, plane.Bottom);
    }
}
