using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Volumes;

/// <summary>
/// A volume that is read and written box by box, so that it need not be in memory (docs/method/memory.md §3). Disposing lets it
/// go.
/// </summary>
/// <typeparam name="T">Voxel type.</typeparam>
internal abstract class VoxelStore<T>(Extent size) : IDisposable
    where T : unmanaged
{
    /// <summary>Voxels (z, y, x).</summary>
    public Extent Size => size;

    /// <summary>Reads a box.</summary>
    /// <param name="box">Lies inside.</param>
    /// <param name="values">Receives box.Size.Voxels values.</param>
    public abstract void Read(in Box box, Span<T> values);

    /// <summary>Writes a box.</summary>
    /// <param name="box">Lies inside.</param>
    /// <param name="values">box.Size.Voxels values.</param>
    public abstract void Write(in Box box, ReadOnlySpan<T> values);

    /// <inheritdoc/>
    public abstract void Dispose();

    /// <summary>What of a box lies in one piece, as (voxel of the volume, voxel of the box, voxels).</summary>
    protected IEnumerable<(long Voxel, int At, int Length)> Runs(Box box)
    {
        var rows = box.Size.X == size.X ? box.Size.Y : 1;
        var planes = rows == size.Y ? box.Size.Z : 1;
        var length = planes * rows * box.Size.X;
        var at = 0;
        for (var z = 0; z < box.Size.Z; z += planes)
        {
            for (var y = 0; y < box.Size.Y; y += rows, at += length)
            {
                yield return (
                    ((((long)(box.Origin.Z + z) * size.Y) + box.Origin.Y + y) * size.X) + box.Origin.X, at, length);
            }
        }
    }
}

/// <summary>A volume in memory.</summary>
/// <param name="values">size.Voxels values; an array with more behind them lends its room.</param>
/// <param name="size">Voxels.</param>
internal sealed class ArrayStore<T>(T[] values, Extent size) : VoxelStore<T>(size)
    where T : unmanaged
{
    /// <summary>The array itself.</summary>
    public T[] Values { get; private set; } = values;

    /// <summary>The volume's values alone.</summary>
    public Span<T> Span => Values.AsSpan(0, (int)Math.Min(Values.Length, Size.Voxels));

    /// <summary>A volume with any contents.</summary>
    public static ArrayStore<T> Create(Extent size) =>
        new(GC.AllocateUninitializedArray<T>(checked((int)size.Voxels)), size);

    /// <inheritdoc/>
    public override void Read(in Box box, Span<T> values)
    {
        foreach (var (voxel, at, length) in Runs(box))
        {
            Values.AsSpan((int)voxel, length).CopyTo(values[at..]);
        }
    }

    /// <inheritdoc/>
    public override void Write(in Box box, ReadOnlySpan<T> values)
    {
        foreach (var (voxel, at, length) in Runs(box))
        {
            values.Slice(at, length).CopyTo(Values.AsSpan((int)voxel));
        }
    }

    /// <inheritdoc/>
    public override void Dispose() => Values = [];
}
