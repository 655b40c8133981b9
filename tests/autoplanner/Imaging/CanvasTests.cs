using SharpSeg.AutoPlanner.Imaging;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Imaging;

public sealed class CanvasTests
{
    private static readonly Rgb Red = new(255, 0, 0);

    [Fact]
    public void A_saved_canvas_reads_back()
    {
        using var folder = new TemporaryFolder();
        var canvas = new Canvas(40, 20);
        canvas.FillRect(-5, 2, 10, 3, Red);
        canvas.Rect(30, 10, 8, 6, Rgb.Black);
        canvas.SavePng(folder.File("a.png"));
        var png = Png.Read(folder.File("a.png"));
        Assert.Equal((40, 20, 3), (png.Width, png.Height, png.Channels));
        Assert.Equal(canvas.Pixels.ToArray().Select(value => (ushort)value), png.Samples);
        Assert.Equal(Red, canvas[4, 4]);
        Assert.Equal(Rgb.White, canvas[5, 4]);
        Assert.Equal(Rgb.Black, canvas[37, 15]);
        Assert.Equal(Rgb.White, canvas[36, 14]);
    }

    [Theory]
    [InlineData(2, 5, 17, 5)]
    [InlineData(2, 5, 17, 14)]
    [InlineData(9, 17, 6, 2)]
    [InlineData(17, 17, 2, 2)]
    public void A_line_covers_about_its_length_and_is_symmetric(double x0, double y0, double x1, double y1)
    {
        var there = new Canvas(20, 20, Rgb.Black);
        there.Line(x0, y0, x1, y1, Rgb.White);
        var back = new Canvas(20, 20, Rgb.Black);
        back.Line(x1, y1, x0, y0, Rgb.White);
        Assert.Equal(there.Pixels.ToArray(), back.Pixels.ToArray());

        // Thickness 1 with round ends: area = length + about one pixel; on a diagonal the distance rule covers 1.586 for every
        // 1.414.
        var area = there.Pixels.ToArray().Sum(value => value / 255.0) / 3;
        var length = Math.Sqrt(((x1 - x0) * (x1 - x0)) + ((y1 - y0) * (y1 - y0)));
        Assert.InRange(area, length, (1.13 * length) + 1.5);
    }

    [Fact]
    public void Lines_outside_or_without_a_value_draw_nothing()
    {
        var canvas = new Canvas(10, 10);
        canvas.Line(-50, -3, 60, -3, Red);
        canvas.Line(0, double.NaN, 5, 5, Red);
        canvas.Line(1e12, 1e12, 2e12, 1e12, Red);
        Assert.All(canvas.Pixels.ToArray(), value => Assert.Equal(255, value));
        canvas.Line(-1e9, 5, 1e9, 5, Red);
        Assert.Equal(Red, canvas[0, 5]);
        Assert.Equal(Red, canvas[9, 5]);
    }

    [Fact]
    public void Every_letter_is_a_picture_of_its_own_within_its_space()
    {
        char[] letters = [.. Enumerable.Range(33, 94).Select(code => (char)code), '×', '–', '°', 'µ'];
        var pictures = letters.Select(letter =>
        {
            var canvas = new Canvas(60, 60);
            canvas.Text(20, 20, $"{letter}", Rgb.Black, capHeight: 18);
            var width = Canvas.TextWidth($"{letter}", 18);
            for (var i = 0; i < 60 * 60; i++)
            {
                var isInside = i % 60 >= 19 && i % 60 <= 21 + width && i / 60 is >= 16 and <= 46;
                Assert.True(isInside || canvas[i % 60, i / 60] == Rgb.White, $"{letter} at {i % 60}, {i / 60}");
            }

            return Convert.ToHexString(canvas.Pixels);
        }).ToArray();
        Assert.Equal(letters.Length, pictures.Distinct().Count());
        Assert.Single("0123456789".Select(digit => Canvas.TextWidth($"{digit}")).Distinct()); // numbers stand below each other
    }

    [Fact]
    public void Text_is_written_from_its_corner_and_unknown_letters_are_question_marks()
    {
        var canvas = new Canvas(40, 30);
        canvas.Text(4, 5, "H", Rgb.Black, capHeight: 18);
        Assert.Equal(Rgb.White, canvas[12, 10]);        // between the stems
        Assert.True(canvas[7, 14].R < 100, "the left stem");
        Assert.True(canvas[12, 14].R < 100, "the bar, a little above the middle");
        Assert.Equal(Canvas.TextWidth("?"), Canvas.TextWidth("ж"));
        Assert.Equal(2 * Canvas.TextWidth("T1"), Canvas.TextWidth("T1", 2 * Canvas.TextHeight), 9);
        Assert.Equal(0, Canvas.TextWidth(""));
    }
}
