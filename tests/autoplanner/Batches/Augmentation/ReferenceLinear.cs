using SharpSeg.AutoPlanner.Batches;
using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Batches.Augmentation;

/// <summary>
/// The modern spatial transform as it is defined: one voxel after the other, in double precision, without any shortcut.
/// </summary>
internal static class ReferenceLinear
{
    public static void Check(
        MemoryCase source, Extent start, PatchGeometry geometry, SpatialTransform transform, PatchSample sample)
    {
        var v = 0;
        for (var z = 0; z < sample.Size.Z; z++)
        {
            for (var y = 0; y < sample.Size.Y; y++)
            {
                for (var x = 0; x < sample.Size.X; x++, v++)
                {
                    CheckVoxel(
                        source, start, geometry.Initial,
                        transform.Position(geometry.Patch, geometry.Initial, z, y, x), sample, v);
                }
            }
        }
    }

    private static void CheckVoxel(MemoryCase source, Extent start, Extent initial, Vector3D q, PatchSample sample, int v)
    {
        var values = new double[source.Channels];
        var indicators = new SortedDictionary<int, double>();
        for (var tap = 0; tap < 8; tap++)
        {
            var at = new int[3];
            var weight = 1.0;
            var inPatch = true;
            var inCase = true;
            for (var axis = 0; axis < 3; axis++)
            {
                var near = Math.Floor(q[axis]);
                var far = (tap >> axis) & 1;
                var i = (int)near + far;
                weight *= far == 1 ? q[axis] - near : 1 - (q[axis] - near);
                inPatch &= i >= 0 && i < initial[axis];
                at[axis] = start[axis] + i;
                inCase &= at[axis] >= 0 && at[axis] < source.Shape[axis];
            }

            short label = -1;
            if (inPatch && inCase)
            {
                var pixel = new float[source.Channels];
                var stored = new short[1];
                source.ReadImage(new(at[0], at[1], at[2]), Extent.One, pixel);
                source.ReadLabels(new(at[0], at[1], at[2]), Extent.One, stored);
                label = stored[0];
                for (var c = 0; c < values.Length; c++)
                {
                    values[c] += weight * pixel[c];
                }
            }

            indicators[label] = indicators.GetValueOrDefault(label) + weight;
        }

        for (var c = 0; c < values.Length; c++)
        {
            Assert.Equal(values[c], sample.Channel(c)[v], 2e-5);
        }

        var outside = Enumerable.Range(0, 3).Any(a => q[a] < 0 || q[a] > initial[a] - 1);
        var most = indicators.Values.Max();
        var winner = indicators.First(i => i.Value == most).Key;
        var runnerUp = indicators.Where(i => i.Key != winner).Select(i => i.Value).DefaultIfEmpty(0).Max();
        if (outside)
        {
            Assert.Equal(-1, sample.Labels[v]);
        }
        else if (most - runnerUp > 1e-5)
        {
            Assert.Equal(winner, sample.Labels[v]);
        }
        else
        {
            Assert.Contains(sample.Labels[v], indicators.Keys.Select(k => (short)k));
        }
    }
}
