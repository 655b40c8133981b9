using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Volumes;

/// <summary>A volume in a <see cref="VanishingFile"/> (docs/method/memory.md §2).</summary>
/// <typeparam name="T">Voxel type.</typeparam>
internal sealed class FileStore<T> : VoxelStore<T>
    where T : unmanaged
{
    private readonly string path, what;
    private readonly SafeFileHandle file;

    /// <summary>A volume with any contents.</summary>
    /// <param name="folder">Where the file lies.</param>
    /// <param name="size">Voxels.</param>
    /// <param name="what">What it holds, for messages, e.g. "network outputs".</param>
    /// <exception cref="SharpSegException">There is no room for it.</exception>
    public FileStore(string folder, Extent size, string what)
        : base(size)
    {
        this.what = what;
        path = Path.Combine(folder, $".volume-{Guid.NewGuid():n}.tmp");
        try
        {
            file = VanishingFile.Open(path, size.Voxels * Marshal.SizeOf<T>());
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Unwritable(error);
        }
    }

    /// <inheritdoc/>
    public override void Read(in Box box, Span<T> values)
    {
        foreach (var (voxel, at, length) in Runs(box))
        {
            var bytes = MemoryMarshal.AsBytes(values.Slice(at, length));
            for (var offset = voxel * Marshal.SizeOf<T>(); bytes.Length > 0;)
            {
                var n = RandomAccess.Read(file, bytes, offset);
                bytes = n > 0
                    ? bytes[n..]
                    : throw new SharpSegException($"`{path}`: it became shorter while it was in use", "check the disk");
                offset += n;
            }
        }
    }

    /// <inheritdoc/>
    public override void Write(in Box box, ReadOnlySpan<T> values)
    {
        foreach (var (voxel, at, length) in Runs(box))
        {
            Write(voxel, values.Slice(at, length));
        }
    }

    /// <summary>Writes voxels that follow each other.</summary>
    /// <param name="first">The first one.</param>
    /// <param name="values">Their values.</param>
    public void Write(long first, ReadOnlySpan<T> values)
    {
        try
        {
            RandomAccess.Write(file, MemoryMarshal.AsBytes(values), first * Marshal.SizeOf<T>());
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Unwritable(error);
        }
    }

    /// <inheritdoc/>
    public override void Dispose() => file.Dispose();

    private SharpSegException Unwritable(Exception error) => new(
        $"`{path}`: {MemoryBudget.Text(Size.Voxels * Marshal.SizeOf<T>())} of {what} cannot be written: {error.Message}",
        "free disk space, or give more memory with --max-memory", error);
}
