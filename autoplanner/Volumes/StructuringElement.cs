namespace SharpSeg.AutoPlanner.Volumes;

/// <summary>
/// A ball of real radius r on the voxel grid (docs/method/augmentation.md §8.2): m = ⌊2r + 1⌋ samples per axis at equal steps
/// from −r to r; a sample belongs to it if its squared distance is at most r². Offsets are index − ⌊m/2⌋, so an even m gives an
/// off-centre element.
/// <para>Along x the element is one run for every (dz, dy): morphology needs one run-wide step per distinct run, not one per
/// voxel.</para>
/// </summary>
internal sealed class StructuringElement
{
    /// <summary>Builds the ball.</summary>
    /// <param name="radius">r in voxels, at least 0.5.</param>
    /// <param name="planar">A disc of one slice instead, for 2D.</param>
    public StructuringElement(double radius, bool planar)
    {
        var m = (int)Math.Floor((2 * radius) + 1);
        var half = m / 2;
        var limit = radius * radius * (1 + 1e-9);
        var runs = new List<Run>();
        for (var z = planar ? half : 0; z < (planar ? half + 1 : m); z++)
        {
            for (var y = 0; y < m; y++)
            {
                int low = -1, high = -1;
                for (var x = 0; x < m; x++)
                {
                    var squared = Square(Sample(y)) + Square(Sample(x)) + (planar ? 0 : Square(Sample(z)));
                    if (squared <= limit)
                    {
                        low = low < 0 ? x : low;
                        high = x;
                    }
                }

                if (low >= 0)
                {
                    runs.Add(new Run(planar ? 0 : z - half, y - half, low - half, high - half));
                    Voxels += high - low + 1;
                }
            }
        }

        Runs = runs;

        double Sample(int i) => -radius + (2 * radius * i / (m - 1));
        static double Square(double d) => d * d;
    }

    /// <summary>Offsets (Z, Y, From…To) of the element, ends included.</summary>
    public readonly record struct Run(int Z, int Y, int From, int To);

    /// <summary>All runs along x.</summary>
    public IReadOnlyList<Run> Runs { get; }

    /// <summary>Number of voxels.</summary>
    public int Voxels { get; }
}
