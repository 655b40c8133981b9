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
    public void Text_draws_its_letters()
    {
        var canvas = new Canvas(30, 9);
        canvas.Text(1, 1, "T1", Rgb.Black);
        string[] expected =
        [
            "#####...#..", "..#....##..", "..#.....#..", "..#.....#..", "..#.....#..", "..#.....#..", "..#....###.",
        ];
        for (var y = 0; y < 7; y++)
        {
            Assert.Equal(
                expected[y], string.Concat(Enumerable.Range(0, 11).Select(x => canvas[1 + x, 1 + y] == Rgb.Black ? '#' : '.')));
        }

        Assert.Equal(11, Canvas.TextWidth("T1"));
        Assert.Equal(33, Canvas.TextWidth("T1", 3));
        var letters = Enumerable.Range(33, 94).Select(code =>
        {
            var one = new Canvas(5, 7);
            one.Text(0, 0, $"{(char)code}", Rgb.Black);
            return Convert.ToHexString(one.Pixels);
        }).ToArray();
        Assert.Equal(letters.Length, letters.Distinct().Count());
    }
}
