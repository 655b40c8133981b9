namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>
/// A picture to draw plots and overlays on: 8-bit RGB, x to the right, y downwards, pixel (0, 0) at the top left. What lies
/// outside is cut off.
/// </summary>
internal sealed class Canvas
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

    /// <summary>
    /// Draws text of 5×7 pixel letters; characters outside printable ASCII appear as `?`. (x, y) is the top left corner.
    /// </summary>
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

    /// <summary>Writes the picture as PNG, through a temporary file.</summary>
    /// <exception cref="SharpSegException">The file cannot be written.</exception>
    public void SavePng(string path) => Png.Write(path, Width, Height, pixels);

    private int Index(int x, int y) => x >= 0 && y >= 0 && x < Width && y < Height
        ? 3 * ((y * Width) + x)
        : throw new ArgumentOutOfRangeException(nameof(x), $"pixel ({x}, {y}) outside {Width}×{Height}");
}

/// <summary>Letters of 5×7 pixels for ASCII 32 to 126: five columns each, bit 0 at the top.</summary>
internal static class BitmapFont
{
    /// <summary>Pixels of a letter.</summary>
    public const int Width = 5, Height = 7;

    /// <summary>Pixels from one letter to the next.</summary>
    public const int Advance = 6;

    private const int First = ' ', Last = '~';

    private static ReadOnlySpan<byte> Columns =>
    [
        0x00, 0x00, 0x00, 0x00, 0x00, /* space */ 0x00, 0x00, 0x5F, 0x00, 0x00, /* ! */ 0x00, 0x07, 0x00, 0x07, 0x00, /* " */
        0x14, 0x7F, 0x14, 0x7F, 0x14, /* # */ 0x24, 0x2A, 0x7F, 0x2A, 0x12, /* $ */ 0x23, 0x13, 0x08, 0x64, 0x62, /* % */
        0x36, 0x49, 0x56, 0x20, 0x50, /* & */ 0x00, 0x05, 0x03, 0x00, 0x00, /* ' */ 0x00, 0x1C, 0x22, 0x41, 0x00, /* ( */
        0x00, 0x41, 0x22, 0x1C, 0x00, /* ) */ 0x2A, 0x1C, 0x7F, 0x1C, 0x2A, /* * */ 0x08, 0x08, 0x3E, 0x08, 0x08, /* + */
        0x00, 0x50, 0x30, 0x00, 0x00, /* , */ 0x08, 0x08, 0x08, 0x08, 0x08, /* - */ 0x00, 0x60, 0x60, 0x00, 0x00, /* . */
        0x20, 0x10, 0x08, 0x04, 0x02, /* / */ 0x3E, 0x51, 0x49, 0x45, 0x3E, /* 0 */ 0x00, 0x42, 0x7F, 0x40, 0x00, /* 1 */
        0x42, 0x61, 0x51, 0x49, 0x46, /* 2 */ 0x21, 0x41, 0x45, 0x4B, 0x31, /* 3 */ 0x18, 0x14, 0x12, 0x7F, 0x10, /* 4 */
        0x27, 0x45, 0x45, 0x45, 0x39, /* 5 */ 0x3C, 0x4A, 0x49, 0x49, 0x30, /* 6 */ 0x01, 0x71, 0x09, 0x05, 0x03, /* 7 */
        0x36, 0x49, 0x49, 0x49, 0x36, /* 8 */ 0x06, 0x49, 0x49, 0x29, 0x1E, /* 9 */ 0x00, 0x36, 0x36, 0x00, 0x00, /* : */
        0x00, 0x56, 0x36, 0x00, 0x00, /* ; */ 0x08, 0x14, 0x22, 0x41, 0x00, /* < */ 0x14, 0x14, 0x14, 0x14, 0x14, /* = */
        0x00, 0x41, 0x22, 0x14, 0x08, /* > */ 0x02, 0x01, 0x51, 0x09, 0x06, /* ? */ 0x32, 0x49, 0x79, 0x41, 0x3E, /* @ */
        0x7E, 0x11, 0x11, 0x11, 0x7E, /* A */ 0x7F, 0x49, 0x49, 0x49, 0x36, /* B */ 0x3E, 0x41, 0x41, 0x41, 0x22, /* C */
        0x7F, 0x41, 0x41, 0x22, 0x1C, /* D */ 0x7F, 0x49, 0x49, 0x49, 0x41, /* E */ 0x7F, 0x09, 0x09, 0x09, 0x01, /* F */
        0x3E, 0x41, 0x49, 0x49, 0x7A, /* G */ 0x7F, 0x08, 0x08, 0x08, 0x7F, /* H */ 0x00, 0x41, 0x7F, 0x41, 0x00, /* I */
        0x20, 0x40, 0x41, 0x3F, 0x01, /* J */ 0x7F, 0x08, 0x14, 0x22, 0x41, /* K */ 0x7F, 0x40, 0x40, 0x40, 0x40, /* L */
        0x7F, 0x02, 0x0C, 0x02, 0x7F, /* M */ 0x7F, 0x04, 0x08, 0x10, 0x7F, /* N */ 0x3E, 0x41, 0x41, 0x41, 0x3E, /* O */
        0x7F, 0x09, 0x09, 0x09, 0x06, /* P */ 0x3E, 0x41, 0x51, 0x21, 0x5E, /* Q */ 0x7F, 0x09, 0x19, 0x29, 0x46, /* R */
        0x46, 0x49, 0x49, 0x49, 0x31, /* S */ 0x01, 0x01, 0x7F, 0x01, 0x01, /* T */ 0x3F, 0x40, 0x40, 0x40, 0x3F, /* U */
        0x1F, 0x20, 0x40, 0x20, 0x1F, /* V */ 0x3F, 0x40, 0x38, 0x40, 0x3F, /* W */ 0x63, 0x14, 0x08, 0x14, 0x63, /* X */
        0x07, 0x08, 0x70, 0x08, 0x07, /* Y */ 0x61, 0x51, 0x49, 0x45, 0x43, /* Z */ 0x00, 0x7F, 0x41, 0x41, 0x00, /* [ */
        0x02, 0x04, 0x08, 0x10, 0x20, /* \ */ 0x00, 0x41, 0x41, 0x7F, 0x00, /* ] */ 0x04, 0x02, 0x01, 0x02, 0x04, /* ^ */
        0x40, 0x40, 0x40, 0x40, 0x40, /* _ */ 0x00, 0x01, 0x02, 0x04, 0x00, /* ` */ 0x20, 0x54, 0x54, 0x54, 0x78, /* a */
        0x7F, 0x48, 0x44, 0x44, 0x38, /* b */ 0x38, 0x44, 0x44, 0x44, 0x20, /* c */ 0x38, 0x44, 0x44, 0x48, 0x7F, /* d */
        0x38, 0x54, 0x54, 0x54, 0x18, /* e */ 0x08, 0x7E, 0x09, 0x01, 0x02, /* f */ 0x0C, 0x52, 0x52, 0x52, 0x3E, /* g */
        0x7F, 0x08, 0x04, 0x04, 0x78, /* h */ 0x00, 0x44, 0x7D, 0x40, 0x00, /* i */ 0x20, 0x40, 0x44, 0x3D, 0x00, /* j */
        0x7F, 0x10, 0x28, 0x44, 0x00, /* k */ 0x00, 0x41, 0x7F, 0x40, 0x00, /* l */ 0x7C, 0x04, 0x18, 0x04, 0x78, /* m */
        0x7C, 0x08, 0x04, 0x04, 0x78, /* n */ 0x38, 0x44, 0x44, 0x44, 0x38, /* o */ 0x7C, 0x14, 0x14, 0x14, 0x08, /* p */
        0x08, 0x14, 0x14, 0x18, 0x7C, /* q */ 0x7C, 0x08, 0x04, 0x04, 0x08, /* r */ 0x48, 0x54, 0x54, 0x54, 0x20, /* s */
        0x04, 0x3F, 0x44, 0x40, 0x20, /* t */ 0x3C, 0x40, 0x40, 0x20, 0x7C, /* u */ 0x1C, 0x20, 0x40, 0x20, 0x1C, /* v */
        0x3C, 0x40, 0x30, 0x40, 0x3C, /* w */ 0x44, 0x28, 0x10, 0x28, 0x44, /* x */ 0x0C, 0x50, 0x50, 0x50, 0x3C, /* y */
        0x44, 0x64, 0x54, 0x4C, 0x44, /* z */ 0x00, 0x08, 0x36, 0x41, 0x00, /* { */ 0x00, 0x00, 0x7F, 0x00, 0x00, /* | */
        0x00, 0x41, 0x36, 0x08, 0x00, /* } */ 0x08, 0x04, 0x08, 0x10, 0x08, /* ~ */
    ];

    /// <summary>The five columns of a letter.</summary>
    public static ReadOnlySpan<byte> Glyph(char letter)
    {
        var code = letter switch
        {
            '×' => 'x',
            < (char)First or > (char)Last => '?',
            _ => letter,
        };
        return Columns.Slice((code - First) * Width, Width);
    }
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
