using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Volumes;

/// <summary>The size of an array at another spacing (docs/method/planning.md §3.3).</summary>
internal static class ResampledShape
{
    /// <summary>
    /// round(old spacing / new spacing · voxels), half to even, per axis and in that order of operations; at least 1, because an
    /// array without voxels can be neither trained on nor predicted (SharpSeg choice: the reference would fail on it).
    /// </summary>
    /// <exception cref="SharpSegException">The result is beyond 2³¹ voxels on an axis.</exception>
    public static Extent Of(Extent voxels, Spacing current, Spacing target) =>
        new(Axis(voxels.Z, current.Z, target.Z), Axis(voxels.Y, current.Y, target.Y), Axis(voxels.X, current.X, target.X));

    private static int Axis(int voxels, double current, double target)
    {
        var size = Math.Round(current / target * voxels);
        return size <= int.MaxValue
            ? Math.Max(1, (int)size)
            : throw new SharpSegException(
                $"resampling {voxels} voxels of {current} mm to {target} mm gives {size:0} voxels on one axis");
    }
}
