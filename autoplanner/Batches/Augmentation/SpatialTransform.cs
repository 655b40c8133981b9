using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Batches.Augmentation;

/// <summary>
/// The spatial transform drawn for one sample (docs/method/augmentation.md §3): output voxel i of a patch P is taken from
/// position q = M·(i − (P − 1)/2 + e(i)) + (N − 1)/2 of the initial patch N. The centre of the patch stays the centre of the
/// initial patch.
/// </summary>
/// <param name="Matrix">M: rotation and scaling. Planar transforms leave z alone.</param>
/// <param name="ElasticStrength">α in voxels; 0: no elastic part e.</param>
/// <param name="ElasticSmoothness">σ in voxels.</param>
/// <param name="IsIdentity">Nothing fired: cut the patch out, without interpolation.</param>
internal readonly record struct SpatialTransform(
    Matrix3 Matrix, double ElasticStrength, double ElasticSmoothness, bool IsIdentity)
{
    /// <summary>The angles that were drawn, in the order of the draw; planar transforms have one.</summary>
    public Vector3D AnglesRadians { get; init; }

    /// <summary>The scale that was drawn; above 1 things look smaller. 0 where nothing was drawn.</summary>
    public double Scale { get; init; }

    // Coefficients depend on samples this far away by less than 1e-9 of them: what lies further need not be read.
    private const int SplineMargin = 16;

    /// <summary>Draws elastic deformation, rotation and scaling independently; all angles of a rotation at once.</summary>
    public static SpatialTransform Draw(AugmentationRecipe recipe, PatchGeometry geometry, CounterRandom random)
    {
        double strength = 0, smoothness = 0, scale = 1;
        double a0 = 0, a1 = 0, a2 = 0;
        var elastic = random.NextBool(recipe.Elastic);
        if (elastic)
        {
            strength = random.NextDouble(0, geometry.Planar ? recipe.ElasticStrength.Plane : recipe.ElasticStrength.Space);
            smoothness = recipe.ElasticSmoothness.Draw(random);
        }

        var rotation = random.NextBool(recipe.Rotation);
        if (rotation)
        {
            var range = geometry.RotationRadians;
            a0 = random.NextDouble(-range, range);
            if (!geometry.Planar)
            {
                a1 = random.NextDouble(-range, range);
                a2 = random.NextDouble(-range, range);
            }
        }

        var scaling = random.NextBool(recipe.Scaling);
        if (scaling)
        {
            scale = recipe.ScalingRange.Draw(random);
        }

        var matrix = MatrixOf(a0, a1, a2, scale, geometry.Planar, recipe.CubicSpline);
        return new SpatialTransform(matrix, strength, smoothness, !(elastic || rotation || scaling))
        {
            AnglesRadians = new(a0, a1, a2), Scale = scale,
        };
    }

    /// <summary>
    /// M for three angles and a scale. Modern: Rz·Ry·Rx·k. Classic: k·Rzᵀ·Ryᵀ·Rxᵀ. Planar: the rotation of the (y, x) plane,
    /// angle 0, and no scaling of z.
    /// </summary>
    public static Matrix3 MatrixOf(double a0, double a1, double a2, double scale, bool planar, bool classic)
    {
        Matrix3 x = Matrix3.Rotation(0, a0), y = Matrix3.Rotation(1, a1), z = Matrix3.Rotation(2, a2);
        var rotation = classic ? z.Transposed * y.Transposed * x.Transposed : z * y * x;
        return rotation * Matrix3.Scaling(planar ? 1 : scale, scale, scale);
    }

    /// <summary>The position that an output voxel is taken from, without the elastic part.</summary>
    public Vector3D Position(Extent patch, Extent initial, int z, int y, int x)
    {
        var q = Matrix.Apply(z - ((patch.Z - 1) * 0.5), y - ((patch.Y - 1) * 0.5), x - ((patch.X - 1) * 0.5));
        return new Vector3D(q.Z + ((initial.Z - 1) * 0.5), q.Y + ((initial.Y - 1) * 0.5), q.X + ((initial.X - 1) * 0.5));
    }

    /// <summary>The transform as a backend takes it, without an elastic part.</summary>
    public AffineSampling Sampling(SourceBox box, bool planar, PatchSample sample)
    {
        Vector3D z = Matrix.Apply(1, 0, 0), y = Matrix.Apply(0, 1, 0), x = Matrix.Apply(0, 0, 1);
        return new AffineSampling(
            sample.Size, box.Initial, box.Origin, box.Size, sample.Channels, planar, new(z.Z, z.Y, z.X), new(y.Z, y.Y, y.X),
            new(x.Z, x.Y, x.X));
    }

    /// <summary>
    /// The voxels of the initial patch that splines depend on: all of it for an elastic transform, whose displacements have no
    /// bound.
    /// </summary>
    public (Extent First, Extent Last) SplineReach(Extent patch, Extent initial, bool planar)
    {
        Extent first = default, last = new(initial.Z - 1, initial.Y - 1, initial.X - 1);
        if (ElasticStrength > 0)
        {
            return (first, last);
        }

        var reach = Reach(patch, initial);
        for (var axis = planar ? 1 : 0; axis < 3; axis++)
        {
            first = first.With(axis, Math.Clamp(reach.First[axis] - SplineMargin, 0, initial[axis] - 1));
            last = last.With(axis, Math.Clamp(reach.Last[axis] + SplineMargin, 0, initial[axis] - 1));
        }

        return (first, last);
    }

    /// <summary>
    /// The voxels of the initial patch that linear interpolation touches: an affine map takes its extremes at the corners.
    /// </summary>
    public (Extent First, Extent Last) Reach(Extent patch, Extent initial)
    {
        Span<double> low = [double.MaxValue, double.MaxValue, double.MaxValue];
        Span<double> high = [double.MinValue, double.MinValue, double.MinValue];
        for (var corner = 0; corner < 8; corner++)
        {
            var q = Position(
                patch, initial, (corner & 4) == 0 ? 0 : patch.Z - 1, (corner & 2) == 0 ? 0 : patch.Y - 1,
                (corner & 1) == 0 ? 0 : patch.X - 1);
            for (var axis = 0; axis < 3; axis++)
            {
                low[axis] = Math.Min(low[axis], q[axis]);
                high[axis] = Math.Max(high[axis], q[axis]);
            }
        }

        return (
            new((int)Math.Floor(low[0]), (int)Math.Floor(low[1]), (int)Math.Floor(low[2])),
            new((int)Math.Floor(high[0]) + 1, (int)Math.Floor(high[1]) + 1, (int)Math.Floor(high[2]) + 1));
    }
}

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
