using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Demo;

/// <summary>
/// A picture of one case for people to look at: for the slice of each axis that shows most foreground, the image, the truth and
/// the prediction side by side, labels as coloured outlines with a light fill.
/// </summary>
internal static class Overlay
{
    private const int Tile = 240, Gap = 8, Header = 22;  // pixels
    private const double FillOpacity = 0.25, OutlineOpacity = 0.95;
    private const double LowPercentile = 0.005, HighPercentile = 0.995; // brightness window

    private static readonly Rgb Paper = new(250, 250, 250), Ink = new(30, 30, 30);
    private static readonly Rgb[] ClassColors =
        [new(230, 75, 53), new(50, 150, 220), new(60, 180, 75), new(245, 190, 40), new(145, 30, 180), new(70, 220, 220),
            new(240, 90, 190)];

    /// <summary>Writes the picture.</summary>
    /// <param name="path">PNG file.</param>
    /// <param name="title">First line.</param>
    /// <param name="image">One channel (z, y, x).</param>
    /// <param name="truth">Reference labels on the same grid.</param>
    /// <param name="prediction">Predicted labels on the same grid.</param>
    /// <param name="extent">Voxels (z, y, x).</param>
    /// <param name="spacing">mm (z, y, x); tiles keep the true proportions.</param>
    public static void Write(
        string path, string title, float[] image, short[] truth, short[] prediction, Extent extent, Spacing spacing)
    {
        var canvas = new Canvas((3 * Tile) + (4 * Gap), Header + (3 * (Tile + Gap)) + Header, Paper);
        canvas.Text(Gap, 6, title, Ink);
        string[] columns = ["image", "truth", "prediction"];
        for (var column = 0; column < 3; column++)
        {
            canvas.Text(Gap + (column * (Tile + Gap)), Header + 4, columns[column], Ink);
        }

        var window = Window(image);
        for (var axis = 0; axis < 3; axis++)
        {
            if (extent[axis] > 1 || axis == 0)
            {
                var slice = new Slice(extent, spacing, axis, LargestSlice(truth, extent, axis));
                var top = (2 * Header) + (axis * (Tile + Gap));
                Draw(canvas, Gap, top, slice, image, window, null);
                Draw(canvas, Gap + Tile + Gap, top, slice, image, window, truth);
                Draw(canvas, Gap + (2 * (Tile + Gap)), top, slice, image, window, prediction);
            }
        }

        canvas.SavePng(path);
    }

    private static void Draw(
        Canvas canvas, int left, int top, Slice slice, float[] image, (float Low, float High) window, short[]? labels)
    {
        var scale = Tile / Math.Max(slice.HeightMm, slice.WidthMm);
        int height = (int)(slice.HeightMm * scale), width = (int)(slice.WidthMm * scale);
        int offsetY = top + ((Tile - height) / 2), offsetX = left + ((Tile - width) / 2);
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                int row = y * slice.Rows / height, column = x * slice.Columns / width;
                var value = (image[slice.Index(row, column)] - window.Low) / (window.High - window.Low);
                var grey = Rgb.Grey((byte)(255 * Math.Clamp(value, 0, 1)));
                canvas.Blend(offsetX + x, offsetY + y, grey, 1);
                var label = labels is null ? 0 : labels[slice.Index(row, column)];
                if (label > 0)
                {
                    var up = (y - 1) * slice.Rows / height;
                    var before = (x - 1) * slice.Columns / width;
                    var down = Math.Min(slice.Rows - 1, (y + 1) * slice.Rows / height);
                    var after = Math.Min(slice.Columns - 1, (x + 1) * slice.Columns / width);
                    var edge = labels![slice.Index(Math.Max(0, up), column)] != label
                        || labels[slice.Index(row, Math.Max(0, before))] != label
                        || labels[slice.Index(down, column)] != label || labels[slice.Index(row, after)] != label;
                    canvas.Blend(
                        offsetX + x, offsetY + y, ClassColors[(label - 1) % ClassColors.Length],
                        edge ? OutlineOpacity : FillOpacity);
                }
            }
        }
    }

    private static int LargestSlice(short[] labels, Extent extent, int axis)
    {
        var counts = new int[extent[axis]];
        var i = 0;
        for (var z = 0; z < extent.Z; z++)
        {
            for (var y = 0; y < extent.Y; y++)
            {
                for (var x = 0; x < extent.X; x++)
                {
                    if (labels[i++] > 0)
                    {
                        counts[axis == 0 ? z : axis == 1 ? y : x]++;
                    }
                }
            }
        }

        var most = counts.Max();
        return most == 0 ? extent[axis] / 2 : Array.IndexOf(counts, most);
    }

    private static (float Low, float High) Window(float[] image)
    {
        var sorted = (float[])image.Clone();
        Array.Sort(sorted);
        var low = sorted[(int)(LowPercentile * (sorted.Length - 1))];
        var high = sorted[(int)(HighPercentile * (sorted.Length - 1))];
        return (low, high > low ? high : low + 1);
    }

    /// <summary>A plane across one axis: rows and columns are the two others, in array order.</summary>
    private readonly record struct Slice(Extent Extent, Spacing Spacing, int Axis, int Position)
    {
        private int RowAxis => Axis == 0 ? 1 : 0;

        private int ColumnAxis => Axis == 2 ? 1 : 2;

        public int Rows => Extent[RowAxis];

        public int Columns => Extent[ColumnAxis];

        public double HeightMm => Rows * Spacing[RowAxis];

        public double WidthMm => Columns * Spacing[ColumnAxis];

        public long Index(int row, int column)
        {
            var p = default(Extent).With(Axis, Position).With(RowAxis, row).With(ColumnAxis, column);
            return (((long)p.Z * Extent.Y) + p.Y) * Extent.X + p.X;
        }
    }
}
