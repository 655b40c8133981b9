using System.Globalization;
using System.Text.RegularExpressions;
using SharpSeg.AutoPlanner.Imaging.Pictures;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Imaging.Pictures;

public sealed partial class MaskOutlineTests
{
    [Fact]
    public void A_pixel_has_four_edges_and_a_hole_has_a_loop_of_its_own()
    {
        Assert.Equal("M1 2h1v1h-1v-1z", MaskOutline.Path(5, 5, (row, column) => (row, column) == (2, 1)));
        var ring = MaskOutline.Path(3, 3, (row, column) => (row, column) != (1, 1));
        Assert.Equal("M0 0h3v3h-3v-3z", ring.Split('z')[0] + "z");
        Assert.Equal(2, Loops(ring).Count);
        Assert.Equal("", MaskOutline.Path(4, 4, (_, _) => false));
    }

    [Fact]
    public void The_loops_enclose_exactly_the_pixels() => Seeded.Run(random =>
    {
        for (var trial = 0; trial < 200; trial++)
        {
            var (rows, columns) = (random.Next(1, 9), random.Next(1, 9));
            var mask = Enumerable.Range(0, rows * columns).Select(_ => random.Next(3) > 0).ToArray();
            var loops = Loops(MaskOutline.Path(rows, columns, (row, column) => mask[(row * columns) + column]));
            for (var i = 0; i < mask.Length; i++)
            {
                Assert.Equal(mask[i], IsInside(loops, (i % columns) + 0.5, (i / columns) + 0.5));
            }
        }
    });

    // Even-odd rule: how many vertical edges lie to the right.
    private static bool IsInside(List<List<(int X, int Y)>> loops, double x, double y) => loops.Sum(loop => loop.Zip(
        loop.Skip(1).Append(loop[0])).Count(edge =>
            edge.First.X == edge.Second.X && edge.First.X > x
            && Math.Min(edge.First.Y, edge.Second.Y) < y && y < Math.Max(edge.First.Y, edge.Second.Y))) % 2 == 1;

    private static List<List<(int X, int Y)>> Loops(string path) =>
    [
        .. path.Split('z', StringSplitOptions.RemoveEmptyEntries).Select(loop =>
        {
            var start = loop[1..].Split('h', 'v')[0].Split(' ');
            var (x, y) = (int.Parse(start[0], CultureInfo.InvariantCulture), int.Parse(start[1], CultureInfo.InvariantCulture));
            List<(int, int)> points = [(x, y)];
            foreach (Match step in Step().Matches(loop))
            {
                var length = int.Parse(step.Groups[2].Value, CultureInfo.InvariantCulture);
                (x, y) = step.Groups[1].Value == "h" ? (x + length, y) : (x, y + length);
                points.Add((x, y));
            }

            Assert.Equal(points[0], points[^1]);
            return points;
        }),
    ];

    [GeneratedRegex("([hv])(-?[0-9]+)")]
    private static partial Regex Step();
}
