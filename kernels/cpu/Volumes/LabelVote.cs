using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace SharpSeg.Kernels.Cpu.Volumes;

/// <summary>
/// Interpolates labels, which are names and not numbers: each label's 0/1 indicator is interpolated linearly, then a rule picks
/// the label (docs/method/augmentation.md §3.2). All indicators of a voxel follow from the same eight weights; in the plane the
/// four of the far slice are 0.
/// </summary>
internal static unsafe class LabelVote
{
    /// <summary>
    /// Whether all labels around a voxel are the same, as almost everywhere: two neighbours of a row are read at once, which is a
    /// quarter of the tests.
    /// </summary>
    /// <param name="near">The first of the 4 or 8.</param>
    /// <param name="row">Labels from one row to the next.</param>
    /// <param name="slice">Labels from one slice to the next; 0 in the plane.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsUniform(short* near, int row, int slice)
    {
        var first = Unsafe.ReadUnaligned<uint>(near);
        var differ = (first ^ Unsafe.ReadUnaligned<uint>(near + row)) | (first ^ Unsafe.ReadUnaligned<uint>(near + slice))
            | (first ^ Unsafe.ReadUnaligned<uint>(near + slice + row));
        return (differ | (first ^ BitOperations.RotateLeft(first, 16))) == 0;
    }

    /// <summary>The eight labels around a voxel, x fastest, then y; with a slice distance of 0 the near four twice.</summary>
    /// <inheritdoc cref="IsUniform"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<short> Around(short* near, int row, int slice) => Vector128.Create(
        Unsafe.ReadUnaligned<uint>(near), Unsafe.ReadUnaligned<uint>(near + row), Unsafe.ReadUnaligned<uint>(near + slice),
        Unsafe.ReadUnaligned<uint>(near + slice + row)).AsInt16();

    /// <summary>
    /// The weights of these eight, for the fractions by which a position lies behind the first; z is 0 in the plane.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Weights(float z, float y, float x)
    {
        float nearZ = 1 - z, nearY = 1 - y, nearX = 1 - x;
        return Vector256.Create(Vector128.Create(nearZ), Vector128.Create(z))
            * Vector256.Create(nearY, nearY, y, y, nearY, nearY, y, y)
            * Vector256.Create(nearX, x, nearX, x, nearX, x, nearX, x);
    }

    /// <summary>The label with the largest indicator; a tie goes to the smallest label. Modern profile.</summary>
    public static short Largest(Vector128<short> labels, Vector256<float> weights)
    {
        var best = -1f;
        short winner = 0;
        for (var left = byte.MaxValue; left != 0;)
        {
            var sum = NextIndicator(labels, weights, ref left, out var label);
            if (sum > best || (sum == best && label < winner))
            {
                best = sum;
                winner = label;
            }
        }

        return winner;
    }

    /// <summary>
    /// The largest label whose indicator reaches one half; 0 where none does, as where three labels meet. Classic profile.
    /// </summary>
    public static short Majority(Vector128<short> labels, Vector256<float> weights)
    {
        short winner = 0;
        var found = false;
        for (var left = byte.MaxValue; left != 0;)
        {
            if (NextIndicator(labels, weights, ref left, out var label) >= 0.5f && (!found || label > winner))
            {
                winner = label;
                found = true;
            }
        }

        return winner;
    }

    // Sum of the weights of the first label that is left; then it is left no more.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float NextIndicator(Vector128<short> labels, Vector256<float> weights, ref byte left, out short label)
    {
        label = labels[BitOperations.TrailingZeroCount(left)];
        var same = Vector128.Equals(labels, Vector128.Create(label));
        left &= (byte)~Vector128.ExtractMostSignificantBits(same);
        var (near, far) = Vector128.Widen(same);
        return Vector256.Sum(weights & Vector256.Create(near, far).AsSingle());
    }
}
