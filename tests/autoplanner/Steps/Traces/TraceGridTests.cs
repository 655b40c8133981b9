using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Steps.Traces;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Steps.Traces;

/// <summary>A volume of a trace lies where the voxels came from.</summary>
public sealed class TraceGridTests
{
    // x to the left, y to the front, z to the head; 2, 3 and 5 mm; the first voxel at (10, 20, 30).
    private static readonly ImageGeometry Scan = new(
        new(8, 10, 12), new Spacing(5, 3, 2), [-2, 0, 0, 10, 0, 3, 0, 20, 0, 0, 5, 30], "", []);

    private static CaseProperties Cropped(Extent box, Extent origin, Orientation? orientation = null) => new()
    {
        CaseId = "c",
        Orientation = orientation ?? Orientation.AsStored,
        Spacing = Scan.Spacing,
        ShapeBeforeCropping = Scan.Extent,
        BboxOrigin = origin,
        ShapeAfterCropping = box,
        Shape = box,
        Channels = 1,
        SourceFiles = [],
        RecipeHash = "",
    };

    private static double[] At(ImageGeometry geometry, double z, double y, double x) =>
        TraceGrid.PointAt(geometry, new Vector3D(z, y, x));

    private static void Same(double[] expected, double[] actual)
    {
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(expected[i], actual[i], 9);
        }
    }

    [Fact]
    public void A_box_begins_where_it_was_cut_out()
    {
        var grid = new TraceGrid(Scan, Cropped(new(4, 5, 6), new(1, 2, 3)), [0, 1, 2]).OfCase(new(4, 5, 6));
        Same(At(Scan, 1, 2, 3), At(grid, 0, 0, 0));
        Same(At(Scan, 4, 6, 8), At(grid, 3, 4, 5));
        Assert.Equal((5.0, 3.0, 2.0), (grid.Spacing.Z, grid.Spacing.Y, grid.Spacing.X));
        Assert.Equal(new Extent(3, 4, 5), TraceGrid.VoxelAt(grid, At(Scan, 4, 6, 8)));
    }

    [Fact]
    public void Resampled_voxels_fill_the_same_box()
    {
        var grid = new TraceGrid(Scan, Cropped(new(4, 5, 6), new(1, 2, 3)), [0, 1, 2]).OfCase(new(8, 5, 3));

        // The outer faces stay: half a voxel before the first, half a voxel behind the last.
        Same(At(Scan, 0.5, 1.5, 2.5), At(grid, -0.5, -0.5, -0.5));
        Same(At(Scan, 4.5, 6.5, 8.5), At(grid, 7.5, 4.5, 2.5));
        Assert.Equal((2.5, 3.0, 4.0), (grid.Spacing.Z, grid.Spacing.Y, grid.Spacing.X));
    }

    [Fact]
    public void Exchanged_and_turned_axes_lead_back_to_the_file()
    {
        // Transposed axis i is the file's axis 2, 0, 1.
        int[] forward = [2, 0, 1];
        var properties = Cropped(new(6, 4, 5), new(3, 1, 2));
        var grid = new TraceGrid(Scan, properties, forward).OfCase(new(6, 4, 5));
        Same(At(Scan, 1, 2, 3), At(grid, 0, 0, 0));
        Same(At(Scan, 3, 6, 4), At(grid, 1, 2, 4));

        // Turned to RAS x is read backwards, for the file's grows to the left.
        var turned = new TraceGrid(Scan, Cropped(Scan.Extent, default, Orientation.ToRas(Scan)), [0, 1, 2]).OfCase(Scan.Extent);
        Same(At(Scan, 0, 0, 11), At(turned, 0, 0, 0));
        Same(At(Scan, 7, 9, 0), At(turned, 7, 9, 11));
        Assert.Equal("RAS", PatientSpace.AxisCodes(turned.Affine));
    }

    [Fact]
    public void A_patch_lies_where_its_values_were_sampled()
    {
        var grid = new TraceGrid(Scan, Cropped(Scan.Extent, default), [0, 1, 2]);
        Extent patch = new(2, 4, 4), initial = new(4, 6, 6), start = new(1, 2, 3);
        var still = new AugmentationRecord();
        still.Begin(new SpatialTransform(Matrix3.Identity, 0, 0, IsIdentity: true));
        still.Mirrored(2);
        var cut = grid.OfPatch(patch, start, initial, new(1, 1, 1), still);
        Same(At(Scan, 2, 3, 7), At(cut, 0, 0, 0)); // 1 + 1, 2 + 1, 3 + 1 + 3: the last column comes first
        Same(At(Scan, 2, 3, 4), At(cut, 0, 0, 3));

        var turn = new AugmentationRecord();
        var matrix = SpatialTransform.MatrixOf(0.3, -0.2, 0.1, 1.2, planar: false, classic: false);
        var transform = new SpatialTransform(matrix, 0, 0, IsIdentity: false);
        turn.Begin(transform);
        var turned = grid.OfPatch(patch, start, initial, new(1, 1, 1), turn);
        foreach (var (z, y, x) in new[] { (0, 0, 0), (1, 3, 2), (0, 2, 3) })
        {
            var q = transform.Position(patch, initial, z, y, x);
            Same(At(Scan, q.Z + start.Z, q.Y + start.Y, q.X + start.X), At(turned, z, y, x));
        }
    }
}
