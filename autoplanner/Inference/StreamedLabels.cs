using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Inference;

/// <summary>Takes planes of outputs as they are finished.</summary>
internal interface IPlaneConsumer
{
    /// <summary>Takes what it can.</summary>
    /// <param name="window">Holds the planes since the one that the last call named.</param>
    /// <param name="finished">Number of planes of the preprocessed grid that no tile will change.</param>
    /// <returns>First plane that is needed again.</returns>
    int Take(OutputWindow window, int finished);
}

/// <summary>Decides the labels of a part of the other grid as soon as the planes that it depends on are finished.</summary>
/// <param name="change">From the preprocessed grid to the other one; planes of the target depend on few of the source.</param>
/// <param name="target">Rows and columns of the other grid, and all its planes.</param>
/// <param name="threshold">Regions are where their map is above it.</param>
/// <param name="labels">Heads to labels.</param>
/// <param name="decided">Receives the labels; the whole of the other grid.</param>
internal sealed class StreamedLabels(GridChange change, Box target, float threshold, LabelScheme labels, short[] decided)
    : IPlaneConsumer
{
    /// <summary>Most voxels of the target that are in work at a time.</summary>
    public const long SlabVoxels = 1L << 21;

    private readonly int most = (int)Math.Max(1, SlabVoxels / Math.Max(1L, (long)target.Size.Y * target.Size.X));
    private short[] part = [];                            // kept: what large arrays leave behind adds up between slabs
    private int next;

    /// <inheritdoc/>
    public int Take(OutputWindow window, int finished)
    {
        using var memory = new VolumeMemory(window.Backend);
        while (next < change.To.Z)
        {
            var slab = Slab(1);
            if (change.Source(slab).EndZ > finished)
            {
                break;
            }

            var count = 1;
            while (count < most && next + count < change.To.Z && change.Source(Slab(count + 1)).EndZ <= finished)
            {
                count++;
            }

            slab = Slab(count);
            var decision = SegmentationExporter.Decide(window, memory, change, slab, threshold, labels);
            Keep(memory, decision, slab);
            memory.Free(decision);
            next += count;
        }

        return next < change.To.Z ? Math.Min(finished, change.Source(Slab(1)).Origin.Z) : finished;
    }

    private Box Slab(int count) => new(target.Origin with { Z = next }, target.Size.With(0, count));

    private void Keep(VolumeMemory memory, Tensor decision, in Box slab)
    {
        var to = change.To;
        if (slab.Size.Y == to.Y && slab.Size.X == to.X)
        {
            memory.Download(decision, decided.AsSpan(slab.Origin.Z * to.Y * to.X, (int)slab.Size.Voxels));
            return;
        }

        if (part.Length < slab.Size.Voxels)
        {
            part = new short[slab.Size.Voxels];
        }

        memory.Download(decision, part.AsSpan(0, (int)slab.Size.Voxels));
        for (var row = 0; row < slab.Size.Z * slab.Size.Y; row++)
        {
            var at = ((((slab.Origin.Z + (row / slab.Size.Y)) * to.Y) + slab.Origin.Y + (row % slab.Size.Y)) * to.X)
                + slab.Origin.X;
            part.AsSpan(row * slab.Size.X, slab.Size.X).CopyTo(decided.AsSpan(at));
        }
    }
}
