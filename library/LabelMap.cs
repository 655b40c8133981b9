using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Engine.Tensors;

namespace SharpSeg;

/// <summary>A segmentation: one label per voxel, on the grid of the scan, with the names of the labels.</summary>
public sealed class LabelMap
{
    private const double CubicMillimetresPerMillilitre = 1000;
    private readonly LabelImage image;
    private readonly IReadOnlyDictionary<string, IReadOnlyList<int>> structures;

    internal LabelMap(LabelImage image, LabelScheme labels) =>
        (this.image, Names, structures) = (image, labels.OriginalNames, labels.OriginalStructures);

    /// <summary>Voxels (z, y, x).</summary>
    public Extent Extent => image.Extent;

    /// <summary>mm (z, y, x).</summary>
    public Spacing Spacing => image.Spacing;

    /// <summary>Size, spacing and place in space: the scan's.</summary>
    public ImageGeometry Geometry => image.Geometry;

    /// <summary>
    /// One label per voxel, x fastest, then y, then z; 0 is the background, unless the dataset's own files have another value.
    /// </summary>
    public short[] Voxels => image.Voxels;

    /// <summary>
    /// Name of each label but the background's. A region that contains others is made of several labels, of which one has its
    /// name: <see cref="Count(string)"/> counts them all.
    /// </summary>
    public IReadOnlyDictionary<int, string> Names { get; }

    /// <summary>The label of a voxel.</summary>
    public short this[int z, int y, int x] => image.Voxels[((((long)z * Extent.Y) + y) * Extent.X) + x];

    /// <summary>Voxels of a label.</summary>
    public long Count(int label) => image.Voxels.LongCount(voxel => voxel == label);

    /// <summary>Voxels of a structure: of a label, or of a region with all labels in it.</summary>
    /// <param name="name">One of <see cref="Names"/>, or a region's.</param>
    /// <exception cref="ArgumentException">There is no such structure.</exception>
    public long Count(string name) => structures.TryGetValue(name, out var labels)
        ? image.Voxels.LongCount(voxel => labels.Contains(voxel))
        : throw new ArgumentException($"`{name}`: there are {string.Join(", ", structures.Keys)}", nameof(name));

    /// <summary>Volume of a structure in ml: of a label, or of a region with all labels in it.</summary>
    /// <param name="name">One of <see cref="Names"/>, or a region's.</param>
    /// <exception cref="ArgumentException">There is no such structure.</exception>
    public double Millilitres(string name) =>
        Count(name) * Spacing.Z * Spacing.Y * Spacing.X / CubicMillimetresPerMillilitre;

    /// <summary>Writes the map; of the scan's format it has the scan's header.</summary>
    /// <param name="path">The file; its ending picks the format, e.g. .nii.gz. It appears whole or not at all.</param>
    /// <exception cref="SharpSegException">
    /// The format cannot hold it, or it cannot be written, e.g. because there is no such folder.
    /// </exception>
    public void Write(string path) => image.Write(path, Math.Max(Names.Keys.DefaultIfEmpty(0).Max(), Voxels.Max()));
}
