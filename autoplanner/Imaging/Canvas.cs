namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>
/// A picture to draw plots and overlays on: 8-bit RGB, x to the right, y downwards, pixel (0, 0) at the top left. What lies
/// outside is cut off.
/// </summary>
internal sealed class Canvas
{
    /// <summary>Height of capitals that is easily read on a screen, pixels.</summary>
    public const double TextHeight = 9;

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
    /// Draws a line between two points, given in pixel centres. A pixel is covered by as much as lies within half the thickness
    /// of the segment, estimated from its centre's distance; a line of length 0 is a dot.
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

    /// <summary>Draws a line of text; (x, y) is the top left corner of its capitals.</summary>
    /// <param name="x">Pixels.</param>
    /// <param name="y">Pixels.</param>
    /// <param name="text">What to write (<see cref="StrokeFont"/>).</param>
    /// <param name="color">Colour.</param>
    /// <param name="capHeight">Height of capitals, pixels.</param>
    /// <param name="isBold">With a broader pen.</param>
    public void Text(double x, double y, string text, Rgb color, double capHeight = TextHeight, bool isBold = false)
    {
        var unit = capHeight / StrokeFont.CapHeight;
        var pen = Math.Max(1.1, capHeight * (isBold ? 0.19 : 0.125));
        int left = (int)Math.Floor(x) - 2, top = (int)Math.Floor(y - (2 * unit)) - 2;
        int width = (int)Math.Ceiling(TextWidth(text, capHeight)) + 6, height = (int)Math.Ceiling(16 * unit) + 4;

        // Where strokes meet, ink does not add up: each pixel takes the most that one stroke covers of it.
        var ink = new double[width * height];
        foreach (var letter in text)
        {
            foreach (var stroke in StrokeFont.Strokes(letter))
            {
                for (var i = 1; i < stroke.Count; i++)
                {
                    Cover(
                        ink, width, x + (stroke[i - 1].X * unit) - left, y + capHeight - (stroke[i - 1].Y * unit) - top,
                        x + (stroke[i].X * unit) - left, y + capHeight - (stroke[i].Y * unit) - top, pen);
                }
            }

            x += StrokeFont.Advance(letter) * unit;
        }

        for (var i = 0; i < ink.Length; i++)
        {
            if (ink[i] > 0)
            {
                Blend(left + (i % width), top + (i / width), color, ink[i]);
            }
        }
    }

    /// <summary>Width of a text in pixels.</summary>
    public static double TextWidth(string text, double capHeight = TextHeight) =>
        text.Sum(StrokeFont.Advance) * capHeight / StrokeFont.CapHeight;

    /// <summary>How much of each pixel a line covers, from the distance of the pixel's centre.</summary>
    private static void Cover(double[] ink, int width, double x0, double y0, double x1, double y1, double pen)
    {
        double dx = x1 - x0, dy = y1 - y0, reach = (pen / 2) + 1, square = Math.Max(1e-12, (dx * dx) + (dy * dy));
        var height = ink.Length / width;
        for (var y = (int)Math.Max(0, Math.Min(y0, y1) - reach); y <= Math.Min(height - 1, Math.Max(y0, y1) + reach); y++)
        {
            for (var x = (int)Math.Max(0, Math.Min(x0, x1) - reach); x <= Math.Min(width - 1, Math.Max(x0, x1) + reach); x++)
            {
                double px = x + 0.5 - x0, py = y + 0.5 - y0;
                var along = Math.Clamp(((px * dx) + (py * dy)) / square, 0, 1);
                double offX = px - (along * dx), offY = py - (along * dy);
                var cover = (pen / 2) + 0.5 - Math.Sqrt((offX * offX) + (offY * offY));
                ink[(y * width) + x] = Math.Max(ink[(y * width) + x], Math.Clamp(cover, 0, 1));
            }
        }
    }

    /// <summary>Writes the picture as PNG, through a temporary file.</summary>
    /// <exception cref="SharpSegException">The file cannot be written.</exception>
    public void SavePng(string path) => Png.Write(path, Width, Height, pixels);

    private int Index(int x, int y) => x >= 0 && y >= 0 && x < Width && y < Height
        ? 3 * ((y * Width) + x)
        : throw new ArgumentOutOfRangeException(nameof(x), $"pixel ({x}, {y}) outside {Width}×{Height}");
}

/// <summary>A colour, 8 bits a channel.</summary>
internal readonly record struct Rgb(byte R, byte G, byte B)
{
    /// <summary>0, 0, 0.</summary>
    public static Rgb Black => new(0, 0, 0);

    /// <summary>255, 255, 255.</summary>
    public static Rgb White => new(255, 255, 255);

    /// <summary>The same amount of red, green and blue.</summary>
    public static Rgb Grey(byte value) => new(value, value, value);

    /// <summary>This colour covered by another; 0 leaves it, 1 replaces it.</summary>
    public Rgb Under(Rgb cover, double alpha)
    {
        byte Mix(byte below, byte above) => (byte)Math.Round(below + ((above - below) * Math.Clamp(alpha, 0, 1)));
        return new(Mix(R, cover.R), Mix(G, cover.G), Mix(B, cover.B));
    }
}
