using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Backends;

/// <summary>
/// Resampling of a label map to another size, each axis with half-pixel centres (docs/method/preprocessing.md §4.3, §4.7): every
/// label's 0/1 mask is interpolated linearly, and the largest label whose mask reaches one half wins; where none does, as where
/// three labels meet, the result is 0. Sums within 10⁻⁹ of one half count as one half. Axes marked nearest take the nearest input
/// instead.
/// <para>Source and target (1, z, y, x, 1) hold labels as whole numbers, −32,767 to 32,767, and may be windows of z: planes from
/// <see cref="FirstSource"/> and <see cref="FirstTarget"/> on.</para>
/// </summary>
/// <param name="From">Voxels of the whole source.</param>
/// <param name="To">Voxels of the whole target.</param>
/// <param name="NearestZ">Take the nearest plane.</param>
/// <param name="NearestY">Take the nearest row.</param>
/// <param name="NearestX">Take the nearest voxel of a row.</param>
/// <param name="FirstSource">First plane of the source.</param>
/// <param name="FirstTarget">First plane of the target.</param>
public readonly record struct LabelResampling(
    Extent From, Extent To, bool NearestZ, bool NearestY, bool NearestX, int FirstSource = 0, int FirstTarget = 0)
{
    /// <summary>How an axis is resampled, for its positions.</summary>
    public AxisResampling Along(int axis) => new(
        axis, (axis == 0 ? NearestZ : axis == 1 ? NearestY : NearestX) || From[axis] == To[axis] ? 0 : 1, From[axis], To[axis],
        axis == 0 ? FirstSource : 0, axis == 0 ? FirstTarget : 0);

    /// <summary>Throws <see cref="ShapeException"/> unless sizes and windows fit together.</summary>
    public void Check(Tensor source, Tensor target)
    {
        int have = source.Shape.Spatial.Z, wanted = target.Shape.Spatial.Z;
        ShapeException.Require(source, Shape.Activation(1, From.With(0, have), 1), nameof(source));
        ShapeException.Require(target, Shape.Activation(1, To.With(0, wanted), 1), nameof(target));
        if (FirstTarget < 0 || FirstTarget + wanted > To.Z)
        {
            throw new ShapeException($"planes {FirstTarget} to {FirstTarget + wanted - 1} of {To}");
        }

        var (first, count) = Along(0).Reach(FirstTarget, wanted);
        if (FirstSource < 0 || FirstSource + have > From.Z || first < FirstSource || first + count > FirstSource + have)
        {
            throw new ShapeException(
                $"planes {FirstTarget} to {FirstTarget + wanted - 1} need planes {first} to {first + count - 1} of {From}, "
                + $"the source has {FirstSource} to {FirstSource + have - 1}");
        }
    }
}
