using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Inference;

/// <summary>
/// What the networks say about a case: logits (modern) or probabilities (classic) of every voxel and head on the preprocessed grid. They
/// stay on the device, and go from there to other grids map by map; or they wait on the host for their turn.
/// </summary>
public sealed class NetworkOutputs : IDisposable
{
    private readonly BufferPool? pool;
    private readonly Extent below;
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

    /// <summary>Where they are, or will be resampled.</summary>
    public Backend Backend { get; }

    /// <summary>Voxels of the preprocessed grid.</summary>
    public Extent Size { get; }

    /// <summary>Number of maps.</summary>
    public int Heads { get; }

    /// <summary>Moves them to the host, where the device's memory is wanted for something else.</summary>
    public void MoveToHost()
    {
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

    /// <summary>Gives the device's memory back.</summary>
    public void Dispose()
    {
        ReturnToPool();
        host = null;
    }

    /// <summary>Some planes of one map.</summary>
    /// <param name="memory">Of the same device.</param>
    /// <param name="head">Which map.</param>
    /// <param name="first">First plane.</param>
    /// <param name="count">Planes.</param>
    internal Tensor Take(VolumeMemory memory, int head, int first, int count)
    {
        var volume = memory.Allocate(Size.With(0, count));
        if (maps is not null)
        {
            Backend.TakeChannel(maps, head, below.With(0, below.Z + first), volume);
            return volume;
        }

        var values = new float[volume.Length];
        for (long i = 0, j = ((long)first * Size.Y * Size.X * Heads) + head; i < values.Length; i++, j += Heads)
        {
            values[i] = host![j];
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
        }
    }
}
