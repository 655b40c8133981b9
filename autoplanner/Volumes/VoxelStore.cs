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

    /// <summary>Looks at all planes, in order, some at a time.</summary>
    /// <param name="planes">How many are in memory at a time, where the volume is not.</param>
    /// <param name="action">Sees them.</param>
    public void LookAtPlanes(int planes, PlanesAction action) => ForPlanes(planes, isChanged: false, action);

    /// <summary>Changes all planes in place, in order, some at a time.</summary>
    /// <param name="planes">How many are in memory at a time, where the volume is not.</param>
    /// <param name="action">Changes them.</param>
    public void ChangePlanes(int planes, PlanesAction action) => ForPlanes(planes, isChanged: true, action);

    /// <inheritdoc/>
    public abstract void Dispose();

    /// <summary>Goes over all planes.</summary>
    /// <param name="planes">How many at a time.</param>
    /// <param name="isChanged">What is done to them is kept.</param>
    /// <param name="action">Is handed them.</param>
    protected virtual void ForPlanes(int planes, bool isChanged, PlanesAction action)
    {
        var values = new T[size.With(0, Math.Min(planes, size.Z)).Voxels];
        for (var first = 0; first < size.Z; first += planes)
        {
            var box = Box.Planes(size, first, Math.Min(planes, size.Z - first));
            var some = values.AsSpan(0, (int)box.Size.Voxels);
            Read(box, some);
            action(some, first * size.Y * size.X);
            if (isChanged)
            {
                Write(box, some);
            }
        }
    }

    /// <summary>Is handed some planes.</summary>
    /// <param name="values">Their voxels.</param>
    /// <param name="first">Number of the first of these in the volume.</param>
    internal delegate void PlanesAction(Span<T> values, int first);

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

    /// <summary>All at once: they are in memory.</summary>
    protected override void ForPlanes(int planes, bool isChanged, PlanesAction action) => action(Span, 0);
}
