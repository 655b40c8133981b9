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
    private readonly Extent size;
    private readonly int heads;
    private readonly FileStore<float> maps;
    private float[] values = [];                          // kept: what large arrays leave behind adds up between maps
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
        maps = new FileStore<float>(folder, size.With(0, checked(size.Z * heads)), "network outputs");
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
            var plane = Values(part);
            for (var head = 0; head < heads; head++)
            {
                var map = window.Take(memory, head, part);
                Backend.Download(map, plane);
                memory.Free(map);
                maps.Write(Place(head, part), plane);
            }

            written = part.EndZ;
        }

        return finished;
    }

    /// <inheritdoc/>
    public Tensor Take(VolumeMemory memory, int head, in Box part)
    {
        var map = Values(part);
        maps.Read(Place(head, part), map);
        var volume = memory.Allocate(part.Size);
        Backend.Upload(map, volume);
        return volume;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        maps.Dispose();
        values = [];
    }

    private Span<float> Values(in Box part)
    {
        if (values.Length < part.Size.Voxels)
        {
            values = new float[part.Size.Voxels];
        }

        return values.AsSpan(0, (int)part.Size.Voxels);
    }

    /// <summary>Maps lie one after the other.</summary>
    private Box Place(int head, in Box part) =>
        part with { Origin = part.Origin with { Z = part.Origin.Z + (head * size.Z) } };
}
