using System.Buffers.Binary;
using System.IO.Compression;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Inference;

/// <summary>
/// Maps of probabilities in few bytes (docs/method/inference.md §8): probabilities are multiples of 1/65534, only the box is kept
/// outside of which all have one value, and that is deflated. Planes are packed and unpacked one after the other.
/// <para>Bytes: origin and size of the box (z, y, x), six int32, little endian; then, unless the box is empty, one zlib stream:
/// per plane the high and then the low bytes of each code's difference to its left neighbour, the first of a row to 0.</para>
/// </summary>
internal static class CompactMap
{
    /// <summary>The code of probability 1. It is even, so that one half is a code, too.</summary>
    public const ushort One = 65534;

    /// <summary>Bytes of a box.</summary>
    internal const int BoxBytes = 6 * sizeof(int);

    private const ushort OneHalf = One / 2;

    /// <summary>The nearest code; what is above one half, as regions ask, stays above it, and nothing else comes there.</summary>
    /// <param name="probability">0 to 1; rounding may have lifted it above.</param>
    /// <returns>Null if it is no probability.</returns>
    public static ushort? CodeOf(float probability)
    {
        if (!(probability is >= 0 and <= ProbabilityFile.Highest))
        {
            return null;
        }

        var code = (ushort)Math.Min((probability * One) + 0.5f, One);
        return probability > 0.5f ? Math.Max(code, (ushort)(OneHalf + 1)) : Math.Min(code, OneHalf);
    }

    /// <summary>The probability of a code.</summary>
    public static float ProbabilityOf(ushort code) => (float)code / One;
}

/// <summary>The smallest box outside of which every code of a map is the given one; empty if all are.</summary>
/// <param name="extent">Of the map.</param>
/// <param name="outside">The code that need not be kept.</param>
internal sealed class CompactMapBox(Extent extent, ushort outside)
{
    private Extent first = new(int.MaxValue, int.MaxValue, int.MaxValue), end;

    /// <summary>Of what was added.</summary>
    public Box Box => end.Z == 0
        ? default
        : new Box(first, new Extent(end.Z - first.Z, end.Y - first.Y, end.X - first.X));

    /// <summary>Adds planes.</summary>
    /// <param name="plane">Number of the first.</param>
    /// <param name="codes">Of every voxel.</param>
    public void Add(int plane, ReadOnlySpan<ushort> codes)
    {
        for (var row = 0; row < codes.Length / extent.X; row++)
        {
            var values = codes.Slice(row * extent.X, extent.X);
            if (values.IndexOfAnyExcept(outside) is var x and >= 0)
            {
                var (z, y) = (plane + (row / extent.Y), row % extent.Y);
                first = new Extent(Math.Min(first.Z, z), Math.Min(first.Y, y), Math.Min(first.X, x));
                end = new Extent(z + 1, Math.Max(end.Y, y + 1), Math.Max(end.X, values.LastIndexOfAnyExcept(outside) + 1));
            }
        }
    }
}

/// <summary>Packs a map, plane after plane.</summary>
internal sealed class CompactMapWriter : IDisposable
{
    /// <summary>Memory of one, beside the buffer of a plane.</summary>
    public const int Bytes = 320 << 10;                   // measured: what deflating keeps

    private readonly Box box;
    private readonly int width;
    private readonly ZLibStream? deflate;

    /// <summary>Begins.</summary>
    /// <param name="packed">Gets the bytes; stays open.</param>
    /// <param name="extent">Of the map.</param>
    /// <param name="box">What is kept.</param>
    public CompactMapWriter(Stream packed, Extent extent, Box box)
    {
        (this.box, width) = (box, extent.X);
        Span<byte> header = stackalloc byte[CompactMap.BoxBytes];
        for (var axis = 0; axis < 3; axis++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(header[(axis * sizeof(int))..], box.Origin[axis]);
            BinaryPrimitives.WriteInt32LittleEndian(header[((axis + 3) * sizeof(int))..], box.Size[axis]);
        }

        packed.Write(header);
        deflate = box.Size.Voxels > 0 ? new ZLibStream(packed, CompressionLevel.Optimal, leaveOpen: true) : null;
    }

    /// <summary>Packs a plane, if it is kept; planes come in their order.</summary>
    /// <param name="z">Number of the plane.</param>
    /// <param name="codes">Of every voxel of the plane.</param>
    /// <param name="plane">Two bytes a voxel of the plane, to work in.</param>
    public void Write(int z, ReadOnlySpan<ushort> codes, byte[] plane)
    {
        if (deflate is null || z < box.Origin.Z || z >= box.EndZ)
        {
            return;
        }

        var area = box.Size.Y * box.Size.X;
        for (var y = 0; y < box.Size.Y; y++)
        {
            var row = codes.Slice(((y + box.Origin.Y) * width) + box.Origin.X, box.Size.X);
            var left = 0;
            for (var x = 0; x < row.Length; x++)
            {
                var difference = (ushort)(row[x] - left);
                left = row[x];
                var at = (y * box.Size.X) + x;
                (plane[at], plane[area + at]) = ((byte)(difference >> 8), (byte)difference);
            }
        }

        deflate.Write(plane, 0, 2 * area);
    }

    /// <summary>Ends the map.</summary>
    public void Dispose() => deflate?.Dispose();
}

/// <summary>Unpacks a map, plane after plane.</summary>
internal sealed class CompactMapReader : IDisposable
{
    /// <summary>Memory of one, beside the buffer of a plane.</summary>
    public const int Bytes = 64 << 10;                    // what inflating keeps

    private readonly Stream packed;
    private readonly Extent extent;
    private readonly float outside;
    private readonly Box box;
    private readonly ZLibStream? inflate;
    private int next;

    /// <summary>Begins.</summary>
    /// <param name="packed">Bytes that <see cref="CompactMapWriter"/> wrote, or anything else; closed with this.</param>
    /// <param name="extent">Of the map.</param>
    /// <param name="outside">The code outside the box.</param>
    /// <exception cref="InvalidDataException">These are no packed probabilities of this extent.</exception>
    public CompactMapReader(Stream packed, Extent extent, ushort outside)
    {
        (this.packed, this.extent, this.outside) = (packed, extent, CompactMap.ProbabilityOf(outside));
        Span<byte> header = stackalloc byte[CompactMap.BoxBytes];
        if (packed.ReadAtLeast(header, header.Length, throwOnEndOfStream: false) is var count && count < header.Length)
        {
            throw new InvalidDataException($"{count} bytes have no room for a box");
        }

        box = ReadBox(header, extent);
        inflate = box.Size.Voxels > 0 ? new ZLibStream(packed, CompressionMode.Decompress, leaveOpen: true) : null;
    }

    /// <summary>Unpacks the next plane; with the last one everything is checked to be there, and nothing more.</summary>
    /// <param name="target">Gets the probability of every voxel of the plane.</param>
    /// <param name="plane">Two bytes a voxel of the plane, to work in.</param>
    /// <exception cref="InvalidDataException">These are no packed probabilities of this extent.</exception>
    public void Read(Span<float> target, byte[] plane)
    {
        var z = next++;
        target.Fill(outside);
        if (inflate is not null && z >= box.Origin.Z && z < box.EndZ)
        {
            Unpack(inflate, z - box.Origin.Z, target, plane);
        }

        if (next < extent.Z)
        {
            return;
        }

        if (inflate is not null && ReadUpTo(inflate, plane.AsSpan(0, 1)) > 0)
        {
            throw new InvalidDataException("there are more values than its box has voxels");
        }

        packed.CopyTo(Stream.Null);                       // what may follow is part of the checksum
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        inflate?.Dispose();
        packed.Dispose();
    }

    private void Unpack(ZLibStream from, int number, Span<float> target, byte[] plane)
    {
        var area = box.Size.Y * box.Size.X;
        if (ReadUpTo(from, plane.AsSpan(0, 2 * area)) < 2 * area)
        {
            throw new InvalidDataException($"plane {number} of {box.Size.Z} is missing");
        }

        for (var y = 0; y < box.Size.Y; y++)
        {
            var row = target.Slice(((y + box.Origin.Y) * extent.X) + box.Origin.X, box.Size.X);
            ushort code = 0;
            for (var x = 0; x < row.Length; x++)
            {
                var at = (y * box.Size.X) + x;
                code += (ushort)((plane[at] << 8) | plane[area + at]);
                row[x] = code <= CompactMap.One
                    ? CompactMap.ProbabilityOf(code)
                    : throw new InvalidDataException($"the code {code} is no probability");
            }
        }
    }

    private static int ReadUpTo(ZLibStream inflate, Span<byte> bytes)
    {
        try
        {
            return inflate.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        }
        catch (IOException error) // e.g. a stream that wants a dictionary
        {
            throw new InvalidDataException(error.Message, error);
        }
    }

    private static Box ReadBox(ReadOnlySpan<byte> header, Extent extent)
    {
        Span<int> numbers = stackalloc int[6];
        for (var i = 0; i < numbers.Length; i++)
        {
            numbers[i] = BinaryPrimitives.ReadInt32LittleEndian(header[(i * sizeof(int))..]);
        }

        for (var axis = 0; axis < 3; axis++)
        {
            if (numbers[axis] < 0 || numbers[axis + 3] < 0 || (long)numbers[axis] + numbers[axis + 3] > extent[axis])
            {
                throw new InvalidDataException(
                    $"a box of {numbers[3]}×{numbers[4]}×{numbers[5]} voxels at ({numbers[0]}, {numbers[1]}, {numbers[2]}) does "
                        + $"not lie inside {extent}");
            }
        }

        return new Box(new Extent(numbers[0], numbers[1], numbers[2]), new Extent(numbers[3], numbers[4], numbers[5]));
    }
}
