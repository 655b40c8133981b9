using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Engine.Tensors;

namespace SharpSeg;

/// <summary>A segmentation: one label per voxel, on the grid of the scan, with the names of the labels.</summary>
public sealed class LabelMap
{
    private const double CubicMillimetresPerMillilitre = 1000;
    private readonly LabelImage image;

    internal LabelMap(LabelImage image, IReadOnlyDictionary<int, string> names) => (this.image, Names) = (image, names);

    /// <summary>Voxels (z, y, x).</summary>
    public Extent Extent => image.Extent;

    /// <summary>mm (z, y, x).</summary>
    public Spacing Spacing => image.Spacing;

    /// <summary>Size, spacing and place in space: the scan's.</summary>
    public ImageGeometry Geometry => image.Geometry;

    /// <summary>One label per voxel, x fastest, then y, then z; 0 is the background.</summary>
    public short[] Voxels => image.Voxels;

    /// <summary>Name of each label but the background's.</summary>
    public IReadOnlyDictionary<int, string> Names { get; }

    /// <summary>The label of a voxel.</summary>
    public short this[int z, int y, int x] => image.Voxels[((((long)z * Extent.Y) + y) * Extent.X) + x];

    /// <summary>Voxels of a label.</summary>
    public long Count(int label) => image.Voxels.LongCount(voxel => voxel == label);

    /// <summary>Volume of a structure in ml.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <exception cref="ArgumentException">There is no such structure.</exception>
    public double Millilitres(string name) => Names.Any(pair => pair.Value == name)
        ? Count(Names.First(pair => pair.Value == name).Key) * Spacing.Z * Spacing.Y * Spacing.X / CubicMillimetresPerMillilitre
        : throw new ArgumentException($"`{name}`: there are {string.Join(", ", Names.Values)}", nameof(name));

    /// <summary>Writes the map; of the scan's format it has the scan's header.</summary>
    /// <param name="path">The file; its ending picks the format, e.g. .nii.gz. It appears whole or not at all.</param>
    /// <exception cref="SharpSegException">
    /// The format cannot hold it, or it cannot be written, e.g. because there is no such folder.
    /// </exception>
    public void Write(string path) => image.Write(path, Math.Max(Names.Keys.DefaultIfEmpty(0).Max(), Voxels.Max()));
}
