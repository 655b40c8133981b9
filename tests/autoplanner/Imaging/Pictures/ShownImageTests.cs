using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Imaging.Pictures;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Imaging.Pictures;

public sealed class ShownImageTests
{
    [Fact]
    public void Pieces_give_the_planes_and_the_window_of_the_whole() => Seeded.Run(random =>
    {
        var extent = new Extent(5, 6, 7);
        var values = Enumerable.Range(0, (int)extent.Voxels).Select(_ => (float)random.NextDouble()).ToArray();
        values[random.Next(values.Length)] = float.NaN;
        var geometry = new ImageGeometry(extent, new Spacing(3, 2, 1), [1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 3, 0], "", []);
        var planes = SlicePlane.At(geometry, new Extent(random.Next(5), random.Next(6), random.Next(7)));
        var image = new ShownImage(extent, planes);
        for (var first = 0; first < values.Length;)
        {
            var length = Math.Min(random.Next(1, 60), values.Length - first);
            image.Take(first, values.AsSpan(first, length));
            first += length;
        }

        Assert.Equal(3, planes.Count);
        foreach (var plane in planes)
        {
            for (var i = 0; i < plane.Rows * plane.Columns; i++)
            {
                var index = plane.Index(i / plane.Columns, i % plane.Columns);
                Assert.Equal(values[index], image[index]);
            }
        }

        var sorted = values.Where(float.IsFinite).Order().ToArray();
        Assert.Equal((sorted[(int)(0.005 * (sorted.Length - 1))], sorted[(int)(0.995 * (sorted.Length - 1))]), image.Window());
    });
}
