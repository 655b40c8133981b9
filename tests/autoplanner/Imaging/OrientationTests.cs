using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Imaging;

/// <summary>
/// Turning volumes to RAS: every stored order of axes gives the same turned volume, and the way back gives the stored one.
/// </summary>
public sealed class OrientationTests
{
    // x to the right, y to the front, z upwards: the value of a voxel tells where it is in the patient.
    private static readonly Extent Ras = new(2, 3, 4);

    [Fact]
    public void All_48_orientations_turn_to_one()
    {
        int[][] orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        foreach (var order in orders)
        {
            for (var flips = 0; flips < 8; flips++)
            {
                // Stored axis a (x, y, z) runs along patient axis order[a] (right, front, up), backwards where its bit is set.
                var affine = new double[12];
                int[] ras = [Ras.X, Ras.Y, Ras.Z], size = new int[3];
                for (var a = 0; a < 3; a++)
                {
                    size[a] = ras[order[a]];
                    affine[(4 * order[a]) + a] = (flips >> a & 1) == 0 ? 0.5 + a : -(0.5 + a);
                }

                var stored = new Extent(size[2], size[1], size[0]);
                var volume = new int[stored.Voxels];
                for (var i = 0; i < volume.Length; i++)
                {
                    int[] index = [i % size[0], i / size[0] % size[1], i / size[0] / size[1]];
                    var patient = new int[3];
                    for (var a = 0; a < 3; a++)
                    {
                        patient[order[a]] = (flips >> a & 1) == 0 ? index[a] : size[a] - 1 - index[a];
                    }

                    volume[i] = (((patient[2] * Ras.Y) + patient[1]) * Ras.X) + patient[0];
                }

                var orientation = Orientation.ToRas(new(stored, new Spacing(2.5, 1.5, 0.5), affine, "none", []));
                Assert.Equal(Ras, orientation.Apply(stored));
                Assert.Equal(stored, orientation.Undo(Ras));
                var turned = orientation.Apply(volume, stored);
                Assert.Equal(Enumerable.Range(0, (int)Ras.Voxels), turned);
                Assert.Equal(order is [0, 1, 2] && flips == 0, orientation.IsAsStored);
                Assert.Equal(turned, Orientation.FromSigned(orientation.ToSigned()).Apply(volume, stored));

                // The spacing goes with its axis.
                double[] spacings = [0.5, 1.5, 2.5];
                var spacing = orientation.Apply(new Spacing(2.5, 1.5, 0.5));
                Assert.Equal(spacings[Array.IndexOf(order, 0)], spacing.X);
                Assert.Equal(spacings[Array.IndexOf(order, 2)], spacing.Z);
            }
        }
    }

    [Fact]
    public void Oblique_axes_go_to_the_nearest()
    {
        // Rotated by 30° around the vertical axis, x reversed.
        double c = Math.Cos(Math.PI / 6), s = Math.Sin(Math.PI / 6);
        Assert.Equal([1, 2, -3], Signed([-c, -s, 0, 0, -s, c, 0, 0, 0, 0, 1, 0]));

        // By 60°: x and y change places.
        Assert.Equal([1, 3, -2], Signed([s, -c, 0, 0, c, s, 0, 0, 0, 0, 1, 0]));
    }

    [Fact]
    public void A_flat_or_broken_affine_still_gives_an_orientation()
    {
        Assert.Equal([1, 2, 3], Signed(new double[12]));
        Assert.Equal([1, 2, 3], Signed([1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0]));
        Assert.Equal([1, 2, 3], Signed([double.NaN, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]));
    }

    private static int[] Signed(double[] affine) =>
        Orientation.ToRas(new(new Extent(2, 2, 2), new Spacing(1, 1, 1), affine, "none", [])).ToSigned();
}
