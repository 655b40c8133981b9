using SharpSeg.Engine.Tensors;
using SharpSeg.Engine.Training;

namespace SharpSeg.AutoPlanner.Batches;

/// <summary>
/// One batch in host memory, ready to upload. Dispose gives its arrays back to the loader for a later batch: do not touch them
/// afterwards.
/// </summary>
internal sealed class Batch : IBatch
{
    private readonly Action<Batch> giveBack;
    private readonly SampleOrigin[] origins;
    private bool returned;

    internal Batch(Shape imageShape, IReadOnlyList<Shape> targetShapes, Action<Batch> giveBack)
    {
        ImageShape = imageShape;
        TargetShapes = targetShapes;
        this.giveBack = giveBack;
        Image = new float[imageShape.Length];
        var targets = new float[targetShapes.Count][];
        for (var i = 0; i < targets.Length; i++)
        {
            targets[i] = new float[targetShapes[i].Length];
        }

        Targets = targets;
        origins = new SampleOrigin[imageShape.N];
    }

    /// <summary>Image (n, z, y, x, c); 2D has z = 1. Cascade masks are the last channels.</summary>
    public float[] Image { get; }

    /// <summary>Shape of <see cref="Image"/>.</summary>
    public Shape ImageShape { get; }

    /// <summary>
    /// One target per supervised output, full resolution first: labels (n, z, y, x, 1), or one 0/1 map per region with the ignore
    /// map last. Of a partly labelled dataset, then (n, 1, 1, 1, heads): 1 for what a sample's label map does not show.
    /// </summary>
    public IReadOnlyList<float[]> Targets { get; }

    /// <summary>Shapes of <see cref="Targets"/>.</summary>
    public IReadOnlyList<Shape> TargetShapes { get; }

    /// <summary>Samples.</summary>
    public int Count => ImageShape.N;

    /// <summary>Where each sample came from.</summary>
    public IReadOnlyList<SampleOrigin> Origins => origins;

    /// <summary>Gives the arrays back to the loader.</summary>
    public void Dispose()
    {
        if (!returned)
        {
            returned = true;
            giveBack(this);
        }
    }

    internal void SetOrigin(int sample, in SampleOrigin origin) => origins[sample] = origin;

    internal void Reuse() => returned = false;
}

/// <summary>Where a sample was taken from.</summary>
/// <param name="CaseId">The case.</param>
/// <param name="Start">First voxel (z, y, x) of the box that was read; may lie outside the case.</param>
/// <param name="Voxel">The foreground or annotated voxel in its middle, if one was chosen.</param>
internal readonly record struct SampleOrigin(string CaseId, Extent Start, Extent? Voxel);
