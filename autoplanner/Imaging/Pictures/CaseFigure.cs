using SharpSeg.AutoPlanner.Imaging;

namespace SharpSeg.AutoPlanner.Imaging.Pictures;

/// <summary>A case to look at.</summary>
/// <param name="Reference">What experts drew.</param>
/// <param name="Prediction">What the network found, on the same grid.</param>
internal sealed record CaseVoxels(LabelImage Reference, short[] Prediction)
{
    /// <summary>
    /// One slice per direction: of those that show at least half as much of the reference as the richest one, the one with most
    /// wrong voxels.
    /// </summary>
    public IReadOnlyList<SlicePlane> Planes { get; } = SlicePlane.Through(
        Reference.Geometry, i => Reference.Voxels[i] > 0 ? 1 : 0, i => Reference.Voxels[i] != Prediction[i] ? 1 : 0);

    /// <summary>The image in these planes; null where there is none, which leaves the ground black.</summary>
    public ShownImage? Image { get; init; }

    /// <summary>The values that are shown black and white.</summary>
    public (float Low, float High) Window() => Image?.Window() ?? (0, 1);
}

/// <summary>
/// The slices of a case as SVG in a page: image, reference and prediction side by side, one row per direction. The image is a
/// small picture within the page, the labels are outlines, which stay sharp at any size.
/// </summary>
internal static class CaseFigure
{
    private const int MostPixels = 256; // along an edge; larger slices are averaged down, as the page is read on a screen
    private const int MostEdges = 1 << 15; // between pixels of different labels; a hundred organs have some 20,000
    private static readonly string[] Columns = ["image", "reference", "prediction"];

    /// <summary>The rows of a case.</summary>
    /// <param name="voxels">The case.</param>
    /// <param name="id">Unique in the page: letters, digits and `-`.</param>
    public static HtmlText Rows(CaseVoxels voxels, string id)
    {
        var window = voxels.Window();
        var html = new HtmlText();
        var row = 0;
        foreach (var plane in voxels.Planes)
        {
            html.Add($"<div class=\"plane\"><p class=\"which\">{plane.ToString()}</p><div class=\"tiles\">");
            var image = $"{id}-{row++}";
            for (var column = 0; column < Columns.Length; column++)
            {
                var labels = column switch { 0 => null, 1 => voxels.Reference.Voxels, _ => voxels.Prediction };
                html.Add($"<div class=\"tile\"><span class=\"what\">{Columns[column]}</span>").Add(Sides(plane));
                html.Add(Slice(plane, voxels.Image, window, labels, image, column == 0)).Add($"</div>");
            }

            html.Add($"</div></div>");
        }

        return html;
    }

    private static HtmlText Sides(SlicePlane plane) => plane.Left.Length == 0 ? new HtmlText() : HtmlText.Of(
        $"<b class=\"l\">{plane.Left}</b><b class=\"r\">{plane.Right}</b><b class=\"t\">{plane.Top}</b><b class=\"b\">{plane.Bottom}</b>");

    /// <summary>One slice as a tile: the image with outlines, the patient's sides, and a word.</summary>
    /// <param name="plane">The slice.</param>
    /// <param name="word">At the top left.</param>
    /// <param name="image">Its values; null leaves the ground black.</param>
    /// <param name="window">Values shown black and white.</param>
    /// <param name="labels">Labels on the same grid, or null.</param>
    /// <param name="id">Unique in the page.</param>
    /// <param name="withSides">Write the patient's sides.</param>
    public static HtmlText Tile(
        SlicePlane plane, string word, ShownImage? image, (float Low, float High) window, short[]? labels, string id,
        bool withSides = true) =>
        HtmlText.Of($"<div class=\"tile\"><span class=\"what\">{word}</span>").Add(withSides ? Sides(plane) : new HtmlText())
            .Add(Slice(plane, image, window, labels, id, isFirst: true)).Add(HtmlText.Of($"</div>"));

    private static HtmlText Slice(
        SlicePlane plane, ShownImage? image, (float Low, float High) window, short[]? labels, string id, bool isFirst)
    {
        // One unit is a pixel across; down, a unit is as long in mm.
        var height = plane.Columns * plane.HeightMm / plane.WidthMm;
        var svg = new HtmlText();
        svg.Add($"<svg viewBox=\"0 0 {plane.Columns} {height:0.###}\" style=\"aspect-ratio:{plane.Columns / height:0.####}\" aria-hidden=\"true\">");
        if (image is not null && isFirst)
        {
            var shrink = Math.Max(1, (Math.Max(plane.Rows, plane.Columns) + MostPixels - 1) / MostPixels);
            var (rows, columns) = ((plane.Rows + shrink - 1) / shrink, (plane.Columns + shrink - 1) / shrink);
            var png = PngEncoder.Encode(columns, rows, 1, Grey(plane, image, window, shrink, rows, columns));
            svg.Add($"<image id=\"{id}\" style=\"image-rendering:pixelated\" width=\"{columns * shrink}\" height=\"{rows * shrink * height / plane.Rows:0.###}\" preserveAspectRatio=\"none\" href=\"data:image/png;base64,{Convert.ToBase64String(png)}\"/>");
        }
        else if (image is not null)
        {
            svg.Add($"<use href=\"#{id}\"/>");
        }

        var every = labels is null ? 1 : Coarseness(plane, labels);
        var (down, across) = ((plane.Rows + every - 1) / every, (plane.Columns + every - 1) / every);
        foreach (var label in LabelsIn(plane, labels))
        {
            var path = MaskOutline.Path(
                down, across, (row, column) => labels![plane.Index(row * every, column * every)] == label);
            svg.Add($"<path transform=\"scale({every} {every * height / plane.Rows:0.#####})\" style=\"--c:{LabelPalette.Css(label)}\" d=\"{path}\"/>");
        }

        return svg.Add($"</svg>");
    }

    /// <summary>
    /// Every how many pixels are outlined: all, but of noise, whose outlines would take more memory than the case, so few that a
    /// page stays a page.
    /// </summary>
    private static int Coarseness(SlicePlane plane, short[] labels)
    {
        var every = 1;
        while (Edges(every) > MostEdges)
        {
            every *= 2;
        }

        return every;

        int Edges(int step)
        {
            var edges = 0;
            for (var row = step; row < plane.Rows; row += step)
            {
                for (var column = step; column < plane.Columns; column += step)
                {
                    var label = labels[plane.Index(row, column)];
                    edges += label != labels[plane.Index(row - step, column)] ? 1 : 0;
                    edges += label != labels[plane.Index(row, column - step)] ? 1 : 0;
                }
            }

            return edges;
        }
    }

    private static SortedSet<short> LabelsIn(SlicePlane plane, short[]? labels)
    {
        var found = new SortedSet<short>();
        for (var row = 0; labels is not null && row < plane.Rows; row++)
        {
            for (var column = 0; column < plane.Columns; column++)
            {
                if (labels[plane.Index(row, column)] is > 0 and var label)
                {
                    found.Add(label);
                }
            }
        }

        return found;
    }

    /// <summary>The slice in grey, blocks of pixels averaged where it is large.</summary>
    private static byte[] Grey(
        SlicePlane plane, ShownImage image, (float Low, float High) window, int shrink, int height, int width)
    {
        var pixels = new byte[height * width];
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                var (sum, count) = (0.0, 0);
                for (var row = y * shrink; row < Math.Min(plane.Rows, (y + 1) * shrink); row++)
                {
                    for (var column = x * shrink; column < Math.Min(plane.Columns, (x + 1) * shrink); column++)
                    {
                        sum += image[plane.Index(row, column)];
                        count++;
                    }
                }

                var share = ((sum / count) - window.Low) / (window.High - window.Low);
                pixels[(y * width) + x] = (byte)(double.IsNaN(share) ? 0 : 255 * Math.Clamp(share, 0, 1));
            }
        }

        return pixels;
    }
}
