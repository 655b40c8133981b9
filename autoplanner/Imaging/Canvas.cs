namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>
/// A picture to draw plots and overlays on: 8-bit RGB, x to the right, y downwards, pixel (0, 0) at the top left. What lies outside is cut off.
/// </summary>
public sealed class Canvas
{
    private readonly byte[] pixels;

    /// <summary>A canvas of one colour.</summary>
    /// <param name="width">Pixels.</param>
    /// <param name="height">Pixels.</param>
    /// <param name="background">White if not given.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size below 1.</exception>
    public Canvas(int width, int height, Rgb? background = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        Width = width;
        Height = height;
        pixels = new byte[checked(3 * width * height)];
        FillRect(0, 0, width, height, background ?? Rgb.White);
    }

    /// <summary>Pixels.</summary>
    public int Width { get; }

    /// <summary>Pixels.</summary>
    public int Height { get; }

    /// <summary>(y, x, 3).</summary>
    public ReadOnlySpan<byte> Pixels => pixels;

    /// <summary>A pixel; must lie inside.</summary>
    public Rgb this[int x, int y]
    {
        get => new(pixels[Index(x, y)], pixels[Index(x, y) + 1], pixels[Index(x, y) + 2]);
        set => (pixels[Index(x, y)], pixels[Index(x, y) + 1], pixels[Index(x, y) + 2]) = (value.R, value.G, value.B);
    }

    /// <summary>Covers a pixel with a colour; 0 leaves it, 1 replaces it.</summary>
    public void Blend(int x, int y, Rgb color, double alpha)
    {
        if (x >= 0 && y >= 0 && x < Width && y < Height)
        {
            this[x, y] = this[x, y].Under(color, alpha);
        }
    }

    /// <summary>Fills a rectangle.</summary>
    public void FillRect(int x, int y, int width, int height, Rgb color, double alpha = 1)
    {
        for (var row = Math.Max(0, y); row < Math.Min(Height, y + height); row++)
        {
            for (var column = Math.Max(0, x); column < Math.Min(Width, x + width); column++)
            {
                Blend(column, row, color, alpha);
            }
        }
    }

    /// <summary>Draws the border of a rectangle, one pixel thick, inside its size.</summary>
    public void Rect(int x, int y, int width, int height, Rgb color)
    {
        FillRect(x, y, width, 1, color);
        FillRect(x, y + height - 1, width, 1, color);
        FillRect(x, y, 1, height, color);
        FillRect(x + width - 1, y, 1, height, color);
    }

    /// <summary>
    /// Draws a line between two points, given in pixel centres. A pixel is covered by as much as lies within half the thickness of the
    /// segment, estimated from its centre's distance; a line of length 0 is a dot.
    /// </summary>
    /// <param name="x0">First point.</param>
    /// <param name="y0">First point.</param>
    /// <param name="x1">Second point.</param>
    /// <param name="y1">Second point.</param>
    /// <param name="color">Colour.</param>
    /// <param name="thickness">Pixels.</param>
    /// <param name="smooth">Anti-aliased; else a pixel is either covered or not.</param>
    public void Line(double x0, double y0, double x1, double y1, Rgb color, double thickness = 1, bool smooth = true)
    {
        if (!(double.IsFinite(x0) && double.IsFinite(y0) && double.IsFinite(x1) && double.IsFinite(y1)))
        {
            return; // a curve has no point there
        }

        double dx = x1 - x0, dy = y1 - y0, reach = (thickness / 2) + 1;
        var steep = Math.Abs(dy) > Math.Abs(dx);
        var (from, to, limit, across) = steep ? (y0, y1, Height, Width) : (x0, x1, Width, Height);
        var slope = steep ? dx / dy : dx == 0 ? 0 : dy / dx;
        var lengthSquared = (dx * dx) + (dy * dy);
        var first = (int)Math.Max(0, Math.Floor(Math.Min(from, to) - reach));
        var last = (int)Math.Min(limit - 1, Math.Ceiling(Math.Max(from, to) + reach));
        for (var main = first; main <= last; main++)
        {
            // Across a line of slope up to 45° the reach grows by at most √2.
            var centre = (steep ? x0 : y0) + (slope * (Math.Clamp(main, Math.Min(from, to), Math.Max(from, to)) - from));
            var low = (int)Math.Max(0, Math.Floor(centre - (1.5 * reach)));
            var high = (int)Math.Min(across - 1, Math.Ceiling(centre + (1.5 * reach)));
            for (var cross = low; cross <= high; cross++)
            {
                var (x, y) = steep ? (cross, main) : (main, cross);
                var along = lengthSquared == 0 ? 0 : Math.Clamp((((x - x0) * dx) + ((y - y0) * dy)) / lengthSquared, 0, 1);
                double offX = x - (x0 + (along * dx)), offY = y - (y0 + (along * dy));
                var cover = (thickness / 2) + 0.5 - Math.Sqrt((offX * offX) + (offY * offY));
                Blend(x, y, color, smooth ? Math.Clamp(cover, 0, 1) : cover >= 0.5 ? 1 : 0);
            }
        }
    }

    /// <summary>Draws text of 5×7 pixel letters; characters outside printable ASCII appear as `?`. (x, y) is the top left corner.</summary>
    public void Text(int x, int y, string text, Rgb color, int scale = 1)
    {
        foreach (var letter in text)
        {
            var glyph = BitmapFont.Glyph(letter);
            for (var column = 0; column < BitmapFont.Width; column++)
            {
                for (var row = 0; row < BitmapFont.Height; row++)
                {
                    if (((glyph[column] >> row) & 1) != 0)
                    {
                        FillRect(x + (column * scale), y + (row * scale), scale, scale, color);
                    }
                }
            }

            x += BitmapFont.Advance * scale;
        }
    }

    /// <summary>Width of a text in pixels.</summary>
    public static int TextWidth(string text, int scale = 1) =>
        text.Length == 0 ? 0 : ((text.Length * BitmapFont.Advance) - (BitmapFont.Advance - BitmapFont.Width)) * scale;

    /// <summary>Height of a text in pixels.</summary>
    public static int TextHeight(int scale = 1) => BitmapFont.Height * scale;

    /// <summary>Writes the picture as PNG, through a temporary file.</summary>
    /// <exception cref="SharpSegException">The file cannot be written.</exception>
    public void SavePng(string path) => Png.Write(path, Width, Height, pixels);

    private int Index(int x, int y) => x >= 0 && y >= 0 && x < Width && y < Height
        ? 3 * ((y * Width) + x)
        : throw new ArgumentOutOfRangeException(nameof(x), $"pixel ({x}, {y}) outside {Width}×{Height}");
}
