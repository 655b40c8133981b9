using System.Buffers;
using System.Numerics;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Volumes;

/// <summary>
/// A backend's memory for volumes (1, z, y, x, 1) of any size, kept for the next volume that fits and freed at the end. Not a
/// <see cref="BufferPool"/>, whose slabs suit the few sizes of a network.
/// </summary>
internal sealed class VolumeMemory(Backend backend) : IDisposable
{
    private const int Piece = 1 << 18;                    // labels that are converted at a time
    private const double MostSlack = 1.25;                // of a buffer that is used again

    private readonly List<DeviceBuffer> used = [];
    private readonly List<DeviceBuffer> idle = [];

    /// <summary>Where the memory is.</summary>
    public Backend Backend => backend;

    /// <summary>A volume, contents undefined.</summary>
    public Tensor Allocate(Extent size)
    {
        var length = size.Voxels;
        var buffer = idle.Find(candidate => candidate.Length >= length && candidate.Length <= length * MostSlack);
        if (buffer is null)
        {
            FreeIdle();
            buffer = backend.Allocate(length);
        }

        idle.Remove(buffer);
        used.Add(buffer);
        return new Tensor(buffer, 0, Shape.Activation(1, size, 1));
    }

    /// <summary>Takes a volume back.</summary>
    public void Free(Tensor volume)
    {
        used.Remove(volume.Buffer);
        idle.Add(volume.Buffer);
    }

    /// <summary>A label map as a volume of whole numbers.</summary>
    public Tensor Upload(ReadOnlySpan<short> labels, Extent size)
    {
        var volume = Allocate(size);
        var piece = ArrayPool<float>.Shared.Rent(Piece);
        for (var start = 0; start < labels.Length; start += Piece)
        {
            var part = labels[start..Math.Min(start + Piece, labels.Length)];
            ToFloats(part, piece);
            backend.Upload(piece.AsSpan(0, part.Length), Part(volume, start, part.Length));
        }

        ArrayPool<float>.Shared.Return(piece);
        return volume;
    }

    /// <summary>A volume of whole numbers as labels.</summary>
    public void Download(Tensor volume, Span<short> labels)
    {
        var piece = ArrayPool<float>.Shared.Rent(Piece);
        for (var start = 0; start < labels.Length; start += Piece)
        {
            var part = labels[start..Math.Min(start + Piece, labels.Length)];
            backend.Download(Part(volume, start, part.Length), piece.AsSpan(0, part.Length));
            ToLabels(piece, part);
        }

        ArrayPool<float>.Shared.Return(piece);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        FreeIdle();
        used.ForEach(backend.Free);
        used.Clear();
    }

    private static Tensor Part(Tensor volume, int start, int length) =>
        new(volume.Buffer, volume.Offset + start, Shape.Vector(length));

    private static void ToFloats(ReadOnlySpan<short> labels, Span<float> values)
    {
        var i = 0;
        for (; i <= labels.Length - Vector<short>.Count; i += Vector<short>.Count)
        {
            Vector.Widen(new Vector<short>(labels[i..]), out var low, out var high);
            Vector.ConvertToSingle(low).CopyTo(values[i..]);
            Vector.ConvertToSingle(high).CopyTo(values[(i + Vector<int>.Count)..]);
        }

        for (; i < labels.Length; i++)
        {
            values[i] = labels[i];
        }
    }

    private static void ToLabels(ReadOnlySpan<float> values, Span<short> labels)
    {
        var i = 0;
        for (; i <= labels.Length - Vector<short>.Count; i += Vector<short>.Count)
        {
            var low = Vector.ConvertToInt32(new Vector<float>(values[i..]));
            var high = Vector.ConvertToInt32(new Vector<float>(values[(i + Vector<float>.Count)..]));
            Vector.Narrow(low, high).CopyTo(labels[i..]);
        }

        for (; i < labels.Length; i++)
        {
            labels[i] = (short)values[i];
        }
    }

    private void FreeIdle()
    {
        idle.ForEach(backend.Free);
        idle.Clear();
    }
}
