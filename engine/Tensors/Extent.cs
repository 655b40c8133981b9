namespace SharpSeg.Engine.Tensors;

/// <summary>
/// Three integers in array order (z, y, x): a size in voxels, a kernel, a stride or a position. 2D is Z = 1.
/// </summary>
/// <param name="Z">Slowest axis.</param>
/// <param name="Y">Middle axis.</param>
/// <param name="X">Fastest spatial axis.</param>
public readonly record struct Extent(int Z, int Y, int X)
{
    /// <summary>One voxel; the neutral stride and kernel.</summary>
    public static Extent One => new(1, 1, 1);

    /// <summary>Z·Y·X, in 64 bits because a volume may exceed 2³¹ voxels.</summary>
    public long Voxels => (long)Z * Y * X;

    /// <summary>The value of an axis; 0 = z, 1 = y, 2 = x.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The axis is not 0, 1 or 2.</exception>
    public int this[int axis] => axis switch
    {
        0 => Z,
        1 => Y,
        2 => X,
        _ => throw new ArgumentOutOfRangeException(nameof(axis), axis, "an axis is 0 (z), 1 (y) or 2 (x)"),
    };

    /// <summary>The same extent with one axis replaced.</summary>
    public Extent With(int axis, int value) => axis switch
    {
        0 => this with { Z = value },
        1 => this with { Y = value },
        2 => this with { X = value },
        _ => throw new ArgumentOutOfRangeException(nameof(axis), axis, "an axis is 0 (z), 1 (y) or 2 (x)"),
    };

    /// <summary>Axis-wise product, e.g. input size × stride of a transposed convolution.</summary>
    public Extent Times(Extent other) => new(checked(Z * other.Z), checked(Y * other.Y), checked(X * other.X));

    /// <summary>Three values in z, y, x order, from any list of three.</summary>
    /// <exception cref="ArgumentException">The list does not have three entries.</exception>
    public static Extent FromArray(IReadOnlyList<int> zyx) => zyx.Count == 3
        ? new(zyx[0], zyx[1], zyx[2])
        : throw new ArgumentException($"an extent has three entries (z, y, x), not {zyx.Count}", nameof(zyx));

    /// <summary>The three values as an array (z, y, x).</summary>
    public int[] ToArray() => [Z, Y, X];

    /// <inheritdoc/>
    public override string ToString() => $"{Z}×{Y}×{X}";
}
