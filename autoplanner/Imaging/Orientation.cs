using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>
/// How a stored volume is turned by exchanging and reversing axes: axis i (z, y, x) of the turned volume is axis <c>order[i]</c>
/// of the stored one, read backwards where <c>backwards[i]</c>. Voxels move, none is interpolated.
/// </summary>
internal sealed class Orientation
{
    private readonly int[] order;
    private readonly bool[] backwards;

    private Orientation(int[] order, bool[] backwards)
    {
        this.order = order;
        this.backwards = backwards;
    }

    /// <summary>Nothing is turned.</summary>
    public static Orientation AsStored { get; } = new([0, 1, 2], [false, false, false]);

    /// <summary>Whether nothing is turned.</summary>
    public bool IsAsStored => order is [0, 1, 2] && backwards is [false, false, false];

    /// <summary>
    /// Turns to RAS: x grows to the right, y to the front, z upwards, as closely as exchanging axes can. Source: nibabel,
    /// io_orientation, which nnU-Net's NibabelIOWithReorient and TotalSegmentator use; axes of a sheared affine are first made
    /// orthogonal (polar decomposition).
    /// </summary>
    public static Orientation ToRas(ImageGeometry geometry)
    {
        var rotation = NearestRotation(Columns(geometry));
        var (order, backwards) = (new int[3], new bool[3]);
        var taken = new bool[3];
        for (var column = 0; column < 3; column++)                      // x, y, z of the stored volume
        {
            var best = -1;
            for (var row = 0; row < 3; row++)                           // right, front, up
            {
                if (!taken[row] && (best < 0 || Math.Abs(rotation[row, column]) > Math.Abs(rotation[best, column])))
                {
                    best = row;
                }
            }

            taken[best] = true;
            order[2 - best] = 2 - column;
            backwards[2 - best] = rotation[best, column] < 0;
        }

        return new(order, backwards);
    }

    /// <summary>What <see cref="ToSigned"/> gave.</summary>
    /// <exception cref="SharpSegException">The numbers are no orientation.</exception>
    public static Orientation FromSigned(IReadOnlyList<int> axes) => axes.Select(Math.Abs).Order().SequenceEqual([1, 2, 3])
        ? new([.. axes.Select(axis => Math.Abs(axis) - 1)], [.. axes.Select(axis => axis < 0)])
        : throw new SharpSegException(
            $"[{string.Join(", ", axes)}] is no orientation: 1, 2 and 3 in some order, each with a sign");

    /// <summary>Per turned axis the stored one, counted from 1, negative where it is read backwards.</summary>
    public int[] ToSigned() => [.. order.Select((axis, i) => backwards[i] ? -(axis + 1) : axis + 1)];

    /// <summary>The size after turning.</summary>
    public Extent Apply(Extent stored) => new(stored[order[0]], stored[order[1]], stored[order[2]]);

    /// <summary>The spacing after turning.</summary>
    public Spacing Apply(Spacing stored) => new(stored[order[0]], stored[order[1]], stored[order[2]]);

    /// <summary>Where a box of the stored volume begins in the turned one.</summary>
    /// <param name="origin">Its first stored voxel.</param>
    /// <param name="size">Its stored voxels.</param>
    /// <param name="stored">Voxels of the stored volume.</param>
    public Extent OriginOf(Extent origin, Extent size, Extent stored)
    {
        var turned = origin;
        for (var i = 0; i < 3; i++)
        {
            var axis = order[i];
            turned = turned.With(i, backwards[i] ? stored[axis] - origin[axis] - size[axis] : origin[axis]);
        }

        return turned;
    }

    /// <summary>The stored axis that a turned one is, and whether it is read backwards.</summary>
    public (int Axis, bool IsBackwards) Stored(int turned) => (order[turned], backwards[turned]);

    /// <summary>The size before turning.</summary>
    public Extent Undo(Extent turned)
    {
        var stored = turned;
        for (var i = 0; i < 3; i++)
        {
            stored = stored.With(order[i], turned[i]);
        }

        return stored;
    }

    /// <summary>A turned copy; the volume itself if nothing is turned.</summary>
    /// <typeparam name="T">Voxel type.</typeparam>
    /// <param name="volume">(z, y, x) as stored.</param>
    /// <param name="stored">Its voxels.</param>
    public T[] Apply<T>(T[] volume, Extent stored)
    {
        if (IsAsStored)
        {
            return volume;
        }

        var step = StridesOf(stored, out var start);
        var turned = Apply(stored);
        var result = new T[volume.Length];
        var at = 0;
        for (var z = 0; z < turned.Z; z++)
        {
            for (var y = 0; y < turned.Y; y++)
            {
                var from = start + (z * step[0]) + (y * step[1]);
                for (var x = 0; x < turned.X; x++, from += step[2])
                {
                    result[at++] = volume[from];
                }
            }
        }

        return result;
    }

    /// <summary>Per turned axis, by how many voxels of the stored volume (z, y, x) a step along it goes.</summary>
    /// <param name="stored">Its voxels.</param>
    /// <param name="start">The stored voxel that is the turned volume's first.</param>
    public int[] StridesOf(Extent stored, out int start)
    {
        Span<int> strides = [stored.Y * stored.X, stored.X, 1];
        var step = new int[3];
        start = 0;
        for (var i = 0; i < 3; i++)
        {
            step[i] = backwards[i] ? -strides[order[i]] : strides[order[i]];
            start += backwards[i] ? (stored[order[i]] - 1) * strides[order[i]] : 0;
        }

        return step;
    }

    /// <summary>
    /// Unit directions of x, y, z as columns. Without any in a NIfTI header, x grows to the left, as nibabel takes it.
    /// </summary>
    private static double[,] Columns(ImageGeometry geometry)
    {
        var columns = new double[3, 3];
        var flipsX = NiftiFormat.HasNoOrientation(geometry);
        for (var column = 0; column < 3; column++)
        {
            var length = 0.0;
            for (var row = 0; row < 3; row++)
            {
                var value = geometry.Affine[(4 * row) + column];
                columns[row, column] = double.IsFinite(value) ? value : 0;
                length += columns[row, column] * columns[row, column];
            }

            for (var row = 0; row < 3; row++)
            {
                columns[row, column] = length > 0
                    ? columns[row, column] / Math.Sqrt(length) * (flipsX && column == 0 ? -1 : 1)
                    : row == column ? 1 : 0;
            }
        }

        return columns;
    }

    /// <summary>The orthogonal matrix nearest to another: Newton's iteration for the polar decomposition (Higham 1986).</summary>
    private static double[,] NearestRotation(double[,] matrix)
    {
        var current = matrix;
        for (var step = 0; step < 50; step++)
        {
            var determinant = 0.0;
            var next = new double[3, 3];
            for (var row = 0; row < 3; row++)
            {
                for (var column = 0; column < 3; column++)
                {
                    int r1 = (row + 1) % 3, r2 = (row + 2) % 3, c1 = (column + 1) % 3, c2 = (column + 2) % 3;
                    next[row, column] = (current[r1, c1] * current[r2, c2]) - (current[r1, c2] * current[r2, c1]); // cofactor
                    determinant += row == 0 ? current[0, column] * next[0, column] : 0;
                }
            }

            if (Math.Abs(determinant) < 1e-9)
            {
                return matrix;                                          // flat: no rotation is nearest
            }

            var change = 0.0;
            for (var row = 0; row < 3; row++)
            {
                for (var column = 0; column < 3; column++)
                {
                    // inverse transposed = cofactors / determinant
                    next[row, column] = (current[row, column] + (next[row, column] / determinant)) / 2;
                    change = Math.Max(change, Math.Abs(next[row, column] - current[row, column]));
                }
            }

            current = next;
            if (change < 1e-12)
            {
                break;
            }
        }

        return current;
    }
}
