using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Batches.Augmentation;

/// <summary>Removes one small connected component, chosen at random, from a mask (docs/method/augmentation.md §8.3).</summary>
internal sealed class ComponentRemoval
{
    private const double LargestFraction = 0.15; // of the patch's voxels

    private readonly GrowingBuffer<int> stack = new();
    private readonly List<(int Seed, int Voxels)> small = [];

    /// <summary>
    /// Finds the components of full connectivity (26 neighbours; 8 in a single slice), chooses one of those below 15 % of the patch
    /// uniformly and clears it. Nothing happens if there is none.
    /// </summary>
    /// <param name="mask">Changed in place.</param>
    /// <param name="unseen">Scratch mask of the same size.</param>
    /// <param name="random">The sample's stream.</param>
    public void Apply(BitVolume mask, BitVolume unseen, CounterRandom random)
    {
        unseen.CopyFrom(mask);
        small.Clear();
        for (var word = 0; word < unseen.Words.Length; word++)
        {
            while (unseen.Words[word] != 0)
            {
                var row = word / unseen.RowWords;
                var x = ((word % unseen.RowWords) * 64) + System.Numerics.BitOperations.TrailingZeroCount(unseen.Words[word]);
                var seed = (row * mask.Size.X) + x;
                var voxels = Clear(unseen, seed);
                if (voxels < LargestFraction * mask.Size.Voxels)
                {
                    small.Add((seed, voxels));
                }
            }
        }

        if (small.Count > 0)
        {
            Clear(mask, small[random.NextInt(0, small.Count - 1)].Seed);
        }
    }

    // Flood fill; returns the size of the component.
    private int Clear(BitVolume mask, int seed)
    {
        Extent size = mask.Size;
        var open = stack.Take((int)size.Voxels);
        var depth = 0;
        var voxels = 0;
        open[depth++] = seed;
        Take(mask, seed);
        while (depth > 0)
        {
            var v = open[--depth];
            voxels++;
            int z = v / (size.Y * size.X), y = v / size.X % size.Y, x = v % size.X;
            for (var nz = Math.Max(z - 1, 0); nz <= Math.Min(z + 1, size.Z - 1); nz++)
            {
                for (var ny = Math.Max(y - 1, 0); ny <= Math.Min(y + 1, size.Y - 1); ny++)
                {
                    for (var nx = Math.Max(x - 1, 0); nx <= Math.Min(x + 1, size.X - 1); nx++)
                    {
                        if (mask[nz, ny, nx])
                        {
                            mask[nz, ny, nx] = false;
                            open[depth++] = (((nz * size.Y) + ny) * size.X) + nx;
                        }
                    }
                }
            }
        }

        return voxels;
    }

    private static void Take(BitVolume mask, int v)
    {
        var size = mask.Size;
        mask[v / (size.Y * size.X), v / size.X % size.Y, v % size.X] = false;
    }
}
