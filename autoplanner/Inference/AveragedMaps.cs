using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Inference;

/// <summary>
/// The mean of several members' probabilities of one case, in float32 and with equal weights (docs/method/inference.md §9).
/// </summary>
internal sealed class AveragedMaps : IProbabilityMaps
{
    private readonly IReadOnlyList<IProbabilityMaps> members;
    private readonly CancellationToken cancel;
    private float[] other = []; // kept: a large array that is dropped waits long for the collector

    /// <summary>Averages members of one grid.</summary>
    /// <param name="members">Read by turns.</param>
    /// <param name="cancel">Stops whoever reads the mean, between two readings.</param>
    /// <exception cref="ShapeException">Their grids or numbers of heads differ.</exception>
    public AveragedMaps(IReadOnlyList<IProbabilityMaps> members, CancellationToken cancel = default)
    {
        (this.members, this.cancel) = (members, cancel);
        var first = members[0];
        foreach (var other in members)
        {
            if (other.Extent != first.Extent || other.Heads != first.Heads)
            {
                throw new ShapeException(
                    $"probabilities of {other.Heads} classes on {other.Extent} voxels cannot be averaged with {first.Heads} on "
                        + $"{first.Extent}");
            }
        }
    }

    /// <inheritdoc/>
    public Extent Extent => members[0].Extent;

    /// <inheritdoc/>
    public int Heads => members[0].Heads;

    /// <inheritdoc/>
    public int PlanesAtOnce => members.Min(member => member.PlanesAtOnce);

    /// <inheritdoc/>
    public void Read(int head, int first, Span<float> target)
    {
        cancel.ThrowIfCancellationRequested();
        members[0].Read(head, first, target);
        if (members.Count == 1)
        {
            return;
        }

        if (other.Length < target.Length)
        {
            other = new float[target.Length];
        }

        for (var m = 1; m < members.Count; m++)
        {
            members[m].Read(head, first, other.AsSpan(0, target.Length));
            for (var i = 0; i < target.Length; i++)
            {
                target[i] += other[i];
            }
        }

        for (var i = 0; i < target.Length; i++)
        {
            target[i] /= members.Count;
        }
    }
}
