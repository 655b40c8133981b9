using System.Runtime.InteropServices;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Evaluation;

/// <summary>
/// The smallest box around each label in two maps: one reading of them tells every class where to look. Of a hundred structures
/// each is measured in its own box instead of in the whole scan.
/// </summary>
internal sealed class LabelBoxes
{
    private readonly Dictionary<short, Box> inReference = [], inPrediction = [];

    /// <summary>Reads both maps once.</summary>
    /// <param name="reference">extent.Voxels labels (z, y, x).</param>
    /// <param name="prediction">extent.Voxels labels.</param>
    /// <param name="extent">Voxels (z, y, x).</param>
    /// <param name="ignoreLabel">The ignore label, whose voxels count in neither map, or null.</param>
    public LabelBoxes(ReadOnlySpan<short> reference, ReadOnlySpan<short> prediction, Extent extent, int? ignoreLabel)
    {
        for (int z = 0, row = 0; z < extent.Z; z++)
        {
            for (var y = 0; y < extent.Y; y++, row += extent.X)
            {
                ReadOnlySpan<short> expected = reference.Slice(row, extent.X), predicted = prediction.Slice(row, extent.X);
                var start = 0;
                for (var x = 1; x <= extent.X; x++)
                {
                    if (x < extent.X && expected[x] == expected[start] && predicted[x] == predicted[start])
                    {
                        continue; // label maps are made of long runs
                    }

                    if (expected[start] != ignoreLabel)
                    {
                        var run = new Box(new(z, y, start), new(z, y, x - 1));
                        Include(inReference, expected[start], run);
                        Include(inPrediction, predicted[start], run);
                    }

                    start = x;
                }
            }
        }
    }

    /// <summary>The joint box around a class in both maps.</summary>
    /// <param name="labels">The labels that make up the class.</param>
    /// <returns>The box, null where the class is in neither map, and in which maps it is.</returns>
    public (Box? Joint, bool InReference, bool InPrediction) Around(IReadOnlyList<int> labels)
    {
        Box? joint = null;
        bool Add(Dictionary<short, Box> map)
        {
            var isThere = false;
            foreach (var label in labels.Where(label => label is >= short.MinValue and <= short.MaxValue))
            {
                if (map.TryGetValue((short)label, out var box))
                {
                    (joint, isThere) = (joint?.With(box) ?? box, true);
                }
            }

            return isThere;
        }

        var (expected, predicted) = (Add(inReference), Add(inPrediction));
        return (joint, expected, predicted);
    }

    private static void Include(Dictionary<short, Box> map, short label, Box run)
    {
        ref var box = ref CollectionsMarshal.GetValueRefOrAddDefault(map, label, out var isThere);
        box = isThere ? box.With(run) : run;
    }

    /// <summary>A box of voxels.</summary>
    /// <param name="Low">Its first voxel (z, y, x).</param>
    /// <param name="High">Its last voxel.</param>
    internal readonly record struct Box(Extent Low, Extent High)
    {
        /// <summary>Voxels (z, y, x).</summary>
        public Extent Size => new(High.Z - Low.Z + 1, High.Y - Low.Y + 1, High.X - Low.X + 1);

        /// <summary>The smallest box that holds this one and another.</summary>
        public Box With(Box other) => new(
            new(Math.Min(Low.Z, other.Low.Z), Math.Min(Low.Y, other.Low.Y), Math.Min(Low.X, other.Low.X)),
            new(Math.Max(High.Z, other.High.Z), Math.Max(High.Y, other.High.Y), Math.Max(High.X, other.High.X)));
    }
}
