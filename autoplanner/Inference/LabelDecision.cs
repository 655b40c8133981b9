using SharpSeg.AutoPlanner.Datasets;

namespace SharpSeg.AutoPlanner.Inference;

/// <summary>
/// Decides the label of every voxel from its probabilities, map by map (docs/method/inference.md §8): plain labels take the
/// highest map, the lowest index winning ties; regions write their label where their map is above one half, later regions over
/// earlier ones.
/// </summary>
internal static class LabelDecision
{
    private const float OneHalf = 0.5f;

    /// <summary>The labels (z, y, x) on the maps' grid.</summary>
    public static short[] Of(IProbabilityMaps maps, LabelScheme labels)
    {
        var voxels = maps.Extent.Voxels;
        var decided = new short[voxels];
        var map = new float[voxels];
        var best = labels.HasRegions ? [] : new float[voxels];
        for (var head = 0; head < maps.Heads; head++)
        {
            maps.Read(head, map);
            var label = (short)(labels.HasRegions ? labels.RegionsClassOrder[head] : labels.AllLabels[head]);
            for (var i = 0; i < map.Length; i++)
            {
                if (labels.HasRegions)
                {
                    decided[i] = map[i] > OneHalf ? label : decided[i]; // later regions overwrite: inner structures come last
                }
                else if (head == 0 || map[i] > best[i])
                {
                    (best[i], decided[i]) = (map[i], label); // strictly greater: the lowest index wins ties
                }
            }
        }

        return decided;
    }
}
