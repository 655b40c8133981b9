using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Inference;

/// <summary>
/// What the networks say about a case: logits (modern) or probabilities (classic) of every voxel and head on the preprocessed
/// grid. They stay on the device, and go from there to other grids map by map; or they wait on the host, or in a file, for their
/// turn.
/// </summary>
internal sealed class NetworkOutputs : IOutputMaps, IDisposable
{
    private readonly BufferPool? pool;
    private readonly Extent below;
    private readonly OutputFile? file;
    private Tensor? maps;
    private float[]? host;

    /// <summary>Outputs on the host.</summary>
    /// <param name="backend">Where they will be resampled.</param>
    /// <param name="maps">Channels last (z, y, x, heads); not changed.</param>
    /// <param name="size">Voxels of the preprocessed grid.</param>
    public NetworkOutputs(Backend backend, float[] maps, Extent size)
    {
        (Backend, host, Size) = (backend, maps, size);
        Heads = (int)(maps.LongLength / size.Voxels);
    }

    /// <summary>Outputs on the device.</summary>
    /// <param name="pool">Whose memory they are in.</param>
    /// <param name="maps">(1, z, y, x, heads) on the padded grid.</param>
    /// <param name="below">Padding before the first voxel.</param>
    /// <param name="size">Voxels of the preprocessed grid.</param>
    internal NetworkOutputs(BufferPool pool, Tensor maps, Extent below, Extent size)
    {
        (Backend, this.pool, this.maps, this.below, Size) = (pool.Backend, pool, maps, below, size);
        Heads = maps.Shape.C;
    }

    /// <summary>Outputs in a file, which is closed with them.</summary>
    internal NetworkOutputs(OutputFile file, Extent size)
    {
        (Backend, this.file, Size, Heads) = (file.Backend, file, size, file.Heads);
    }

    /// <summary>Where they are, or will be resampled.</summary>
    public Backend Backend { get; }

    /// <summary>Voxels of the preprocessed grid.</summary>
    public Extent Size { get; }

    /// <summary>Number of maps.</summary>
    public int Heads { get; }

    /// <summary>
    /// Moves them to the host, where the device's memory is wanted for something else; those in a file stay there.
    /// </summary>
    public void MoveToHost()
    {
        if (file is not null)
        {
            return;
        }

        host = ToHost();
        ReturnToPool();
    }

    /// <summary>All of them, channels last (z, y, x, heads).</summary>
    public float[] ToHost()
    {
        if (maps is null)
        {
            return host!;
        }

        var values = new float[maps.Length];
        Backend.Download(maps, values);
        var padded = maps.Shape.Spatial;
        if (Size == padded)
        {
            return values;
        }

        var cropped = new float[Size.Voxels * Heads];
        for (var z = 0; z < Size.Z; z++)
        {
            for (var y = 0; y < Size.Y; y++)
            {
                var from = ((((long)(z + below.Z) * padded.Y) + y + below.Y) * padded.X) + below.X;
                var to = (((long)z * Size.Y) + y) * Size.X;
                Array.Copy(values, from * Heads, cropped, to * Heads, Size.X * Heads);
            }
        }

        return cropped;
    }

    /// <summary>One of them (z, y, x), wherever they are.</summary>
    /// <param name="head">Which one.</param>
    /// <param name="map">Receives a value for each voxel.</param>
    public void Read(int head, Span<float> map)
    {
        using var memory = new VolumeMemory(Backend);
        Backend.Download(((IOutputMaps)this).Take(memory, head, new Box(default, Size)), map);
    }

    /// <summary>Gives the device's memory back.</summary>
    public void Dispose()
    {
        ReturnToPool();
        host = null;
        file?.Dispose();
    }

    /// <inheritdoc/>
    Tensor IOutputMaps.Take(VolumeMemory memory, int head, in Box box)
    {
        if (file is not null)
        {
            return file.Take(memory, head, box);
        }

        var volume = memory.Allocate(box.Size);
        if (maps is not null)
        {
            var origin = box.Origin;
            Backend.TakeChannel(maps, head, new Extent(below.Z + origin.Z, below.Y + origin.Y, below.X + origin.X), volume);
            return volume;
        }

        var values = new float[volume.Length];
        var i = 0;
        for (var z = box.Origin.Z; z < box.EndZ; z++)
        {
            for (var y = box.Origin.Y; y < box.Origin.Y + box.Size.Y; y++)
            {
                var from = ((((((long)z * Size.Y) + y) * Size.X) + box.Origin.X) * Heads) + head;
                for (var x = 0; x < box.Size.X; x++, from += Heads)
                {
                    values[i++] = host![from];
                }
            }
        }

        Backend.Upload(values, volume);
        return volume;
    }

    private void ReturnToPool()
    {
        if (maps is not null)
        {
            pool!.Return(maps);
            maps = null;
            if (pool.InUseBytes == 0)
            {
                pool.Trim(); // the next case has another size
            }
        }
    }
}
