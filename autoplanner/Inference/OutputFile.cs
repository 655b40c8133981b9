using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Inference;

/// <summary>
/// Network outputs that do not fit into memory and are needed more than once, or in another order than they come: they wait in a
/// file, map after map, that vanishes when it is closed (docs/method/memory.md §2).
/// </summary>
internal sealed class OutputFile : IOutputMaps, IPlaneConsumer, IDisposable
{
    private readonly string path;
    private readonly Extent size;
    private readonly int heads;
    private readonly SafeFileHandle file;
    private Box box;
    private int written;

    /// <summary>An empty file.</summary>
    /// <param name="backend">Where maps will be resampled.</param>
    /// <param name="folder">Where the file lies.</param>
    /// <param name="size">Voxels of the preprocessed grid.</param>
    /// <param name="heads">Maps.</param>
    /// <exception cref="SharpSegException">There is no room for it.</exception>
    public OutputFile(Backend backend, string folder, Extent size, int heads)
    {
        (Backend, this.size, this.heads) = (backend, size, heads);
        path = Path.Combine(folder, $".outputs-{Guid.NewGuid():n}.tmp");
        try
        {
            file = File.OpenHandle(
                path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, FileOptions.DeleteOnClose, Bytes(size, heads));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Unwritable(error);
        }
    }

    /// <inheritdoc/>
    public Backend Backend { get; }

    /// <summary>Number of maps.</summary>
    public int Heads => heads;

    /// <summary>Bytes on disk.</summary>
    public static long Bytes(Extent size, int heads) => size.Voxels * heads * sizeof(float);

    /// <summary>From now on, planes of these rows and columns are written.</summary>
    public void Begin(in Box rowsAndColumns) => (box, written) = (rowsAndColumns, 0);

    /// <inheritdoc/>
    public int Take(OutputWindow window, int finished)
    {
        // A few planes at a time: beside the window only they need memory.
        using var memory = new VolumeMemory(Backend);
        var most = (int)Math.Max(1, StreamedLabels.SlabVoxels / Math.Max(1, (long)box.Size.Y * box.Size.X));
        while (written < finished)
        {
            var part = new Box(box.Origin with { Z = written }, box.Size.With(0, Math.Min(most, finished - written)));
            var values = new float[part.Size.Voxels];
            for (var head = 0; head < heads; head++)
            {
                var map = window.Take(memory, head, part);
                Backend.Download(map, values);
                memory.Free(map);
                Write(head, part, values);
            }

            written = part.EndZ;
        }

        return finished;
    }

    /// <inheritdoc/>
    public Tensor Take(VolumeMemory memory, int head, in Box part)
    {
        var values = new float[part.Size.Voxels];
        ForRuns(head, part, (offset, start, length) =>
        {
            var bytes = MemoryMarshal.AsBytes(values.AsSpan(start, length));
            while (bytes.Length > 0)
            {
                var n = RandomAccess.Read(file, bytes, offset);
                bytes = n > 0
                    ? bytes[n..]
                    : throw new SharpSegException($"`{path}`: it became shorter while it was in use", "check the disk");
                offset += n;
            }
        });
        var volume = memory.Allocate(part.Size);
        Backend.Upload(values, volume);
        return volume;
    }

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();

    private void Write(int head, in Box part, float[] values)
    {
        try
        {
            ForRuns(
                head, part, (offset, start, length) =>
                    RandomAccess.Write(file, MemoryMarshal.AsBytes(values.AsSpan(start, length)), offset));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Unwritable(error);
        }
    }

    /// <summary>Calls with (position in the file, first value of the box, values) for what lies in one piece.</summary>
    private void ForRuns(int head, in Box part, Action<long, int, int> run)
    {
        var rows = part.Size.X == size.X ? part.Size.Y : 1;
        var planes = rows == size.Y ? part.Size.Z : 1;
        var length = planes * rows * part.Size.X;
        var start = 0;
        for (var z = 0; z < part.Size.Z; z += planes)
        {
            for (var y = 0; y < part.Size.Y; y += rows, start += length)
            {
                var voxel = ((((long)(part.Origin.Z + z) * size.Y) + part.Origin.Y + y) * size.X) + part.Origin.X;
                run(((head * size.Voxels) + voxel) * sizeof(float), start, length);
            }
        }
    }

    private SharpSegException Unwritable(Exception error) => new(
        $"`{path}`: {Bytes(size, heads) / 1e9:0.0} GB of network outputs cannot be written: {error.Message}",
        "free disk space, give more memory with --max-memory, or predict without --save-probabilities", error);
}
