using SharpSeg.AutoPlanner.Imaging.Pictures;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Imaging.Pictures;

public sealed class ChartTests
{
    [Theory]
    [InlineData(0, 1, new[] { 0, 0.2, 0.4, 0.6, 0.8, 1 })]
    [InlineData(-0.83, 1.9, new double[] { -1, 0, 1, 2 })]
    [InlineData(1, 1000, new double[] { 0, 200, 400, 600, 800, 1000 })]
    [InlineData(0.012, 0.019, new[] { 0.012, 0.014, 0.016, 0.018, 0.02 })]
    public void Ticks_are_round_numbers_around_the_values(double low, double high, double[] expected) =>
        Assert.Equal(expected, Chart.Ticks(low, high, 5));

    [Fact]
    public void Points_without_a_value_are_left_out_and_names_are_escaped()
    {
        var chart = new Chart("a < b", [new("x & y", 0, [1, null, double.NaN, 3]), new("one", 1, [null, 2, null, null])]);
        var svg = SvgPen.Draw(chart, 400, 200, "w").ToString();
        Assert.Contains("a &lt; b", svg, StringComparison.Ordinal);
        Assert.Contains("x &amp; y", svg, StringComparison.Ordinal);
        Assert.DoesNotContain("NaN", svg, StringComparison.Ordinal);
        Assert.Single(svg.Split("class=\"dot c1\"").Skip(1)); // one point is a dot

        // The legend has the order of the curves, from left to right.
        Assert.True(svg.IndexOf(">x &amp; y<", StringComparison.Ordinal) < svg.IndexOf(">one<", StringComparison.Ordinal));
        var curve = svg.Split("<path class=\"curve c0\" d=\"")[2].Split('"')[0];
        Assert.Equal("M52 160L386 44", curve); // from the first epoch at 1 to the fourth at 3, the whole plot
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(1000)]
    public void Any_number_of_epochs_is_drawn_within_the_picture(int epochs)
    {
        var values = Enumerable.Range(0, epochs).Select(i => (double?)Math.Cos(i)).ToArray();
        var pen = new Recording();
        new Chart("t", [new("a", 0, values)]).Draw(pen, 0, 0, 480, 250);
        Assert.All(pen.Points, point => Assert.True(point is { X: >= 0 and <= 480, Y: >= 0 and <= 250 }, $"{point}"));
        Assert.InRange(pen.Points.Count, 10, 40 + epochs);
    }

    private sealed class Recording : IChartPen
    {
        public List<(double X, double Y)> Points { get; } = [];

        public void Grid(double x0, double y0, double x1, double y1) => Points.AddRange([(x0, y0), (x1, y1)]);

        public void Word(double x, double y, TextAnchor anchor, string word, bool isTitle = false) => Points.Add((x, y));

        public void Curve(int color, IReadOnlyList<(double X, double Y)> points) => Points.AddRange(points);

        public double WidthOf(string word) => 6 * word.Length;
    }
}
