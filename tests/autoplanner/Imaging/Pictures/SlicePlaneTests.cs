using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Imaging.Pictures;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Imaging.Pictures;

public sealed class SlicePlaneTests
{
    private static readonly Extent Size = new(3, 4, 5);

    private static ImageGeometry Geometry(Extent extent, Spacing spacing, params double[] affine) =>
        new(extent, spacing, affine, "", []);

    private static long At(int z, int y, int x) => (((long)z * Size.Y) + y) * Size.X + x;

    private static IReadOnlyList<SlicePlane> Through(ImageGeometry geometry) => SlicePlane.Through(geometry, _ => 0, _ => 0);

    [Fact]
    public void The_patients_right_is_on_the_left_and_the_front_or_the_head_at_the_top()
    {
        // x grows to the right, y to the front, z to the head.
        var planes = Through(Geometry(Size, new Spacing(3, 2, 1), 1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 3, 0));
        Assert.Equal(["axial", "coronal", "sagittal"], planes.Select(plane => plane.Name));
        Assert.Equal(["RLAP", "RLSI", "APSI"], planes.Select(plane => plane.Left + plane.Right + plane.Top + plane.Bottom));
        Assert.Equal([(4, 5), (3, 5), (3, 4)], planes.Select(plane => (plane.Rows, plane.Columns)));
        Assert.Equal(At(1, 3, 4), planes[0].Index(0, 0));
        Assert.Equal(At(1, 0, 0), planes[0].Index(3, 4));
        Assert.Equal(At(2, 2, 4), planes[1].Index(0, 0));
        Assert.Equal(At(2, 3, 2), planes[2].Index(0, 0));
        Assert.Equal((8.0, 5.0), (planes[0].HeightMm, planes[0].WidthMm));
    }

    [Fact]
    public void Axes_that_lie_otherwise_are_turned()
    {
        // x grows to the feet, y to the left, z to the back.
        var planes = Through(Geometry(Size, new Spacing(1, 1, 1), 0, -1, 0, 0, 0, 0, -1, 0, -1, 0, 0, 0));
        Assert.Equal([("axial", 2), ("coronal", 0), ("sagittal", 1)], planes.Select(plane => (plane.Name, plane.Axis)));
        Assert.Equal(["RLAP", "RLSI", "APSI"], planes.Select(plane => plane.Left + plane.Right + plane.Top + plane.Bottom));

        // Right, front, head are where y, z and x are 0.
        Assert.Equal(At(0, 0, 2), planes[0].Index(0, 0));
        Assert.Equal(At(1, 0, 0), planes[1].Index(0, 0));
        Assert.Equal(At(0, 2, 0), planes[2].Index(0, 0));
        Assert.Equal(At(2, 2, 4), planes[2].Index(planes[2].Rows - 1, planes[2].Columns - 1));
    }

    [Fact]
    public void Without_directions_a_slice_stays_as_it_lies()
    {
        var unknown = Through(Geometry(Size, new Spacing(1, 1, 1), new double[12]));
        Assert.Equal(["across z", "across y", "across x"], unknown.Select(plane => plane.Name));
        Assert.All(unknown, plane => Assert.Equal("", plane.Left + plane.Right + plane.Top + plane.Bottom));
        Assert.Equal(At(1, 0, 0), unknown[0].Index(0, 0));

        var picture = Assert.Single(Through(Geometry(new(1, 4, 5), new(999, 1, 1), 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0)));
        Assert.Equal(("image", ""), (picture.Name, picture.Left));
        Assert.Equal(0, picture.Index(0, 0));
    }

    [Fact]
    public void Of_slices_that_show_enough_the_most_interesting_is_taken()
    {
        var geometry = Geometry(Size, new Spacing(1, 1, 1), 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0);
        int[] seen = [20, 12, 2], wrong = [1, 4, 9];
        var plane = SlicePlane.Through(geometry, i => i % 20 < seen[i / 20] ? 1 : 0, i => i % 20 < wrong[i / 20] ? 1 : 0)[0];
        Assert.Equal((0, 1), (plane.Axis, plane.Position)); // the third shows too little
        Assert.Equal("axial, slice 2 of 3", plane.ToString());
    }
}
