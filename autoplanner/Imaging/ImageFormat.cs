using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>What a file says before its voxels.</summary>
/// <param name="Geometry">Size, spacing, affine and raw header.</param>
/// <param name="Channels">Number of channels.</param>
/// <param name="SpacingProblem">Why a spacing of the header was replaced by 1 mm; null if all are usable.</param>
internal sealed record ImageHeader(ImageGeometry Geometry, int Channels, string? SpacingProblem);

/// <summary>
/// One file format. Affines are always given in the NIfTI convention (+x right, +y anterior, +z superior); formats whose axes point left
/// and posterior negate the first two rows. Readers parse untrusted bytes: only <see cref="SharpSegException"/> may come out of them.
/// </summary>
internal abstract class ImageFormat
{
    /// <summary>The key in <see cref="ImageGeometry.Format"/>.</summary>
    public abstract string Name { get; }

    /// <summary>File endings, lower case, leading dot, longest first.</summary>
    public abstract IReadOnlyList<string> Endings { get; }

    /// <summary>Reads size, spacing and channel count, not the voxels.</summary>
    public abstract ImageHeader ReadHeader(string path);

    /// <summary>Reads everything.</summary>
    public abstract MedicalImage Read(string path);

    /// <summary>Reads the values of a label file before rounding; a format overrides this where labels are stored otherwise than images.</summary>
    public virtual MedicalImage ReadLabelValues(string path) => Read(path);

    /// <summary>Writes labels as <see cref="VoxelType.UInt8"/> or <see cref="VoxelType.UInt16"/>.</summary>
    public abstract void WriteLabels(string path, ReadOnlySpan<short> labels, ImageGeometry geometry, VoxelType type);

    /// <summary>Writes one channel of float32 values.</summary>
    public abstract void WriteFloats(string path, ReadOnlySpan<float> voxels, ImageGeometry geometry);

    /// <summary>Checks three sizes from a header: each at least 1, and the product within an array. (x, y, z) order.</summary>
    internal static Extent CheckedExtent(string path, Int128 nx, Int128 ny, Int128 nz)
    {
        if (nx < 1 || ny < 1 || nz < 1)
        {
            throw new SharpSegException($"`{path}`: a size of {nx}×{ny}×{nz} (x, y, z) voxels; each must be at least 1", "the header is damaged");
        }

        if (nx > Array.MaxLength || ny > Array.MaxLength || nz > Array.MaxLength || nx * ny * nz > Array.MaxLength)
        {
            throw new SharpSegException(
                $"`{path}`: a size of {nx}×{ny}×{nz} (x, y, z) voxels; at most {Array.MaxLength} in all are supported", "the header is damaged");
        }

        return new((int)nz, (int)ny, (int)nx);
    }

    /// <summary>Checks a channel count from a header.</summary>
    protected static int CheckedChannels(string path, Int128 channels)
    {
        const int most = 1 << 16; // far above any scanner; keeps a damaged header from asking for millions of arrays
        if (channels < 1 || channels > most)
        {
            throw new SharpSegException($"`{path}`: {channels} channels; 1 to {most} are supported", "the header is damaged");
        }

        return (int)channels;
    }

    /// <summary>1 mm where a spacing is 0 or not finite, and the sentence that says so.</summary>
    protected static double UsableSpacing(double value, string axis, ref string? problem)
    {
        var magnitude = Math.Abs(value);
        if (double.IsFinite(magnitude) && magnitude > 0)
        {
            return magnitude;
        }

        problem = $"the {axis} spacing is {value} mm; 1 mm would be assumed";
        return 1;
    }

    /// <summary>A 2D image lies in one slice that is far thicker than its pixels, so that z is the coarsest axis (spec datasets 6.7).</summary>
    internal static Spacing SliceSpacing(double y, double x) => new(999 * Math.Max(y, x), y, x);
}
