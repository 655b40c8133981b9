using System.Numerics;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Volumes;

/// <summary>A binary mask (z, y, x), 64 voxels of a row per word; bits beyond the row are 0.</summary>
internal sealed class BitVolume(Extent size)
{
    /// <summary>Voxels.</summary>
    public Extent Size { get; } = size;

    /// <summary>Words per row.</summary>
    public int RowWords { get; } = (size.X + 63) / 64;

    /// <summary>Rows one after the other.</summary>
    public ulong[] Words { get; } = new ulong[checked((size.X + 63) / 64 * size.Y * size.Z)];

    /// <summary>Bits of the last word of a row that belong to voxels.</summary>
    public ulong LastWordMask => ulong.MaxValue >> ((64 - (Size.X % 64)) % 64);

    /// <summary>One voxel.</summary>
    public bool this[int z, int y, int x]
    {
        get => (Words[WordOf(z, y, x)] >> (x & 63) & 1) != 0;
        set
        {
            var bit = 1UL << (x & 63);
            ref var word = ref Words[WordOf(z, y, x)];
            word = value ? word | bit : word & ~bit;
        }
    }

    /// <summary>The words of one row.</summary>
    public Span<ulong> Row(int z, int y) => Words.AsSpan(((z * Size.Y) + y) * RowWords, RowWords);

    /// <summary>Number of set voxels.</summary>
    public long Count()
    {
        long count = 0;
        foreach (var word in Words)
        {
            count += BitOperations.PopCount(word);
        }

        return count;
    }

    /// <summary>Sets the voxels whose label is the given one, clears the others.</summary>
    public void SetWhere(ReadOnlySpan<short> labels, int label)
    {
        Array.Clear(Words);
        for (int row = 0, v = 0; row < Size.Z * Size.Y; row++)
        {
            var words = Words.AsSpan(row * RowWords, RowWords);
            for (var x = 0; x < Size.X; x++, v++)
            {
                words[x >> 6] |= labels[v] == label ? 1UL << (x & 63) : 0;
            }
        }
    }

    /// <summary>Every voxel becomes its opposite.</summary>
    public void Invert()
    {
        for (var i = 0; i < Words.Length; i++)
        {
            Words[i] = ~Words[i] & ((i + 1) % RowWords == 0 ? LastWordMask : ulong.MaxValue);
        }
    }

    /// <summary>Copies another mask of the same size.</summary>
    public void CopyFrom(BitVolume other) => other.Words.CopyTo(Words.AsSpan());

    private int WordOf(int z, int y, int x) => (((z * Size.Y) + y) * RowWords) + (x >> 6);
}
