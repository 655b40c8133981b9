using SharpSeg.AutoPlanner.Datasets;

namespace SharpSeg.AutoPlanner.Inference;

/// <summary>
/// Decides the label of every voxel from class maps that arrive one after the other (docs/method/inference.md §8): plain labels
/// take the highest map, the lowest index winning ties; regions write their label where their map is above a threshold, later
/// regions over earlier ones. Two volumes are held instead of one per class.
/// </summary>
/// <param name="voxels">Voxels of each map.</param>
/// <param name="labels">Heads to labels.</param>
/// <param name="threshold">For regions: 0.5 on probabilities, 0 on logits.</param>
internal sealed class LabelDecision(long voxels, LabelScheme labels, float threshold)
{
    private readonly float[] best = labels.HasRegions ? [] : new float[voxels];

    /// <summary>Where a probability says yes.</summary>
    public const float OneHalf = 0.5f;

    /// <summary>The labels so far; final after the last head.</summary>
    public short[] Labels { get; } = new short[voxels];

    /// <summary>Decides from the probabilities of all heads.</summary>
    public static short[] Of(IProbabilityMaps maps, LabelScheme labels)
    {
        var decision = new LabelDecision(maps.Extent.Voxels, labels, OneHalf);
        var map = new float[maps.Extent.Voxels];
        for (var head = 0; head < maps.Heads; head++)
        {
            maps.Read(head, map);
            decision.Add(head, map);
        }

        return decision.Labels;
    }

    /// <summary>Takes the next map; heads come in order.</summary>
    public void Add(int head, ReadOnlySpan<float> map)
    {
        if (labels.HasRegions)
        {
            var label = (short)labels.RegionsClassOrder[head];
            for (var i = 0; i < map.Length; i++)
            {
                if (map[i] > threshold)
                {
                    Labels[i] = label; // later regions overwrite: inner structures come last
                }
            }
        }
        else
        {
            var label = (short)labels.AllLabels[head];
            for (var i = 0; i < map.Length; i++)
            {
                if (head == 0 || map[i] > best[i])
                {
                    best[i] = map[i]; // strictly greater: the lowest index wins ties
                    Labels[i] = label;
                }
            }
        }
    }
}
