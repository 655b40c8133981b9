namespace SharpSeg.AutoPlanner.Batches.Augmentation;

/// <summary>A 3×3 matrix on (z, y, x) vectors, row by row.</summary>
internal readonly record struct Matrix3(
    double Zz, double Zy, double Zx, double Yz, double Yy, double Yx, double Xz, double Xy, double Xx)
{
    public static Matrix3 Identity => new(1, 0, 0, 0, 1, 0, 0, 0, 1);

    /// <summary>Transposed; the inverse of a rotation.</summary>
    public Matrix3 Transposed => new(Zz, Yz, Xz, Zy, Yy, Xy, Zx, Yx, Xx);

    /// <summary>
    /// Rotation that belongs to an axis, in the sign convention of the reference (docs/method/augmentation.md §3). Note that it
    /// names the matrices after x, y, z but lets them act on axes 0, 1, 2: the matrix of axis 0 turns the plane of axes 1 and 2.
    /// </summary>
    public static Matrix3 Rotation(int axis, double radians)
    {
        var (s, c) = Math.SinCos(radians);
        return axis switch
        {
            0 => new(1, 0, 0, 0, c, -s, 0, s, c),
            1 => new(c, 0, s, 0, 1, 0, -s, 0, c),
            _ => new(c, -s, 0, s, c, 0, 0, 0, 1),
        };
    }

    public static Matrix3 Scaling(double z, double y, double x) => new(z, 0, 0, 0, y, 0, 0, 0, x);

    public static Matrix3 operator *(in Matrix3 a, in Matrix3 b) => new(
        (a.Zz * b.Zz) + (a.Zy * b.Yz) + (a.Zx * b.Xz),
        (a.Zz * b.Zy) + (a.Zy * b.Yy) + (a.Zx * b.Xy),
        (a.Zz * b.Zx) + (a.Zy * b.Yx) + (a.Zx * b.Xx),
        (a.Yz * b.Zz) + (a.Yy * b.Yz) + (a.Yx * b.Xz),
        (a.Yz * b.Zy) + (a.Yy * b.Yy) + (a.Yx * b.Xy),
        (a.Yz * b.Zx) + (a.Yy * b.Yx) + (a.Yx * b.Xx),
        (a.Xz * b.Zz) + (a.Xy * b.Yz) + (a.Xx * b.Xz),
        (a.Xz * b.Zy) + (a.Xy * b.Yy) + (a.Xx * b.Xy),
        (a.Xz * b.Zx) + (a.Xy * b.Yx) + (a.Xx * b.Xx));

    /// <summary>Matrix times vector.</summary>
    public Vector3D Apply(double z, double y, double x) =>
        new((Zz * z) + (Zy * y) + (Zx * x), (Yz * z) + (Yy * y) + (Yx * x), (Xz * z) + (Xy * y) + (Xx * x));
}

/// <summary>A position or step in voxels, (z, y, x), in double precision.</summary>
internal readonly record struct Vector3D(double Z, double Y, double X)
{
    public double this[int axis] => axis == 0 ? Z : axis == 1 ? Y : X;
}
