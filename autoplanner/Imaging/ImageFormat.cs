using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>What a file says before its voxels.</summary>
/// <param name="Geometry">Size, spacing, affine and raw header.</param>
/// <param name="Channels">Number of channels.</param>
internal sealed record ImageHeader(ImageGeometry Geometry, int Channels)
{
    /// <summary>Values are stored as NIfTI's, MetaImage's or NRRD's floating-point numbers.</summary>
    public bool IsFloat { get; init; }

    /// <summary>What the converter that read the file doubts of the image; null for nothing.</summary>
    public string? Doubt { get; init; }
}

/// <summary>
/// One file format. Affines are always given in the NIfTI convention (+x right, +y anterior, +z superior); formats whose axes
/// point left and posterior negate the first two rows. Readers parse untrusted bytes: only <see cref="SharpSegException"/> may
/// come out of them.
/// </summary>
internal abstract class ImageFormat
{
    /// <summary>How many times coarser than its pixels a 2D image is taken to be across (docs/method/datasets.md §6.7).</summary>
    internal const int CoarsestFactor = 999;

    /// <summary>The key in <see cref="ImageGeometry.Format"/>.</summary>
    public abstract string Name { get; }

    /// <summary>File endings, lower case, leading dot, longest first.</summary>
    public abstract IReadOnlyList<string> Endings { get; }

    /// <summary>Reads size, spacing and channel count, not the voxels.</summary>
    public abstract ImageHeader ReadHeader(string path);

    /// <summary>Reads everything.</summary>
    public abstract MedicalImage Read(string path);

    /// <summary>
    /// Reads the values of a label file before rounding; a format overrides this where labels are stored otherwise than images.
    /// </summary>
    public virtual MedicalImage ReadLabelValues(string path) => Read(path);

    /// <summary>
    /// Hands the values on in pieces. Formats that can do so read no more than a piece at a time; the others read everything.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="labels">Values as of a label file.</param>
    /// <param name="begin">Says who takes the values.</param>
    public virtual ImageHeader Stream(string path, bool labels, BeginVoxels begin)
    {
        var image = labels ? ReadLabelValues(path) : Read(path);
        var header = new ImageHeader(image.Geometry, image.Channels.Count);
        var take = begin(header, isBelieved: true);
        for (var c = 0; c < header.Channels; c++)
        {
            take(c, 0, image.Channels[c]);
        }

        return header;
    }

    /// <summary>The file that holds the voxels of a header by itself; null where they are in the same file.</summary>
    /// <exception cref="SharpSegException">The header is damaged.</exception>
    public virtual string? DataFile(string path) => null;

    /// <summary>The file that writing a volume makes beside it; null where all is in one.</summary>
    public virtual string? WrittenBeside(string path) => null;

    /// <summary>Writes labels as <see cref="VoxelType.UInt8"/> or <see cref="VoxelType.UInt16"/>.</summary>
    public abstract void WriteLabels(string path, ReadOnlyMemory<short> labels, ImageGeometry geometry, VoxelType type);

    /// <summary>Writes one channel of float32 values.</summary>
    public abstract void WriteFloats(string path, ReadOnlySpan<float> voxels, ImageGeometry geometry);

    /// <summary>Checks three sizes from a header: each at least 1, and the product within an array. (x, y, z) order.</summary>
    internal static Extent CheckedExtent(string path, Int128 nx, Int128 ny, Int128 nz)
    {
        if (nx < 1 || ny < 1 || nz < 1)
        {
            throw new SharpSegException(
                $"`{path}`: a size of {nx}×{ny}×{nz} (x, y, z) voxels; each must be at least 1", "the header is damaged");
        }

        if (nx > Array.MaxLength || ny > Array.MaxLength || nz > Array.MaxLength || nx * ny * nz > Array.MaxLength)
        {
            throw new SharpSegException(
                $"`{path}`: a size of {nx}×{ny}×{nz} (x, y, z) voxels; at most {Array.MaxLength} in all are supported",
                "the header is damaged");
        }

        return new((int)nz, (int)ny, (int)nx);
    }

    /// <summary>Everything that <see cref="Stream"/> hands on, as arrays.</summary>
    protected MedicalImage Collect(string path)
    {
        ChannelArrays<float>? arrays = null;
        var header = Stream(path, labels: false, (header, isBelieved) =>
        {
            var own = arrays = new ChannelArrays<float>(path, header, isBelieved);
            return (channel, first, values) => values.CopyTo(own.Room(channel, first, values.Length));
        });
        return new(header.Geometry, arrays!.Channels);
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

    /// <summary>
    /// A header's spacing (x first) as the product uses it, the same rule for every format: its sign does not count; where it is
    /// 0 or not a number 1 mm stands in, and the sentence says so (docs/method/datasets.md §6.2). A single slice keeps the
    /// thickness that its header states: it may be one case of a dataset of volumes. Without one it is a 2D image, and its third
    /// axis the coarsest (6.7).
    /// </summary>
    /// <param name="path">For messages.</param>
    /// <param name="extent">Voxels.</param>
    /// <param name="header">As stored, mm.</param>
    /// <param name="axes">Spatial axes that the header has, 2 or 3.</param>
    /// <exception cref="SharpSegException">A spacing that no image has.</exception>
    internal static (Spacing Spacing, string? Problem) SpacingOf(
        string path, Extent extent, IReadOnlyList<double> header, int axes)
    {
        string? problem = null;
        double Usable(int axis)
        {
            var magnitude = Math.Abs(header[axis]);
            if (double.IsFinite(magnitude) && magnitude > 0)
            {
                // Along an axis of one voxel it is multiplied later, here and in the fingerprint.
                var isPlausible = magnitude >= Spacing.Least && magnitude <= Spacing.Most / (CoarsestFactor * CoarsestFactor);
                return isPlausible ? magnitude : throw new SharpSegException(
                    FormattableString.Invariant(
                        $"`{path}`: its header has a spacing of {header[axis]:g3} mm along {"xyz"[axis]}, which no image has"),
                    "the header is damaged, or its spatial unit is wrong");
            }

            problem ??= FormattableString.Invariant(
                $"`{Path.GetFileName(path)}`: its header has a spacing of {header[axis]} mm along {"xyz"[axis]}; 1 mm is assumed there");
            return 1;
        }

        var (x, y) = (Usable(0), Usable(1));
        var isSlice = extent.Z == 1 && (axes < 3 || !(Math.Abs(header[2]) > 0 && double.IsFinite(header[2])));
        return (isSlice ? SliceSpacing(y, x) : new Spacing(Usable(2), y, x), problem);
    }

    /// <summary>
    /// A 2D image lies in one slice that is far thicker than its pixels, so that z is the coarsest axis
    /// (docs/method/datasets.md §6.7).
    /// </summary>
    internal static Spacing SliceSpacing(double y, double x) => new(CoarsestFactor * Math.Max(y, x), y, x);

    /// <summary>One slice whose thickness the header does not state; some headers store float32.</summary>
    internal static bool IsWithoutThickness(Extent extent, Spacing spacing) =>
        extent.Z == 1 && Math.Abs(spacing.Z - SliceSpacing(spacing.Y, spacing.X).Z) <= 1e-6 * spacing.Z;

    /// <summary>
    /// Whether a header of two axes says everything about an image of another format: one slice without a thickness, in the
    /// plane of the first two axes of space. Every other slice is written as a volume of one slice.
    /// </summary>
    internal static bool IsFlat(ImageGeometry image) => IsWithoutThickness(image.Extent, image.Spacing)
        && image.Affine is [_, _, 0, _, _, _, 0, _, 0, 0, > 0, 0];
}
