using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Inference;

/// <summary>
/// The few highest classes of every voxel with the codes of their probabilities (docs/method/inference.md §8). Maps come one
/// after the other, and are asked for again one after the other: 16 bytes for each voxel in work, whatever the number of classes.
/// </summary>
internal sealed class HighestClasses
{
    /// <summary>Classes that are kept per voxel.</summary>
    public const int Kept = 4; // where a voxel is shared by more, they are alike and each is below a quarter

    // Per voxel, highest first: the code, then how low the class's index is, so that numbers compare as candidates do: of equal
    // codes the lowest index comes first. 0 is none.
    private const int IndexBits = 16;
    private const uint HighestIndex = (1 << IndexBits) - 1;

    private readonly uint[] kept;

    /// <summary>Empty.</summary>
    /// <param name="voxels">Of the grid.</param>
    public HighestClasses(long voxels) => kept = new uint[checked(voxels * Kept)];

    /// <summary>Forgets everything.</summary>
    public void Clear() => Array.Clear(kept);

    /// <summary>Offers a class to every voxel.</summary>
    /// <param name="head">Which, below 65536.</param>
    /// <param name="codes">Of every voxel.</param>
    public void Add(int head, ReadOnlySpan<ushort> codes)
    {
        for (var voxel = 0; voxel < codes.Length; voxel++)
        {
            if (codes[voxel] == 0)
            {
                continue;
            }

            var candidate = ((uint)codes[voxel] << IndexBits) | (HighestIndex - (uint)head);
            var mine = kept.AsSpan(voxel * Kept, Kept);
            for (var i = 0; i < Kept; i++)
            {
                if (candidate > mine[i])
                {
                    (mine[i], candidate) = (candidate, mine[i]);
                }
            }
        }
    }

    /// <summary>The codes of a class, 0 where it is not among the highest.</summary>
    public void Read(int head, Span<ushort> codes)
    {
        var index = HighestIndex - (uint)head;
        for (var voxel = 0; voxel < codes.Length; voxel++)
        {
            codes[voxel] = 0;
            foreach (var candidate in kept.AsSpan(voxel * Kept, Kept))
            {
                if (candidate == 0)
                {
                    break;
                }

                if ((candidate & HighestIndex) == index)
                {
                    codes[voxel] = (ushort)(candidate >> IndexBits);
                    break;
                }
            }
        }
    }
}
