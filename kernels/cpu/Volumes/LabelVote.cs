using System.Numerics;
using System.Runtime.CompilerServices;

namespace SharpSeg.Kernels.Cpu.Volumes;

/// <summary>
/// Interpolates labels, which are names and not numbers: each label's 0/1 indicator is interpolated linearly, then a rule picks
/// the label (docs/method/augmentation.md §3.2). All indicators of a voxel follow from the same 4 or 8 weights.
/// </summary>
internal static class LabelVote
{
    /// <summary>
    /// Whether all labels around a voxel are the same, as almost everywhere: two neighbours of a row are read at once, which is a
    /// quarter of the tests.
    /// </summary>
    /// <param name="near">The first of the 4 or 8.</param>
    /// <param name="row">Labels from one row to the next.</param>
    /// <param name="slice">Labels from one slice to the next; 0 in the plane.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe bool IsUniform(short* near, int row, int slice)
    {
        var first = Unsafe.ReadUnaligned<uint>(near);
        var differ = (first ^ Unsafe.ReadUnaligned<uint>(near + row)) | (first ^ Unsafe.ReadUnaligned<uint>(near + slice))
            | (first ^ Unsafe.ReadUnaligned<uint>(near + slice + row));
        return (differ | (first ^ BitOperations.RotateLeft(first, 16))) == 0;
    }

    /// <summary>The label with the largest indicator; a tie goes to the smallest label. Modern profile.</summary>
    public static short Largest(ReadOnlySpan<short> labels, ReadOnlySpan<float> weights)
    {
        var best = -1f;
        short winner = 0;
        for (var i = 0; i < labels.Length; i++)
        {
            var sum = IndicatorFrom(labels, weights, i);
            if (sum > best || (sum == best && labels[i] < winner))
            {
                best = sum;
                winner = labels[i];
            }
        }

        return winner;
    }

    /// <summary>
    /// The largest label whose indicator reaches one half; 0 where none does, as where three labels meet. Classic profile.
    /// </summary>
    public static short Majority(ReadOnlySpan<short> labels, ReadOnlySpan<float> weights)
    {
        short winner = 0;
        var found = false;
        for (var i = 0; i < labels.Length; i++)
        {
            if ((!found || labels[i] > winner) && IndicatorFrom(labels, weights, i) >= 0.5f)
            {
                winner = labels[i];
                found = true;
            }
        }

        return winner;
    }

    // Sum of the weights of a label, seen from its first occurrence; later occurrences see less and therefore never win.
    private static float IndicatorFrom(ReadOnlySpan<short> labels, ReadOnlySpan<float> weights, int first)
    {
        var sum = weights[first];
        for (var j = first + 1; j < labels.Length; j++)
        {
            sum += labels[j] == labels[first] ? weights[j] : 0;
        }

        return sum;
    }
}
