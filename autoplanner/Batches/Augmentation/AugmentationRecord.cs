namespace SharpSeg.AutoPlanner.Batches.Augmentation;

/// <summary>
/// What the augmentation drew for one sample, in the order in which it did it: a student sees the numbers, and from the spatial
/// ones it follows where each voxel of the patch came from.
/// </summary>
internal sealed class AugmentationRecord
{
    private readonly List<string> steps = [];
    private readonly List<int> mirrored = [];

    /// <summary>The spatial transform.</summary>
    public SpatialTransform Transform { get; private set; }

    /// <summary>Axes (0 = z) that were mirrored.</summary>
    public IReadOnlyList<int> MirroredAxes => mirrored;

    /// <summary>Everything that fired, in words.</summary>
    public IReadOnlyList<string> Steps => steps;

    /// <summary>A new sample begins.</summary>
    public void Begin(in SpatialTransform transform)
    {
        steps.Clear();
        mirrored.Clear();
        Transform = transform;
        if (transform.ElasticStrength > 0)
        {
            Add($"elastic deformation of strength {transform.ElasticStrength:0}, smooth over {transform.ElasticSmoothness:0.0} voxels");
        }

        const double degrees = 180 / Math.PI;
        var (z, y, x) = transform.AnglesRadians;
        if (y != 0 || x != 0)
        {
            Add($"rotated by {z * degrees:0.0}°, {y * degrees:0.0}° and {x * degrees:0.0}°");
        }
        else if (z != 0)
        {
            Add($"rotated in its plane by {z * degrees:0.0}°");
        }

        if (transform.Scale is not (0 or 1))
        {
            var word = transform.Scale > 1 ? "shrunk" : "enlarged"; // the patch takes more, or less, of the image
            Add($"{word} by a factor of {Math.Max(transform.Scale, 1 / transform.Scale):0.00}");
        }
    }

    /// <summary>Something fired.</summary>
    public void Add(FormattableString step) => steps.Add(FormattableString.Invariant(step));

    /// <summary>An axis was mirrored.</summary>
    public void Mirrored(int axis)
    {
        mirrored.Add(axis);
        Add($"mirrored along {"zyx"[axis]}");
    }
}
