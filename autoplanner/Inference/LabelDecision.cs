using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.Engine.Tensors;

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
        var (extent, planes) = (maps.Extent, maps.PlanesAtOnce);
        var area = extent.Y * extent.X;
        var all = new short[extent.Voxels];
        var values = new float[planes * area];
        var best = labels.HasRegions ? [] : new float[values.Length];
        for (var first = 0; first < extent.Z; first += planes)
        {
            var decided = all.AsSpan(first * area, Math.Min(planes, extent.Z - first) * area);
            var map = values.AsSpan(0, decided.Length);
            for (var head = 0; head < maps.Heads; head++)
            {
                maps.Read(head, first, map);
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
        }

        return all;
    }

    /// <summary>Memory of deciding: labels, and of some planes a map and the highest so far.</summary>
    /// <param name="extent">Voxels of a map.</param>
    /// <param name="planes">That are in work at a time.</param>
    public static long Bytes(Extent extent, int planes) =>
        (extent.Voxels * sizeof(short)) + (2L * sizeof(float) * planes * extent.Y * extent.X);
}
